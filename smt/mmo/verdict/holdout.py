"""What a technique that generalizes must reach on the holdout models M_H (§3.3.2)."""

import math
from collections.abc import Sequence

from smt.fleet import ModelSpec
from smt.mmo.verdict.confirmation import Measured
from smt.search.goal import Goal

# A holdout is small and noisy: R above ε fails only where it is likelier than this.
SURELY_INFEASIBLE = 0.95


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
