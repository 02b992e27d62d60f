"""A model's network against what the model runs today."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from smt.data import Log
from smt.data.columns import Numeric
from smt.data.sources.outside_scores import OutsideScores
from smt.errors import InputError, sentence
from smt.fleet import ModelSpec
from smt.layers.networks import Network
from smt.model_iteration.instance import Job
from smt.model_iteration.launched_network import HeldNetwork
from smt.search.delta import Delta
from smt.template import Template, build
from smt.training import paired_delta, train
from smt.training.course import device_of
from smt.training.enrich import enrich_log
from smt.training.judged_rows import judged_rows
from smt.training.learner import DivergedError
from smt.training.network_training import Trained
from smt.training.outside_judge import judged_scores, outside_losses
from smt.training.predict import Predictions, judge, predict
from smt.training.served_tables import tables_as_served
from smt.training.shared_noise import bucket_shares, row_keys, row_times
from smt.training.windows import model_windows
from smt.training.workers import Workers

Held = OutsideScores | HeldNetwork
"""What a model runs today, where that is no template, as workers get it."""

Compared = tuple[dict[str, Any], str | None]
"""Fields of the evidence, and what a person should know, in a sentence."""


@dataclass(frozen=True)
class Judged:
    """A model's own network on its judged rows.

    Attributes:
        template, model: With the hyperparameters that were chosen for it.
        losses: `[n]`.
    """

    template: Template
    model: ModelSpec
    trained: Trained
    predictions: Predictions
    losses: Any


def check_held(job: Job, log: Log, held: Held | None) -> None:
    """Raise the `InputError` of `compare` that can be told before anything is trained."""
    if isinstance(held, OutsideScores):
        judged_scores(job.template.for_model(job.model), job.model, log, held)
    elif held is not None:
        held.load(job.model, log.schema)


def compare(job: Job, log: Log, judged: Judged, held: Held | None, workers: Workers) -> Compared:
    """Δ against what the model runs today, if that is known; why there is none, where that fails.

    Raises:
        InputError: What is held is not of the judged rows, or of no such network.
    """
    if job.baseline is not None:
        return _with_baseline(job, job.baseline, log, judged, workers)
    if isinstance(held, OutsideScores):
        scores = judged_scores(judged.template, judged.model, log, held)
        backgrounds = judged.trained.windows.backgrounds(judged.model.events)
        return _change(outside_losses(scores, judged.predictions, backgrounds), judged), None
    return ({}, None) if held is None else _with_network(held, log, judged)


def _with_baseline(
    job: Job, baseline: Template, log: Log, judged: Judged, workers: Workers
) -> Compared:
    if is_unchanged(job, judged.template, judged.trained.reads):
        return _change(judged.losses, judged), None
    model = _baseline_model(job, baseline)
    try:
        before = train(baseline, model, log, seed=job.seed, workers=workers)
    except (DivergedError, InputError) as error:
        remark = f"its baseline failed: {sentence(error)}"
        return {"delta": Delta.failed(remark)}, remark
    return _change(before.losses, judged), None


def is_unchanged(job: Job, template: Template, network: Network) -> bool:
    """Whether the baseline would be this network to the last bit, so that nothing is to be trained.

    It is where the templates ask the same of this model: what only numeric features read is nothing
    to a model without any.

    Args:
        template: With the hyperparameters that were chosen for the model.
        network: The model's.
    """
    if job.baseline is None:
        return False
    try:
        before = job.baseline.for_model(_baseline_model(job, job.baseline))
    except InputError:
        return False
    columns = network.schema.columns
    numeric = any(isinstance(columns[name], Numeric) for name in network.features)
    asked = []
    for each in (before, template):
        fields = each.model_dump(exclude={"name", "exposed"})
        if not numeric:
            del fields["features"]["numeric"]
        asked.append(fields)
    return asked[0] == asked[1]


def _with_network(held: HeldNetwork, log: Log, judged: Judged) -> Compared:
    """The network as it serves, on the rows that the model is judged by; it learns nothing."""
    record, windows = held.record, judged.trained.windows
    network = held.load(judged.model, log.schema, device_of())
    own, enriched = enrich_log(record.template, record.as_model(judged.model), log)
    rows = model_windows(own, judged_rows(judged.template, own, enriched).log)
    with tables_as_served(network, record.template.serving.table_precision):
        predictions = predict(network, network, rows, record.correction, device_of())
    _, losses = judge(predictions, windows.backgrounds(judged.model.events))
    times = row_times(windows)
    known = int((times <= record.learned_until_ms).sum())
    until = f"{np.datetime64(record.learned_until_ms, 'ms')}Z"
    remark = (
        f"its incumbent may have learned from {known:,} of the {len(times):,} judged rows, those "
        f"until {until}, which makes it look better than it is"
    )
    return _change(losses, judged), remark if known else None


def _change(before: Any, judged: Judged) -> dict[str, Any]:
    """Fields of the evidence, from `[n]` losses of the same rows."""
    after, trained = judged.losses, judged.trained
    delta, sem = paired_delta(before, after, trained.groups)
    shares = bucket_shares(before, after, row_keys(trained.windows, trained.groups))
    return {
        "baseline_ne": float(before.mean(dtype=np.float64)),
        "delta": Delta.of(delta, sem),
        # More digits would only make files larger.
        "bucket_shares": tuple(float(f"{share:.6g}") for share in shares),
    }


def serving_network(job: Job, log: Log, held: Held | None) -> tuple[Network, Template] | None:
    """What serves now, a template with initial values; None without one that can be built."""
    if isinstance(held, HeldNetwork):
        return held.load(job.model, log.schema), held.record.template
    if job.baseline is None:
        return None
    model = _baseline_model(job, job.baseline)
    try:
        return build(job.baseline, model, log.schema), job.baseline.for_model(model)
    except InputError:
        # Training it says why.
        return None


def _baseline_model(job: Job, baseline: Template) -> ModelSpec:
    """With the values that the model itself sets; none are tuned for a baseline."""
    # A version may expose what its parent does not.
    own = job.model.hyperparameters
    exposed = {place: own[place] for place in own if place in baseline.exposed}
    return job.model.model_copy(update={"hyperparameters": exposed})
