"""The models of a back-test: the run's representatives that the template builds, and others."""

import random
from collections.abc import Sequence

from smt.errors import InputError
from smt.fleet import Fleet, ModelSpec
from smt.results.generalization import GeneralizationResult


def choose_models(
    fleet: Fleet,
    run: GeneralizationResult,
    called: str,
    *,
    source: str,
    holdout: int | None = None,
) -> tuple[ModelSpec, ...]:
    """The run's representatives, then models held out: the run's own, if it held some out.

    Only those that are built from the template. Where the run held none of them out, or another
    number is asked for, the others are a random draw by its seed.

    Args:
        called: The template, as the run calls it.
        source: Where the run is, for messages.
        holdout: How many others. Where None, as many as the run held out, else as many as
            there are representatives, if the fleet has them.

    Raises:
        InputError: It is not the run's fleet, has not so many others, or none is a representative
            or held out.
    """
    if fleet.name != run.fleet:
        raise InputError(f"{source}: is a run of fleet '{run.fleet}', not '{fleet.name}'")
    built = set(run.built_from(called))
    names = [name for name in run.representative_names if name in built]
    held_out = [name for name in run.holdout_models if name in built]
    representatives = _by_name(fleet, names, f"a representative of {source}")
    if held_out and holdout in (None, len(held_out)):
        held = _by_name(fleet, held_out, f"a holdout model of {source}")
        return (*representatives, *held)
    if not names:
        raise InputError(
            f"{source}: no representative is built from '{called}', nor any model that it "
            "held out; a version of it has no evidence"
        )
    others = [model for model in fleet.models if model.name in built and model.name not in names]
    if holdout is None:
        holdout = min(len(names), len(others))
    if not 0 <= holdout <= len(others):
        raise InputError(
            f"{holdout} holdout models asked for; of fleet '{fleet.name}' {len(others)} models "
            f"besides the representatives are built from '{called}'"
        )
    drawn = random.Random(run.settings.seed).sample(others, holdout)
    return (*representatives, *drawn)


def _by_name(fleet: Fleet, names: Sequence[str], what: str) -> list[ModelSpec]:
    models = {model.name: model for model in fleet.models}
    for name in names:
        if name not in models:
            raise InputError(f"fleet '{fleet.name}' has no model '{name}', {what}")
    return [models[name] for name in names]
