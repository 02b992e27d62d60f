"""What a technique that generalizes must reach on the holdout models M_H (§3.3.2)."""

from collections.abc import Sequence

from smt.fleet import ModelSpec
from smt.mmo.verdict.confirmation import Measured
from smt.search.goal import Goal

# A holdout is small and noisy: R above ε fails only where it is likelier than this.
SURELY_INFEASIBLE = 0.95


def holds(measured: Measured, goal: Goal) -> bool:
    """Whether a technique holds on the holdout: μ reaches τ, and R is not surely above ε."""
    # Where a model failed there is no μ, which reaches nothing.
    return (
        measured.aggregate.mean >= goal.tau
        and measured.feasible_probability > 1 - SURELY_INFEASIBLE
    )


def explain_holdout(measured: Measured, models: Sequence[ModelSpec], goal: Goal) -> str:
    """Why a technique holds or not, in one sentence without its end."""
    outcomes = zip(models, measured.outcomes, strict=True)
    broken = [model.name for model, delta in outcomes if delta.status == "failed"]
    if broken:
        return f"it breaks {', '.join(broken)}"
    mean, chance = measured.aggregate.mean, measured.feasible_probability
    if mean < goal.tau:
        return f"μ = {mean:+.3f}% is below τ = {goal.tau:g}%"
    if not holds(measured, goal):
        rate = measured.aggregate.regression_rate
        return f"R = {rate:.2f}, and R <= {goal.epsilon:g} has probability {chance:.2f} only"
    return f"μ = {mean:+.3f}% reaches τ = {goal.tau:g}%, P(R <= {goal.epsilon:g}) = {chance:.2f}"
