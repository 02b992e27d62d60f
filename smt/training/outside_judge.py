"""What another system predicted of a model's judged rows, judged as a network is."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from smt.data import Log, expression
from smt.data.sources.outside_scores import FINITE, LEAST, MOST, OutsideScores
from smt.errors import InputError
from smt.fleet import ModelSpec
from smt.layers.event_losses import losses_of
from smt.layers.losses import Background, EventLoss, Floats
from smt.template import Template
from smt.training.judged_rows import judged_rows
from smt.training.predict import Predictions, judge
from smt.training.windows import stretches

ROW = "row"

Mask = NDArray[np.bool_]


def judged_scores(template: Template, model: ModelSpec, log: Log, outside: OutsideScores) -> Floats:
    """`[n, E]` scores of the rows that a model is judged by under a template, in their order.

    Args:
        template: With the model's own hyperparameters in it already.

    Raises:
        InputError: Judged rows have no score, different ones, or one that the event's loss cannot
            judge: how many, and one of them.
    """
    rows = judged_rows(template, model, log).log.test
    condition = expression(model.filter, log.schema)
    parts = [[part[name] for name in outside.on] for part in stretches(rows, outside.on, condition)]
    keys = np.concatenate([np.empty((len(outside.on), 0), np.int64), *parts], axis=1)
    judged = pa.table([*keys, np.arange(keys.shape[1])], names=[*outside.keys, ROW])
    # A join keeps no order.
    found = judged.join(outside.table, keys=outside.keys, join_type="left outer").sort_by(ROW)
    faults = _faults(found, losses_of(log.schema, outside.events).kinds, outside)
    if any(mask.any() for _, mask in faults):
        raise InputError(_refusal(faults, keys, outside))
    places = range(len(outside.events))
    return np.stack([_floats(found, f"{LEAST}{place}") for place in places], axis=1)


def outside_losses(
    scores: Floats, predictions: Predictions, backgrounds: Mapping[str, Background]
) -> NDArray[np.float32]:
    """`[n]` contributions of the judged rows to NE, as of a network's.

    Args:
        scores: As of `judged_scores`.
        predictions: A network's, of the same rows.
        backgrounds: Of the events, in their order.
    """
    kinds = [background.kind for background in backgrounds.values()]
    outputs = [kind.constants(scores[:, place]) for place, kind in enumerate(kinds)]
    _, losses = judge(replace(predictions, logits=np.stack(outputs, axis=1)), backgrounds)
    return losses


def _faults(
    found: pa.Table, kinds: Sequence[EventLoss], outside: OutsideScores
) -> list[tuple[str, Mask]]:
    """What may be wrong with judged rows, each row's first fault alone: in words, and `[n]`."""
    there = found[f"{FINITE}0"].combine_chunks().is_valid().to_numpy(zero_copy_only=False)
    faults = [("no prediction", ~there)]
    sound = there
    alike = " (ids of {} are hashed: some may share one)".format(" and ".join(outside.hashed))
    for place, (event, kind) in enumerate(zip(outside.events, kinds, strict=True)):
        of = f" of '{event}'" if len(kinds) > 1 else ""
        least, most = (_floats(found, f"{name}{place}") for name in (LEAST, MOST))
        finite = found[f"{FINITE}{place}"].combine_chunks().fill_null(False)
        tests = (
            (f"a score{of} that is no finite number", finite.to_numpy(zero_copy_only=False)),
            (f"different scores{of}{alike if outside.hashed else ''}", least == most),
            (f"a score{of} that is not {kind.means}", kind.predictable(least)),
        )
        for fault, passed in tests:
            faults.append((fault, sound & ~passed))
            sound = sound & passed
    return faults


def _refusal(
    faults: Sequence[tuple[str, Mask]], keys: NDArray[np.int64], outside: OutsideScores
) -> str:
    """`12 of 300 judged rows have no prediction in FILE, such as user 7, 2020-…; 3 have …`."""
    said: list[str] = []
    for fault, mask in faults:
        if mask.any():
            of = "" if said else f" of {keys.shape[1]:,} judged rows"
            where = "" if said else f" in {outside.source}"
            row = outside.said(keys[:, mask.argmax()].tolist())
            said.append(f"{mask.sum():,}{of} have {fault}{where}, such as {row}")
    return "; ".join(said)


def _floats(found: pa.Table, name: str) -> Floats:
    """NaN where there is none."""
    return np.asarray(found[name].combine_chunks().to_numpy(zero_copy_only=False), np.float64)
