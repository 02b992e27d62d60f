"""Models outside the representatives, on which a technique that generalizes must hold (§3.3.2)."""

import math
from collections.abc import Collection, Sequence

import numpy as np

from smt.errors import InputError
from smt.fleet import Fleet, ModelSpec, Representatives
from smt.mmo.confirmation import Measured
from smt.mmo.goal import Goal

# A holdout is small and noisy: R above ε fails only where it is likelier than this.
SURELY_INFEASIBLE = 0.95


def draw_holdout(
    fleet: Fleet,
    chosen: Representatives,
    *,
    count: int | None,
    seed: int,
    left_out: Collection[str] = (),
) -> tuple[ModelSpec, ...]:
    """Draw M_H over the clusters: one of each in turn, none of the representatives.

    Models without traffic are left out: they weigh nothing.

    Args:
        count: As many as there are representatives where None, if the fleet has them.
        left_out: Names of models that cannot be drawn.

    Raises:
        InputError: The fleet has not so many others.
    """
    representatives = {model.name for model in chosen.models}
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(fleet.models))
    clusters: dict[int, list[ModelSpec]] = {}
    for place in order.tolist():
        model = fleet.models[place]
        if model.weight and model.name not in {*representatives, *left_out}:
            clusters.setdefault(int(chosen.clusters[place]), []).append(model)
    others = [
        members[turn]
        for turn in range(max(map(len, clusters.values()), default=0))
        for _, members in sorted(clusters.items())
        if turn < len(members)
    ]
    if count is not None and count > len(others):
        raise InputError(
            f"{count} holdout models asked for; fleet '{fleet.name}' has {len(others)} models "
            "besides the representatives that have traffic and that the template can serve"
        )
    return tuple(others[: len(representatives) if count is None else count])


def holds(found: Measured, goal: Goal) -> bool:
    """Whether a technique holds on the holdout: μ reaches τ, and R is not surely above ε."""
    return (
        not math.isnan(found.aggregate.mean)
        and found.aggregate.mean >= goal.tau
        and found.feasible_probability > 1 - SURELY_INFEASIBLE
    )


def explain_holdout(found: Measured, models: Sequence[ModelSpec], goal: Goal) -> str:
    """Why a technique holds or not, in one sentence without its end."""
    broken = [
        model.name for model, delta in zip(models, found.deltas, strict=True) if math.isnan(delta)
    ]
    if broken:
        return f"it breaks {', '.join(broken)}"
    mean, chance = found.aggregate.mean, found.feasible_probability
    if mean < goal.tau:
        return f"μ = {mean:+.3f}% is below τ = {goal.tau:g}%"
    if not holds(found, goal):
        rate = found.aggregate.regression_rate
        return f"R = {rate:.2f}, and R <= {goal.epsilon:g} has probability {chance:.2f} only"
    return f"μ = {mean:+.3f}% reaches τ = {goal.tau:g}%, P(R <= {goal.epsilon:g}) = {chance:.2f}"
