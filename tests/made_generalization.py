"""The result of a generalization for tests that look at a few of its numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

from smt.results.generalization import GeneralizationResult, Representative
from smt.results.sensitivity import HyperparameterSensitivity
from smt.results.technique import Replication, ShownTrial, TechniqueRecord, TrialRecord
from smt.search.delta import Delta
from smt.search.settings import Settings
from smt.space import Domain, Theta
from smt.template import Template

NUMBERS = {
    "value": 0.2,
    "mean": 0.2,
    "mean_sem": 0.1,
    "regression_rate": 0.0,
    "helped": 1,
    "neutral": 0,
    "regressed": 0,
}


def made_result(
    techniques: Sequence[TechniqueRecord] = (),
    *,
    representatives: Sequence[str] = ("a", "b"),
    template: Template | None = None,
    others: Sequence[str] = (),
    **changes: Any,
) -> GeneralizationResult:
    """Of fleet 'shop', of whose models the others are no representatives, under one template.

    T_G⁺ are the techniques that are said to generalize, at the θ shown.
    """
    template = template or Template(name="t")
    values: dict[str, Any] = {
        "fleet": "shop",
        "templates": {template.name: template},
        "model_templates": dict.fromkeys((*representatives, *others), template.name),
        "settings": Settings(seed=3),
        "inertias": {1: 1.0},
        "silhouettes": {},
        "representatives": tuple(
            Representative(
                model=name,
                weight=1 / len(representatives),
                ne=0.9,
                flops=10,
                bytes=40,
                train_rows=20,
                judged_rows=30,
            )
            for name in representatives
        ),
        "holdout_models": (),
        "short_windows": {},
        "techniques": tuple(techniques),
        "generalized": {each.name: each.shown.theta for each in techniques if each.generalizes},
    }
    return GeneralizationResult(**{**values, **changes})


def made_technique(
    name: str, theta: Theta | None = None, *, shown: Mapping[str, Any] = {}, **changes: Any
) -> TechniqueRecord:
    """One that generalizes by a search of one trial, unless the changes say otherwise."""
    trial = made_trial(theta=theta or {})
    values = {
        "name": name,
        "source": "a test",
        "generalizes": True,
        "kind": "gain",
        "reason": f"{name} is [good]",
        "feasible": True,
        "stopped": None,
        "paper": 0,
        "paper_generalizes": True,
        "estimate": None,
        "shown": ShownTrial(
            **{
                **dict(trial),
                "source": "search",
                "interval": None,
                "feasible_probability": None,
                **shown,
            }
        ),
        "confirmation": (),
        "holdout": None,
        "sensitivity": {},
        "trials": (trial,),
    }
    return TechniqueRecord(**{**values, **changes})


def made_trial(number: int = 0, *, theta: Theta | None = None, skipped: int = 0) -> TrialRecord:
    deltas = {"a": Delta.measured(0.2), "b": Delta.measured(0.2)}
    return TrialRecord(
        **NUMBERS,
        number=number,
        theta=theta or {},
        skipped=skipped,
        savings=None,
        growth=None,
        deltas=deltas,
    )


def made_replication(seeds: Sequence[int], deltas: Mapping[str, float | None]) -> Replication:
    """Of the search's first trial; alike on all seeds."""
    by_model = {model: Delta.of(delta) for model, delta in deltas.items()}
    return Replication(
        **NUMBERS,
        trial=0,
        theta={},
        deltas=by_model,
        seeds=tuple(seeds),
        by_seed=tuple(by_model for _ in seeds),
        interval=None,
        lower=None,
        upper=None,
        feasible_probability=0.9,
        decision="generalizes",
        kind="gain",
    )


def made_sensitivity(
    decision: str, reason: str, domain: Domain | None
) -> HyperparameterSensitivity:
    return HyperparameterSensitivity(
        beta=None,
        interval=None,
        sigma2=None,
        raw_sigma2=None,
        model_betas=(),
        effects=(),
        decision=decision,
        reason=reason,
        domain=domain,
        default=None,
    )
