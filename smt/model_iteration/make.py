"""One model from a template: train, evaluate, measure, gate, export, keep."""

import tempfile
import time
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import ray
import torch
from ray import train as ray_train
from ray.train import Checkpoint

from smt.data import Log
from smt.errors import InputError, sentence
from smt.execution.train_run import Storage, fit, own_workers
from smt.fleet import ModelSpec
from smt.layers.networks import Network
from smt.model_iteration.instance import Instance, Job
from smt.model_iteration.tune import tune
from smt.search.regressed import regressed
from smt.serving import ServingCost, check_neutral, export_network, measure_serving
from smt.template import Template, build
from smt.template.card import model_card
from smt.training import paired_delta, train
from smt.training.checkpoint import save_checkpoint
from smt.training.course import device_of
from smt.training.learner import DivergedError
from smt.training.predict import constant_ne, judge, predict, test_batches
from smt.training.state import whole_network
from smt.training.train import Saving, Trained, train_network
from smt.training.windows import conversion_window_ms, read_groups
from smt.training.workers import LOCAL, Workers

COMPARED_ROWS = 512
"""Test rows on which exported programs are compared with the network."""


@dataclass(frozen=True)
class Made:
    """What one model came to.

    Attributes:
        files: Name -> content: `card.md`, `checkpoint/…`, and `export/…` of one that ships.
    """

    instance: Instance
    files: dict[str, bytes]


def make_instance(job: Job, log: list[Any]) -> Made:
    """Instantiate a model in this process, by Ray Train's local mode.

    Args:
        log: A boxed object reference of the model's `Log`.
    """
    made: Made = fit(_loop, {"job": job, "log": log[0]}, workers=0)
    return made


def _loop(config: dict[str, Any]) -> Made:
    torch.set_num_threads(1)
    return make(config["job"], ray.get(config["log"]))


def make_on_workers(job: Job, log: list[Any], storage: Storage, every: int) -> Made:
    """Instantiate a model in a Ray Train run of as many workers as its template asks for.

    Started again with the same storage, it goes on from its latest checkpoint.

    Args:
        log: A boxed object reference of the model's `Log`.
        every: Steps from one checkpoint to the next.
    """
    training = job.template.training
    config = {"job": job, "log": log[0], "every": every}
    made: Made = fit(
        _loop_of_several, config, training.workers, capacity=training.capacity, storage=storage
    )
    return made


def _loop_of_several(config: dict[str, Any]) -> Made:
    workers = own_workers()
    checkpoint = ray_train.get_checkpoint()
    with nullcontext() if checkpoint is None else checkpoint.as_directory() as latest:
        saving = Saving(config["every"], _keep, None if latest is None else Path(latest))
        return make(config["job"], ray.get(config["log"]), workers, saving)


def _keep(share: Path) -> None:
    ray_train.report({}, checkpoint=Checkpoint.from_directory(share))


def make(job: Job, log: Log, workers: Workers = LOCAL, saving: Saving | None = None) -> Made:
    """Instantiate a model; what goes wrong with it is a finding, not an exception.

    Args:
        workers: This process's place among those that train it; what rank 0 returns counts.
        saving: Of the model's own training; its baseline's is not saved.
    """
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="smt-instance-") as scratch:
        folder = Path(scratch)
        found: dict[str, Any] = {}
        try:
            model, found["tuning"] = tune(job, log)
            template = job.template.for_model(model)
            found["hyperparameters"] = {name: template.value(name) for name in template.exposed}
            found |= _find(job, model, log, folder, workers, saving)
        except Exception as error:
            found |= {"outcome": "failed", "reasons": (sentence(error),)}
        seconds = time.perf_counter() - started
        instance = Instance(
            model=job.model.name, key=job.key, seconds=seconds, workers=workers.count, **found
        )
        files = {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
    return Made(instance, files)


def _find(
    job: Job,
    model: ModelSpec,
    log: Log,
    folder: Path,
    workers: Workers,
    saving: Saving | None,
) -> dict[str, Any]:
    """The fields of the record; files go to the folder.

    Args:
        model: The job's, with the hyperparameters that were chosen for it.
    """
    card = model_card(job.template, model, log.schema, version=job.version)
    (folder / "card.md").write_text(card.to_markdown(), encoding="utf-8")
    if card.excess:
        reasons = tuple(f"{each}; it was not trained" for each in card.excess)
        return {"outcome": "held back", "reasons": reasons}
    template = job.template.for_model(model)
    trained = train_network(job.template, model, log, seed=job.seed, workers=workers, saving=saving)
    network = _plain_network(trained, job.template, model, log, workers)
    rates = {event: trained.windows.base_rate(event) for event in job.model.events}
    predictions = predict(
        trained.network, trained.reads, trained.windows, trained.correction, device_of()
    )
    metrics, losses = judge(predictions, rates)
    ne = float(losses.mean(dtype=np.float64))
    # Late events are not known yet at the end of the training window: no constant could be better.
    window_ms = conversion_window_ms(template)
    known = {event: trained.windows.known_rate(event, window_ms) for event in rates}
    constant = constant_ne(predictions, rates, known)
    found: dict[str, Any] = {
        "ne": ne,
        "constant_ne": constant,
        "metrics": metrics,
        "train_rows": trained.rows,
        "test_rows": len(losses),
    }
    if network is not None:
        save_checkpoint(network, folder / "checkpoint")
        found["cost"] = measure_serving(network, template)
    if not ne < constant:
        reason = f"NE {ne:.5f} is no better than {constant:.5f}, of predicting the event's rate"
        return {**found, "outcome": "failed", "reasons": (reason,)}
    remarks = []
    if job.baseline is not None:
        compared, remark = _compare(job, job.baseline, log, losses, workers)
        found |= compared
        remarks += [remark] if remark else []
    if network is not None:
        reasons = _gate(job, template, found)
        if reasons:
            return {**found, "outcome": "held back", "reasons": reasons}
        _export(network, trained, template, job, log, folder)
    return {**found, "outcome": "ships", "reasons": tuple(remarks)}


def _plain_network(
    trained: Trained, template: Template, model: ModelSpec, log: Log, workers: Workers
) -> Network | None:
    """On one worker, with all that was learned; None on rank 1 and above."""
    if workers.count == 1:
        return trained.reads
    whole = whole_network(trained.placed, workers)
    if workers.rank:
        return None
    network = build(template, model, log.schema)
    network.load_state_dict(whole)
    return network.eval()


def _compare(
    job: Job, baseline: Template, log: Log, losses: Any, workers: Workers
) -> tuple[dict[str, Any], str | None]:
    """Δ against the baseline's network, and what serving that costs; why not, where it fails.

    The baseline has the values that the model itself sets; none are tuned for it.
    """
    # A version may expose what its parent does not.
    own = {k: v for k, v in job.model.hyperparameters.items() if k in baseline.exposed}
    model = job.model.model_copy(update={"hyperparameters": own})
    cost: ServingCost | None = None
    try:
        if workers.rank == 0:
            network = build(baseline, model, log.schema)
            cost = measure_serving(network, baseline.for_model(model))
        before = train(baseline, model, log, seed=job.seed, workers=workers)
    except (DivergedError, InputError) as error:
        return {"baseline_cost": cost}, f"its baseline failed: {sentence(error)}"
    delta, sem = paired_delta(before.losses, losses, read_groups(model, log))
    return {"baseline_ne": before.ne, "baseline_cost": cost, "delta": delta, "sem": sem}, None


def _gate(job: Job, template: Template, found: dict[str, Any]) -> tuple[str, ...]:
    """Why the network may not ship."""
    delta = found.get("delta")
    reasons = []
    if regressed(delta, job.alpha):
        reasons.append(f"Δ is below -α = -{job.alpha:g}%")
    limits = job.model.limits.tighter(template.serving.limits)
    neutral = check_neutral(found["cost"], limits, None, template.serving.growth)
    return (*reasons, *neutral.reasons)


def _export(
    network: Network, trained: Trained, template: Template, job: Job, log: Log, folder: Path
) -> None:
    batches = test_batches(network, trained.windows, COMPARED_ROWS)
    export_network(
        network,
        template,
        folder / "export",
        batches=islice(batches, 1),
        correction=trained.correction,
        model=job.model.name,
        reading=log.reading,
    )
