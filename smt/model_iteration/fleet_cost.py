"""What serving a fleet costs, of which some models ship: measured, with baselines and without."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from smt.capacity import Capacity
from smt.fleet import ModelSpec
from smt.fleet.budget import FleetCost
from smt.model_iteration.capacity import Choosing, Knapsack, Option
from smt.model_iteration.instance import Evidence
from smt.serving import ServingCost

STAYS, SHIPS = "stays", "ships"


@dataclass(frozen=True)
class CostedModel:
    """A model of which both costs are known.

    Attributes:
        before, after: Of its baseline, and of what it would ship.
    """

    name: str
    weight: float
    before: ServingCost
    after: ServingCost

    @property
    def grows(self) -> bool:
        """Whether it would cost more in anything that the fleet's budget counts."""
        return self.after.flops > self.before.flops or self.after.bytes > self.before.bytes


def costed_models(made: Iterable[tuple[ModelSpec, Evidence]]) -> list[CostedModel]:
    """Those of which both costs are known; what others cost is in no budget."""
    return [
        CostedModel(model.name, model.weight, evidence.baseline_cost, evidence.cost)
        for model, evidence in made
        if evidence.baseline_cost is not None and evidence.cost is not None
    ]


def fleet_cost(models: Sequence[CostedModel], shipping: Collection[str]) -> FleetCost:
    """Of all models: those that ship under their templates, the others under their baselines."""
    costs = [model.after if model.name in shipping else model.before for model in models]
    return FleetCost.over(costs, [model.weight for model in models])


def within_budget(
    models: Sequence[CostedModel],
    shipping: Collection[str],
    gains: dict[str, float],
    capacity: Capacity,
) -> set[str]:
    """Of the models that would ship, those of the largest gain by traffic that the fleet can bear.

    Those that cost no more than their baselines all are.

    Args:
        shipping: Names of what would ship.
        gains: Δ of models, percent; of one that is not named 0.
        capacity: Of the fleet, over what it costs before.
    """
    before, everything = fleet_cost(models, ()), fleet_cost(models, shipping)
    budget = before.budget(capacity)
    if budget is None or everything.growth_from(before).excess(capacity) is None:
        return set(shipping)
    traffic = any(model.weight for model in models)
    choosing = [
        Choosing(model.name, model.weight if traffic else 1.0, _options(model, shipping, gains))
        for model in models
    ]
    chosen = Knapsack(choosing).solve(budget.flops, budget.bytes)
    left = {
        model.name
        for model, option in zip(models, chosen.options, strict=True)
        if model.name in shipping and option.template == STAYS
    }
    ships = set(shipping) - left
    # Without traffic a gain weighs nothing in the programme, and what fits may ship.
    for model in models:
        if model.name in left and not model.weight and gains.get(model.name, 0.0) >= 0:
            cost = fleet_cost(models, ships | {model.name})
            if cost.growth_from(before).excess(capacity) is None:
                ships.add(model.name)
    return ships


def _options(
    model: CostedModel, shipping: Collection[str], gains: dict[str, float]
) -> tuple[Option, ...]:
    stays = Option(STAYS, 0.0, 0.0, model.before.flops, model.before.bytes)
    ships = Option(SHIPS, gains.get(model.name, 0.0), 0.0, model.after.flops, model.after.bytes)
    if model.name not in shipping:
        return (stays,)
    return (stays, ships) if model.grows else (ships,)
