"""What a technique that generalizes must reach on the holdout models M_H (§3.3.2)."""

from smt.mmo.verdict.saving import least_mean
from smt.results.technique import Kind, Replication
from smt.search.goal import Goal

# A holdout is small and noisy: R above ε fails only where it is likelier than this.
SURELY_INFEASIBLE = 0.95


def holds(measured: Replication, goal: Goal, kind: Kind = "gain") -> bool:
    """Whether a technique holds on the holdout: μ reaches τ, and R is not surely above ε.

    Of one that generalizes because it saves, μ need only reach −τ.
    """
    # Where a model failed there is no μ, which reaches nothing.
    least = least_mean(goal, saves=kind == "saving")
    reaches = measured.mean is not None and measured.mean >= least
    return reaches and measured.feasible_probability > 1 - SURELY_INFEASIBLE


def explain_holdout(measured: Replication, goal: Goal, kind: Kind = "gain") -> str:
    """Why a technique holds or not, in one sentence without its end."""
    mean, chance = measured.mean, measured.feasible_probability
    saves = kind == "saving"
    least, name = least_mean(goal, saves=saves), "-τ" if saves else "τ"
    if mean is None:
        broken = [model for model, delta in measured.deltas.items() if delta.status == "failed"]
        return f"it breaks {', '.join(broken)}"
    if mean < least:
        return f"μ = {mean:+.3f}% is below {name} = {least:g}%"
    if not holds(measured, goal, kind):
        rate = measured.regression_rate
        return f"R = {rate:.2f}, and R <= {goal.epsilon:g} has probability {chance:.2f} only"
    return f"μ = {mean:+.3f}% reaches {name} = {least:g}%, P(R <= {goal.epsilon:g}) = {chance:.2f}"
