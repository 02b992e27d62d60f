"""Which models ship: one decision over all evidence of a fleet, once all of it is there.

A model that its own evidence holds back, or that failed, stays what it is. Of the others

1. one whose true Δ is likelier than not below -α is held back. That is told by all models of the
   same change together (`smt.search.posterior`): noise alone puts many of them below -α as
   measured;
2. where the rest would make the fleet dearer than its capacity, the fewest percent of Δ by traffic
   are given up: each of those that cost more than their baselines ships or stays, by a knapsack
   (`smt.model_iteration.capacity`), and those that save pay for them.
"""

from collections.abc import Hashable, Mapping, Sequence

from smt.capacity import Capacity
from smt.fleet import ModelSpec
from smt.model_iteration.fleet_cost import (
    CostedModel,
    costed_models,
    fleet_cost,
    within_budget,
)
from smt.model_iteration.instance import Evidence, Instance
from smt.results.launch import LaunchDecision
from smt.results.launch_settings import LaunchSettings
from smt.search.posterior import Posterior, posteriors

LIKELIER_THAN_NOT = 0.5
"""A loss that ships and a gain that is held back are equally bad."""


def decide(
    models: Sequence[ModelSpec],
    evidence: Sequence[Evidence],
    settings: LaunchSettings,
    changes: Sequence[Hashable] | None = None,
) -> tuple[Instance, ...]:
    """Decide on every model; equal evidence comes to equal decisions.

    Args:
        models: Of the fleet; their traffic counts.
        evidence: One a model.
        changes: From what to what each goes, such as its template and what that is compared with:
            what one change does says little of another. One and the same where None.
    """
    posterior = find_posteriors(evidence, settings.alpha, changes)
    held = {
        model: _regression(known, settings.alpha)
        for model, known in posterior.items()
        if known.regression_chance > LIKELIER_THAN_NOT
    }
    shipping = {each.model for each in evidence if each.finding == "could ship"} - held.keys()
    costed = costed_models(zip(models, evidence, strict=True))
    held |= _beyond(settings.capacity, costed, shipping, posterior)
    return tuple(
        _decided(each, posterior.get(each.model), held.get(each.model)) for each in evidence
    )


def find_posteriors(
    evidence: Sequence[Evidence], alpha: float, changes: Sequence[Hashable] | None = None
) -> dict[str, Posterior]:
    """What all models of a change together say of each whose Δ was measured, by name."""
    measured: dict[Hashable, list[Evidence]] = {}
    for each, change in zip(evidence, changes or [None] * len(evidence), strict=True):
        if each.delta.status == "measured":
            measured.setdefault(change, []).append(each)
    return {
        each.model: known
        for alike in measured.values()
        for each, known in zip(alike, posteriors([one.delta for one in alike], alpha), strict=True)
    }


def _decided(evidence: Evidence, posterior: Posterior | None, held: str | None) -> Instance:
    """Args: held: Why the fleet's evidence holds it back, where it does."""
    outcome: LaunchDecision = "ships"
    reasons = evidence.reasons
    if evidence.finding != "could ship":
        outcome = evidence.finding
    elif held is not None:
        outcome, reasons = "held back", (held, *reasons)
    return Instance(outcome=outcome, reasons=reasons, posterior=posterior, evidence=evidence)


def _regression(posterior: Posterior, alpha: float) -> str:
    return (
        f"as all models of its change tell, its true Δ is {posterior.delta:+.3f}%, and below "
        f"-α = -{alpha:g}% with a chance of {posterior.regression_chance:.0%}"
    )


def _beyond(
    capacity: Capacity,
    costed: Sequence[CostedModel],
    shipping: set[str],
    posterior: Mapping[str, Posterior],
) -> dict[str, str]:
    """The models that the fleet's capacity leaves out -> why.

    Args:
        costed: Of which both costs are known.
        shipping: Names of all that would ship.
    """
    if capacity == "free":
        return {}
    gains = {model: known.delta for model, known in posterior.items()}
    left = shipping - within_budget(costed, shipping, gains, capacity)
    growth = fleet_cost(costed, shipping).growth_from(fleet_cost(costed, ()))
    reason = (
        f"the fleet's budget leaves it out: all that could ship would grow its FLOPs by "
        f"{growth.flops:.3g}% and its bytes by {growth.bytes:.3g}%, and {capacity:g}% are allowed; "
        "what gains more for its cost goes first"
    )
    return dict.fromkeys(left, reason)
