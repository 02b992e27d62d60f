"""All that one network's training needs: the network, its learner, its examples."""

import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from smt.data import Batch, Schema, read_batches
from smt.data.ahead import BATCHES_AHEAD, ahead
from smt.data.columns import Numeric
from smt.fleet import ModelSpec
from smt.layers.initialize import initialize
from smt.layers.networks import Network
from smt.template import Template, build
from smt.template.served_bytes import count_bytes
from smt.training.judged_rows import JudgedRows, learned_rows, waiting_ms
from smt.training.learner import Learner
from smt.training.numeric_sample import first_values
from smt.training.progressive import Progressive
from smt.training.rows import TrainingRows, training_rows
from smt.training.targets import Targets
from smt.training.windows import Windows, conversion_window_ms, model_windows
from smt.training.workers import Workers

FIT_ROWS = 65_536
"""Rows from the start of the training window that set the bins of numeric features."""

Example = tuple[Batch, Tensor, Tensor]


@dataclass(frozen=True)
class Course:
    """A network at its start, and what it will learn from.

    Attributes:
        network: The plain network; the learner's may be sharded.
        bytes: That serving the network takes, at the precision of serving.
        rows: How many are learned from in a pass.
        correction: What is added to logits, because negatives were left out.
        progressive: Of a network that is judged while it learns.
        examples: Batches with their `[B, E + A]` labels and weights, in all passes.
    """

    network: Network
    learner: Learner
    windows: Windows
    bytes: int
    rows: int
    correction: float
    progressive: Progressive | None
    examples: Iterator[Example]


def start_course(
    template: Template,
    model: ModelSpec,
    rows: JudgedRows,
    *,
    seed: int,
    workers: Workers,
    first_step: int = 0,
) -> Course:
    """Build and initialise a network, and open its examples.

    Args:
        template: With the model's own hyperparameters in it already.
        rows: Of a log with the template's side tables in it already.
        first_step: Leave out the examples of the steps before.
    """
    device, schema = device_of(), rows.log.schema
    network = build(template, model, schema, device)
    served = count_bytes(network, template.serving.table_precision)
    initialize(network, seed)
    windows = model_windows(model, rows.log, network.labels)
    window_ms = conversion_window_ms(template)
    rates = {event: windows.known_rate(event, window_ms) for event in network.labels}
    wait_ms = None if rows.history is None else waiting_ms(template, windows, network.labels)
    targets = Targets.of(template, network, windows, rates, device, wait_ms)
    network.start_at(rates, targets.correction)
    parts: tuple[TrainingRows, ...]
    due = None
    if rows.history is None or wait_ms is None:
        parts = (training_rows(template, windows, model.events, seed, workers),)
    else:
        learned = learned_rows(
            template,
            windows,
            rows.history,
            wait_ms,
            events=model.events,
            seed=seed,
            workers=workers,
        )
        parts, due = learned.parts, learned.due
    _fit_numeric(network, template, parts[0], schema, device)
    size, passes = template.training.batch_size, template.training.passes
    steps = sum(math.ceil(part.count / size) for part in parts) * passes
    learner = Learner(network, template, steps, workers, _units(rates, device))
    examples = _examples(network, template, schema, parts, targets, workers, device, first_step)
    return Course(
        network=network,
        learner=learner,
        windows=windows,
        bytes=sum(served),
        rows=sum(part.count for part in parts),
        correction=targets.correction,
        progressive=None if due is None else Progressive(learner, network, windows, due),
        examples=examples,
    )


def _units(rates: Mapping[str, float], device: torch.device) -> Tensor:
    """`[E + A]` the labels' means; 1 where nothing is known to have happened."""
    means = torch.tensor([*rates.values()], dtype=torch.float32, device=device)
    return torch.where(means > 0, means, 1.0)


def device_of() -> torch.device:
    """The GPU that is this process's own, if it has one; else the CPU. GPUs are untested here."""
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("cpu")


def _fit_numeric(
    network: Network, template: Template, rows: TrainingRows, schema: Schema, device: torch.device
) -> None:
    """Set bins and buckets, where the network has some."""
    if not network.fits:
        return
    batches = read_batches(
        rows.window,
        schema,
        features=[n for n in network.features if isinstance(schema.columns[n], Numeric)],
        events=network.events,
        where=rows.where,
        batch_size=FIT_ROWS,
        skip=rows.skip,
        kept=rows.kept,
    )
    # Older versions have bins of the first rows, whatever those hold.
    sample = first_values(batches) if template.features.remark is None else next(batches)
    network.fit(sample if device.type == "cpu" else sample.to(device))


def _examples(
    network: Network,
    template: Template,
    schema: Schema,
    parts: Sequence[TrainingRows],
    targets: Targets,
    workers: Workers,
    device: torch.device,
    first_step: int,
) -> Iterator[Example]:
    size = template.training.batch_size
    for _ in range(template.training.passes):
        for place, rows in enumerate(parts):
            steps = math.ceil(rows.count / size)
            if first_step >= steps:
                first_step -= steps
                continue
            if place == 0 and first_step == 0:
                network.start_pass()
            read = replace(rows, skip=rows.skip + size * first_step)
            first_step = 0
            share = size // workers.count
            examples = _pass(network, schema, read, targets, share, workers, device)
            yield from ahead(examples, BATCHES_AHEAD)


def _pass(
    network: Network,
    schema: Schema,
    rows: TrainingRows,
    targets: Targets,
    batch_size: int,
    workers: Workers,
    device: torch.device,
) -> Generator[Example]:
    """One pass over the rows; it asks nothing of the network that training changes."""
    for batch in read_batches(
        rows.window,
        schema,
        features=network.features,
        events=network.labels,
        where=rows.where,
        batch_size=batch_size,
        skip=rows.skip,
        kept=rows.kept,
        steps=network.reads_steps,
        extra=targets.columns,
        shard=(workers.rank, workers.count),
    ):
        here = targets.known(batch if device.type == "cpu" else batch.to(device))
        yield here, *targets(here)
