"""The options of a fleet's models, from finished launches that compare with the same."""

from collections.abc import Sequence
from typing import Any

from smt.errors import InputError
from smt.model_iteration.capacity import Choosing, Option
from smt.results.folder import read_result
from smt.results.launch import LaunchResult
from smt.results.launch_models import MODELS
from smt.storage import Folder


def read_options(launches: Sequence[str]) -> tuple[str, list[Choosing], list[str]]:
    """The fleet's name, what every model may have, and models of which no cost is known.

    A model may have today's template, or one under which it was trained and compared and breaks
    none of its own limits. That it costs more than today, or falls, holds a launch back but is no
    matter here: the fleet's budget decides.

    Args:
        launches: Folders or URIs.

    Raises:
        InputError: One is no finished launch or tuned hyperparameters, they are of different
            fleets, or a model is compared with nothing, with one thing here and another there, or
            with the same on other rows or seeds.
    """
    if not launches:
        raise InputError("no launches are given; at least one is needed")
    fleets: dict[str, str] = {}
    rows: dict[str, list[dict[str, Any]]] = {}
    for launch in launches:
        folder = Folder(launch)
        result = read_result(folder, LaunchResult)
        if result.tuning is not None:
            raise InputError(
                f"{launch}: models chose hyperparameters of their own, and a choice of templates "
                "keeps none; launch without --tune-evaluations"
            )
        fleets[launch] = result.fleet
        for row in folder.read_table(MODELS).to_pylist():
            rows.setdefault(row["model"], []).append({**row, "launch": launch})
    if len({*fleets.values()}) > 1:
        said = ", ".join(f"{launch} of '{fleet}'" for launch, fleet in fleets.items())
        raise InputError(f"the launches are of different fleets: {said}")
    found = {model: _choosing(model, of_model) for model, of_model in rows.items()}
    left_out = [model for model, choosing in found.items() if choosing is None]
    return fleets[launches[0]], [known for known in found.values() if known], left_out


def _choosing(model: str, rows: Sequence[dict[str, Any]]) -> Choosing | None:
    """None where what it costs today is not known: no network was trained, or others serve it."""
    names = {row["baseline"] for row in rows}
    if None in names:
        (launch, *_) = (row["launch"] for row in rows if row["baseline"] is None)
        raise InputError(
            f"{launch}: model '{model}' is compared with nothing; launch with --baseline, or name "
            "its incumbent in the fleet"
        )
    if len(names) > 1:
        raise InputError(
            f"model '{model}' is compared with different things, {' and '.join(sorted(names))}: "
            "what options gain can be compared only over the same"
        )
    # Of the same rows and seed the same network comes to the same NE, to the last bit.
    if len({row["baseline_ne"] for row in rows if row["baseline_ne"] is not None}) > 1:
        raise InputError(
            f"model '{model}' is compared with {min(names)} on other rows or another seed from "
            "launch to launch: what options gain can be compared only over the same"
        )
    (today,) = names
    costs = [row["baseline_flops"] for row in rows if row["baseline_flops"] is not None]
    others = {
        row["template"]: Option(row["template"], row["delta"], row["sem"] or 0.0, row["flops"])
        for row in rows
        if row["within_limits"] and row["delta"] is not None and row["template"] != today
    }
    if not costs:
        return None
    return Choosing(model, rows[0]["weight"], (Option(today, 0.0, 0.0, costs[0]), *others.values()))
