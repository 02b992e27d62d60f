"""From finished launches to a template for every model, within a budget of the whole fleet."""

from collections import Counter
from collections.abc import Sequence
from math import ceil, fsum, inf
from statistics import fmean

import numpy as np
import pyarrow as pa

from smt.errors import InputError
from smt.fleet import template_names
from smt.fleet.fleet_file import FleetFile, fleet_text
from smt.fleet.incumbent import Checkpoint
from smt.model_iteration.capacity import Knapsack
from smt.model_iteration.launched_options import read_options
from smt.results.capacity import (
    CapacityResult,
    ChosenTemplate,
    FrontierPoint,
    ModelChoice,
)
from smt.results.folder import RESULT, read_result, write_result
from smt.storage import Folder

CHOICES = "choices.parquet"
POINTS = 41
"""Budgets at which the frontier is solved."""


def choose_capacity(launches: Sequence[str], *, budget: float = 1.0) -> CapacityResult:
    """The choice a model that maximises mean Δ by traffic.

    Args:
        launches: Folders or URIs of finished launches that compare with the same.
        budget: Of the fleet's FLOPs, over what it takes today.

    Raises:
        InputError: The launches do not go together, or nothing fits the budget.
    """
    if not (0 < budget < inf):
        raise InputError(
            f"the budget is {budget:g}; it must be a positive multiple of today's cost"
        )
    fleet, models, left_out = read_options(launches)
    if not models:
        raise InputError(
            f"fleet '{fleet}': what its models cost today is known of none: no network was "
            "trained, or predictions made elsewhere are what they run"
        )
    knapsack = Knapsack(models)
    today, least = knapsack.today, knapsack.costs[0]
    if budget * today < least:
        raise InputError(
            f"the budget is {budget:g} times today's cost; the cheapest templates take "
            f"{ceil(1000 * least / today) / 1000:g}"
        )
    chosen = knapsack.solve(budget * today)
    choices = tuple(
        ModelChoice(
            model=model.model,
            weight=model.weight,
            today=model.options[0].template,
            template=option.template,
            gain=option.gain,
            sem=option.sem,
            flops=option.flops,
            flops_today=model.options[0].flops,
        )
        for model, option in zip(models, chosen.options, strict=True)
    )
    return CapacityResult(
        fleet=fleet,
        launches=tuple(launches),
        budget=budget,
        cost=chosen.flops / today,
        flops=chosen.flops,
        flops_today=today,
        gain=chosen.gain,
        gain_sem=chosen.sem,
        shadow_price=knapsack.shadow_price(budget * today) * today / 100,
        templates=_templates(choices),
        frontier=tuple(_frontier(knapsack)),
        choices=choices,
        left_out=tuple(left_out),
    )


def _templates(choices: Sequence[ModelChoice]) -> dict[str, ChosenTemplate]:
    total = fsum(choice.weight for choice in choices)
    templates = {}
    for name, count in Counter(choice.template for choice in choices).most_common():
        own = [choice for choice in choices if choice.template == name]
        templates[name] = ChosenTemplate(
            models=count,
            traffic=fsum(choice.weight for choice in own) / total,
            gain=fmean(choice.gain for choice in own),
        )
    return templates


def _frontier(knapsack: Knapsack) -> list[FrontierPoint]:
    """From the least cost to that of the largest gain, budgets evenly spread by ratio."""
    least, most = knapsack.costs
    today = knapsack.today
    points = []
    for budget in np.geomspace(least, most, POINTS) if most > least else [least]:
        chosen = knapsack.solve(max(float(budget), least))
        points.append(FrontierPoint(cost=chosen.flops / today, gain=chosen.gain))
    return points


def save_capacity(result: CapacityResult, folder: Folder, fleet_file: str | None = None) -> None:
    """Write `result.json`, `choices.parquet`, and `fleet.yaml` where a fleet file is given.

    Args:
        fleet_file: The fleet's; in the copy every model names the template that it gets.

    Raises:
        InputError: The folder holds something else, or the file is of another fleet.
    """
    if folder.exists(RESULT):
        read_result(folder, CapacityResult)
    if fleet_file is not None:
        text = _with_templates(FleetFile.load(fleet_file), result, fleet_file)
        folder.write("fleet.yaml", text.encode())
    rows = [choice.to_dict() for choice in result.choices]
    folder.write_table(CHOICES, pa.Table.from_pylist(rows))
    write_result(folder, result)


def _with_templates(fleet: FleetFile, result: CapacityResult, source: str) -> str:
    """The fleet's file, where every model names its template; those left out as before."""
    chosen = {choice.model: choice.template for choice in result.choices}
    lacking = {*chosen, *result.left_out} - {entry.name for entry in fleet.models}
    if fleet.name != result.fleet or lacking:
        what = f"has no model '{min(lacking)}'" if lacking else f"is fleet '{fleet.name}'"
        raise InputError(f"{source}: {what}; the launches are of fleet '{result.fleet}'")
    before = {name: known.name for name, known in template_names(fleet.resolve("fleet")).items()}
    # What stays on a checkpoint has no template, and its line says what it may be built from.
    stays = {
        entry.name
        for entry in fleet.models
        if isinstance(entry.incumbent, Checkpoint)
        and chosen.get(entry.name) == entry.incumbent.named
    }
    chosen = {model: template for model, template in chosen.items() if model not in stays}
    models = [
        entry.model_copy(update={"template": chosen.get(entry.name, before.get(entry.name))})
        for entry in fleet.models
    ]
    return fleet_text(fleet.model_copy(update={"models": tuple(models), "templates": ()}))
