"""What a technique that generalizes must reach on the holdout models M_H (§3.3.2)."""

from smt.results.technique import Replication
from smt.search.goal import Goal

# A holdout is small and noisy: R above ε fails only where it is likelier than this.
SURELY_INFEASIBLE = 0.95


def holds(measured: Replication, goal: Goal) -> bool:
    """Whether a technique holds on the holdout: μ reaches τ, and R is not surely above ε."""
    # Where a model failed there is no μ, which reaches nothing.
    reaches = measured.mean is not None and measured.mean >= goal.tau
    return reaches and measured.feasible_probability > 1 - SURELY_INFEASIBLE


def explain_holdout(measured: Replication, goal: Goal) -> str:
    """Why a technique holds or not, in one sentence without its end."""
    mean, chance = measured.mean, measured.feasible_probability
    if mean is None:
        broken = [model for model, delta in measured.deltas.items() if delta.status == "failed"]
        return f"it breaks {', '.join(broken)}"
    if mean < goal.tau:
        return f"μ = {mean:+.3f}% is below τ = {goal.tau:g}%"
    if not holds(measured, goal):
        rate = measured.regression_rate
        return f"R = {rate:.2f}, and R <= {goal.epsilon:g} has probability {chance:.2f} only"
    return f"μ = {mean:+.3f}% reaches τ = {goal.tau:g}%, P(R <= {goal.epsilon:g}) = {chance:.2f}"
