"""What tuning came to over a fleet: columns of its table, and their summary."""

import json
from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Any

from smt.model_iteration.instance import Evidence, Tuning
from smt.results.launch import TunedHyperparameter, TuningSummary, UntunedModel
from smt.space import Value


def tuning_columns(evidence: Evidence) -> dict[str, Any]:
    """A model's cells of `smt.results.launch_models.SCHEMA` that are of tuning."""
    own = {"hyperparameters": json.dumps(evidence.hyperparameters)}
    tuning = evidence.tuning
    if tuning is None:
        return own
    return {
        **own,
        "tuning": tuning.choice,
        "tuning_default": json.dumps(tuning.default),
        "tuning_evaluations": tuning.evaluations,
        "tuning_failures": tuning.failures,
        "validation_delta": tuning.delta,
        "validation_sem": tuning.sem,
        "confirmed_delta": tuning.confirmed_delta,
        "confirmed_sem": tuning.confirmed_sem,
        "tuning_remark": tuning.remark,
    }


def summarise_tuning(evidence: Sequence[Evidence]) -> TuningSummary | None:
    """Which models chose what; None where none was tuned."""
    tuned = [(each, each.tuning) for each in evidence if each.tuning is not None]
    if not tuned:
        return None
    choices = Counter(tuning.choice for _, tuning in tuned)
    gains = [
        tuning.confirmed_delta
        for _, tuning in tuned
        if tuning.choice == "chosen" and tuning.confirmed_delta is not None
    ]
    # In the order in which models name them.
    defaults = {place: value for _, tuning in tuned for place, value in tuning.default.items()}
    return TuningSummary(
        models=len(tuned),
        chosen=choices["chosen"],
        kept=choices["kept"],
        failed=tuple(
            UntunedModel(model=each.model, remark=tuning.remark)
            for each, tuning in tuned
            if tuning.choice == "failed"
        ),
        evaluations=sum(tuning.evaluations for _, tuning in tuned),
        failures=sum(tuning.failures for _, tuning in tuned),
        gain=median(gains) if gains else None,
        hyperparameters={
            place: _hyperparameter(place, default, evidence, tuned)
            for place, default in defaults.items()
        },
    )


def _hyperparameter(
    place: str,
    default: Value,
    evidence: Sequence[Evidence],
    tuned: Sequence[tuple[Evidence, Tuning]],
) -> TunedHyperparameter:
    searched = [(each, tuning) for each, tuning in tuned if place in tuning.default]
    values = [each.hyperparameters[place] for each, tuning in searched if tuning.choice == "chosen"]
    named = sum(place in each.hyperparameters for each in evidence)
    return TunedHyperparameter(
        default=default,
        searched=len(searched),
        chosen=len(values),
        set=named - len(searched),
        **_spread(values),
    )


def _spread(values: Sequence[Value]) -> dict[str, Any]:
    """The fields that say which values models chose."""
    amounts = [value for value in values if not isinstance(value, bool | str)]
    if amounts and len(amounts) == len(values):
        return {"least": min(amounts), "median": median(amounts), "most": max(amounts)}
    return {"values": tuple(Counter(values).most_common())}
