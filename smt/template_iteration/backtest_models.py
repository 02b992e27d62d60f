"""The models of a back-test: the run's representatives, and others."""

import random

from smt.errors import InputError
from smt.fleet import Fleet, ModelSpec
from smt.results.generalization import GeneralizationResult


def choose_models(
    fleet: Fleet, run: GeneralizationResult, *, source: str, holdout: int | None = None
) -> tuple[ModelSpec, ...]:
    """The run's representatives, then models held out: the run's own, if it held some out.

    Where it did not, or another number is asked for, the others are a random draw by its seed.

    Args:
        source: Where the run is, for messages.
        holdout: How many others. Where None, as many as the run held out, else as many as
            there are representatives, if the fleet has them.

    Raises:
        InputError: It is not the run's fleet, or has not so many others.
    """
    if fleet.name != run.fleet:
        raise InputError(f"{source}: is a run of fleet '{run.fleet}', not '{fleet.name}'")
    names = run.representative_names
    representatives = _by_name(fleet, names, f"a representative of {source}")
    if run.holdout_models and holdout in (None, len(run.holdout_models)):
        held = _by_name(fleet, run.holdout_models, f"a holdout model of {source}")
        return (*representatives, *held)
    others = [model for model in fleet.models if model.name not in names]
    if holdout is None:
        holdout = min(len(names), len(others))
    if not 0 <= holdout <= len(others):
        raise InputError(
            f"{holdout} holdout models asked for; fleet '{fleet.name}' has {len(others)} models "
            "besides the representatives"
        )
    drawn = random.Random(run.settings.seed).sample(others, holdout)
    return (*representatives, *drawn)


def _by_name(fleet: Fleet, names: tuple[str, ...], what: str) -> list[ModelSpec]:
    models = {model.name: model for model in fleet.models}
    for name in names:
        if name not in models:
            raise InputError(f"fleet '{fleet.name}' has no model '{name}', {what}")
    return [models[name] for name in names]
