"""A model's network against what the model runs today."""

from typing import Any

import numpy as np

from smt.data import Log
from smt.errors import InputError, sentence
from smt.fleet import ModelSpec
from smt.layers.losses import Floats
from smt.layers.networks import Network
from smt.model_iteration.instance import Job
from smt.search.delta import Delta
from smt.template import Template, build
from smt.training import paired_delta, train
from smt.training.learner import DivergedError
from smt.training.network_training import Trained
from smt.training.outside_judge import outside_losses
from smt.training.predict import Predictions
from smt.training.shared_noise import bucket_shares, row_keys
from smt.training.workers import Workers


def compare_with_baseline(
    job: Job, baseline: Template, log: Log, trained: Trained, losses: Any, workers: Workers
) -> tuple[dict[str, Any], str | None]:
    """Δ against the baseline's network; why there is none, where that fails.

    Args:
        trained: The model's own.
        losses: `[n]` of its judged rows.
    """
    model = _baseline_model(job, baseline)
    try:
        before = train(baseline, model, log, seed=job.seed, workers=workers)
    except (DivergedError, InputError) as error:
        remark = f"its baseline failed: {sentence(error)}"
        return {"delta": Delta.failed(remark)}, remark
    return _change(before.losses, losses, trained), None


def compare_with_scores(
    scores: Floats, predictions: Predictions, trained: Trained, losses: Any, events: tuple[str, ...]
) -> dict[str, Any]:
    """Δ against what another system predicted.

    Args:
        scores: `[n, E]` of the judged rows.
        predictions: The model's own, of the same rows.
        trained, losses: As of `compare_with_baseline`.
    """
    before = outside_losses(scores, predictions, trained.windows.backgrounds(events))
    return _change(before, losses, trained)


def _change(before: Any, after: Any, trained: Trained) -> dict[str, Any]:
    """Fields of the evidence, from `[n]` losses of the same rows."""
    delta, sem = paired_delta(before, after, trained.groups)
    shares = bucket_shares(before, after, row_keys(trained.windows, trained.groups))
    return {
        "baseline_ne": float(before.mean(dtype=np.float64)),
        "delta": Delta.of(delta, sem),
        # More digits would only make files larger.
        "bucket_shares": tuple(float(f"{share:.6g}") for share in shares),
    }


def baseline_network(job: Job, log: Log) -> tuple[Network, Template] | None:
    """What serves now, with initial values; None without a baseline that can be built."""
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
