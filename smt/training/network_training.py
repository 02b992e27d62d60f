"""One evaluation: train a network over the past, in time order, judge it on what came next."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from smt.data import Log
from smt.data.labels import mix_soft
from smt.errors import InputError
from smt.fleet import ModelSpec
from smt.layers.networks import Network
from smt.layers.stored_rows import Precision
from smt.template import Template, above_flops_limit, count_flops, load_version
from smt.template.data import Distillation
from smt.training.course import Course, device_of, start_course
from smt.training.enrich import enrich_log
from smt.training.event_metrics import EventMetrics, ValueMetrics
from smt.training.judged_rows import JudgedRows, judged_rows
from smt.training.parallel import Placed
from smt.training.predict import Predictions, judge, predict
from smt.training.served_tables import tables_as_served
from smt.training.state import load_training, save_training, saved_logits, saved_step
from smt.training.windows import Windows, check_test_weight, read_groups
from smt.training.workers import LOCAL, Workers


@dataclass(frozen=True)
class Outcome:
    """What one evaluation found.

    Attributes:
        ne: Mean normalized loss over the model's events, on the judged rows: normalized entropy
            of binary ones, normalized deviance of values.
        metrics: event -> its figures.
        losses: `[n]` float32 contributions of the judged rows to `ne`; their mean is `ne`.
        groups: `[n]` ids by which the judged rows are clustered, such as their users, 0 of
            examples without one; None where the examples are independent.
        flops: Of one example, counted.
        bytes: That serving takes, counted: parameters and buffers, tables at the precision of
            serving.
        train_rows: Examples trained on.
        seconds: Wall time of training and evaluation together.
    """

    ne: float
    metrics: dict[str, EventMetrics | ValueMetrics]
    losses: NDArray[np.float32]
    groups: NDArray[np.int64] | None
    flops: int
    bytes: int
    train_rows: int
    seconds: float


@dataclass(frozen=True)
class Trained:
    """A network that has learned, and what it learned from.

    Attributes:
        network: In evaluation mode, with averaged parameters where training kept an average;
            sharded where several workers trained it. Its tables are as they were trained.
        reads: The plain network, which knows what it reads; of several workers, without values.
        placed: Where its parts are.
        table_precision: In which its tables are served.
        windows: The model's rows; the judged ones are their test window.
        groups: `[n]` ids by which the judged rows are clustered; see `Outcome`.
        correction: What is added to logits, because negatives were left out.
        bytes: That serving it takes.
        rows: Examples trained on, in all passes.
        predictions: Of a network that was judged while it learned.
    """

    network: nn.Module
    reads: Network
    placed: Placed
    table_precision: Precision
    windows: Windows
    groups: NDArray[np.int64] | None
    correction: float
    bytes: int
    rows: int
    predictions: Predictions | None

    def judged(self) -> Predictions:
        """Of the judged rows, by what the network knew then, or knows now where it is frozen.

        Its tables' rows are as they are served.
        """
        if self.predictions is not None:
            return self.predictions
        with tables_as_served(self.network, self.table_precision):
            return predict(self.network, self.reads, self.windows, self.correction, device_of())


def train(
    template: Template,
    model: ModelSpec,
    log: Log,
    *,
    seed: int = 0,
    workers: Workers = LOCAL,
    before_step: Callable[[], None] | None = None,
) -> Outcome:
    """Train the template's network for a model and evaluate it.

    The same arguments give the same numbers to the last bit, wherever this runs. Two
    templates see the same examples in the same order, and start from the same values of
    every parameter that both have.

    Args:
        log: The model's log; windows in memory or on disk.
        workers: This process's place among those that train together.
        before_step: Called before every step; what it raises ends the training.

    Raises:
        InputError: The model does not fit its log, or its FLOPs limit, or its judged rows are
            all of one group or of weight 0.
        DivergedError: A loss was not finite.
    """
    started = time.perf_counter()
    flops = _check_flops(template, model, log)
    trained = train_network(
        template, model, log, seed=seed, workers=workers, before_step=before_step
    )
    metrics, losses = judge(trained.judged(), trained.windows.backgrounds(model.events))
    return Outcome(
        ne=float(losses.mean(dtype=np.float64)),
        metrics=metrics,
        losses=losses,
        groups=trained.groups,
        flops=flops,
        bytes=trained.bytes,
        train_rows=trained.rows,
        seconds=time.perf_counter() - started,
    )


@dataclass(frozen=True)
class Saving:
    """How a training is saved, to go on from there.

    Attributes:
        every: Steps from one checkpoint to the next.
        keep: Called on every worker with a folder of its share, which is gone afterwards.
        latest: Folder of the checkpoint to go on from; None starts anew.
    """

    every: int
    keep: Callable[[Path], None]
    latest: Path | None = None


def train_network(
    template: Template,
    model: ModelSpec,
    log: Log,
    *,
    seed: int = 0,
    workers: Workers = LOCAL,
    before_step: Callable[[], None] | None = None,
    saving: Saving | None = None,
) -> Trained:
    """Train the template's network for a model; arguments and errors as in `train`.

    Args:
        saving: What a training that goes on ends with is what an undisturbed one ends with.
    """
    template = template.for_model(model)
    check_test_weight(model, log)
    model, log = enrich_log(template, model, log)
    rows = judged_rows(template, model, log)
    groups = read_groups(model, rows.log)
    latest = None if saving is None else saving.latest
    first = 0 if latest is None else saved_step(latest)
    course = start_course(template, model, rows, seed=seed, workers=workers, first_step=first)
    learners = {"": course.learner}
    spec = template.data.distillation
    teacher = None
    if spec is not None:
        teacher = _teacher(spec, template, model, rows, seed, workers, first)
        learners["teacher."] = teacher.learner
    if latest is not None:
        load_training(learners, latest, workers)
        if course.progressive is not None:
            course.progressive.resume(saved_logits(latest))
    for step, (batch, labels, weights) in enumerate(course.examples, first):
        if before_step is not None:
            before_step()
        if course.progressive is not None:
            course.progressive.before_step(step)
        if spec is not None and teacher is not None:
            logits = teacher.learner.step(step, *next(teacher.examples))
            # Both learn from the same rows, but may make up for those left out in two ways.
            shift = teacher.correction - course.correction
            taught = teacher.network.losses.scores(logits + shift)
            own = len(model.events)
            soft = mix_soft(labels[:, :own], taught[:, :own], spec.weight)
            labels = torch.cat([soft, labels[:, own:]], dim=1)
        course.learner.step(step, batch, labels, weights)
        if saving is not None and (step + 1) % saving.every == 0:
            with tempfile.TemporaryDirectory(prefix="smt-checkpoint-") as scratch:
                judged = () if course.progressive is None else course.progressive.logits
                save_training(learners, step + 1, Path(scratch), workers, judged)
                saving.keep(Path(scratch))
    predictions = None
    if course.progressive is not None:
        predictions = course.progressive.finish(course.correction)
    return Trained(
        network=course.learner.finish(),
        reads=course.network,
        placed=course.learner.placed,
        table_precision=template.serving.table_precision,
        windows=course.windows,
        groups=groups,
        correction=course.correction,
        bytes=course.bytes,
        rows=course.rows * template.training.passes,
        predictions=predictions,
    )


def _teacher(
    spec: Distillation,
    template: Template,
    model: ModelSpec,
    rows: JudgedRows,
    seed: int,
    workers: Workers,
    first_step: int,
) -> Course:
    """The teacher's network on the same rows and labels, at its own rates.

    It predicts a batch before it learns from it, so it never tells what it was told.
    """
    teacher = load_version(spec.teacher, spec.version)
    data = template.data.model_copy(update={"distillation": None, "auxiliary": None})
    teacher = teacher.model_copy(update={"data": data})
    read_alike = ("batch_size", "passes", "window_days", "judge", "judge_share")
    same = {name: getattr(template.training, name) for name in read_alike}
    # The template exposes the model's own values; the teacher need not.
    model = model.model_copy(update={"hyperparameters": {}})
    return start_course(
        teacher.change("training", **same),
        model,
        rows,
        seed=seed,
        workers=workers,
        first_step=first_step,
    )


def _check_flops(template: Template, model: ModelSpec, log: Log) -> int:
    flops = count_flops(template, model, log.schema)
    counted = model.model_copy(update={"inference_flops": flops})
    excess = above_flops_limit(template, counted)
    if excess is not None:
        raise InputError(f"the network needs {excess.needed}, the limit is {excess.allowed}")
    return flops
