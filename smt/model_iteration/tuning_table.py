"""What tuning came to over a fleet: columns of its table, and their summary."""

import json
from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Any

from smt.model_iteration.instance import Hyperparameters, Instance, Tuning
from smt.results.launch import TunedHyperparameter, TuningSummary, UntunedModel
from smt.space import Value


def tuning_columns(instance: Instance) -> dict[str, Any]:
    """A model's cells of `smt.results.launch_models.SCHEMA` that are of tuning."""
    own = {"hyperparameters": json.dumps(instance.hyperparameters)}
    tuning = instance.tuning
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


def summarise_tuning(instances: Sequence[Instance]) -> TuningSummary | None:
    """Which models chose what; None where none was tuned."""
    tuned = [instance for instance in instances if instance.tuning is not None]
    tunings = [instance.tuning for instance in tuned if instance.tuning is not None]
    if not tunings:
        return None
    gains = [
        tuning.confirmed_delta
        for tuning in tunings
        if tuning.choice == "chosen" and tuning.confirmed_delta is not None
    ]
    return TuningSummary(
        models=len(tunings),
        chosen=sum(tuning.choice == "chosen" for tuning in tunings),
        kept=sum(tuning.choice == "kept" for tuning in tunings),
        failed=tuple(
            UntunedModel(model=instance.model, remark=tuning.remark)
            for instance, tuning in zip(tuned, tunings, strict=True)
            if tuning.choice == "failed"
        ),
        evaluations=sum(tuning.evaluations for tuning in tunings),
        failures=sum(tuning.failures for tuning in tunings),
        gain=median(gains) if gains else None,
        hyperparameters=_hyperparameters(instances, tunings),
    )


def _hyperparameters(
    instances: Sequence[Instance], tunings: Sequence[Tuning]
) -> dict[str, TunedHyperparameter]:
    """By place, in the order in which models name them."""
    defaults: Hyperparameters = {}
    for tuning in tunings:
        defaults |= tuning.default
    return {place: _hyperparameter(place, defaults[place], instances) for place in defaults}


def _hyperparameter(
    place: str, default: Value, instances: Sequence[Instance]
) -> TunedHyperparameter:
    searched = chosen = 0
    values = []
    for instance in instances:
        if instance.tuning is not None and place in instance.tuning.default:
            searched += 1
            if instance.tuning.choice == "chosen":
                chosen += 1
                values.append(instance.hyperparameters[place])
    named = sum(place in instance.hyperparameters for instance in instances)
    return TunedHyperparameter(
        default=default, searched=searched, chosen=chosen, set=named - searched, **_spread(values)
    )


def _spread(values: Sequence[Value]) -> dict[str, Any]:
    """The fields that say which values models chose."""
    amounts = [value for value in values if not isinstance(value, bool | str)]
    if amounts and len(amounts) == len(values):
        return {"least": min(amounts), "median": median(amounts), "most": max(amounts)}
    return {"values": tuple(Counter(values).most_common())}
