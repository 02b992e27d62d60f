"""The models of a back-test: the run's representatives that the template builds, and others."""

import random
from collections.abc import Sequence

from smt.errors import InputError
from smt.fleet import Fleet, ModelSpec
from smt.results.generalization import GeneralizationResult

ENOUGH = 10
"""Models of a sample, where the template builds so many: R of fewer tells little."""


def choose_models(
    fleet: Fleet,
    run: GeneralizationResult,
    called: str,
    *,
    source: str,
    holdout: int | None = None,
) -> tuple[ModelSpec, ...]:
    """The run's representatives, then models held out, which it did not search on.

    Only those that are built from the template. Held out are, first, those that the run held out
    itself, and then a random draw by its seed; where fewer are asked for than it held out, that
    many of a draw from all.

    Args:
        called: The template, as the run calls it.
        source: Where the run is, for messages.
        holdout: How many others. Where None, as many as the run held out, else as many as there
            are representatives; more where that makes fewer than `ENOUGH` models, if the fleet
            has them.

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
    held = _by_name(fleet, held_out, f"a holdout model of {source}")
    if not (names or held_out):
        raise InputError(
            f"{source}: no representative is built from '{called}', nor any model that it "
            "held out; a version of it has no evidence"
        )
    others = [model for model in fleet.models if model.name in built and model.name not in names]
    if holdout is None:
        holdout = min(max(len(held) or len(names), ENOUGH - len(names)), len(others))
    if not 0 <= holdout <= len(others):
        raise InputError(
            f"{holdout} holdout models asked for; of fleet '{fleet.name}' {len(others)} models "
            f"besides the representatives are built from '{called}'"
        )
    draw = random.Random(run.settings.seed)
    if holdout < len(held):
        return (*representatives, *draw.sample(others, holdout))
    rest = [model for model in others if model.name not in held_out]
    return (*representatives, *held, *draw.sample(rest, holdout - len(held)))


def _by_name(fleet: Fleet, names: Sequence[str], what: str) -> list[ModelSpec]:
    models = {model.name: model for model in fleet.models}
    for name in names:
        if name not in models:
            raise InputError(f"fleet '{fleet.name}' has no model '{name}', {what}")
    return [models[name] for name in names]
