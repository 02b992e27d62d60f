"""One model from a template: train, evaluate, measure, export, keep what was found."""

import shutil
import tempfile
import time
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import ray
from ray import train as ray_train
from ray.train import Checkpoint

from smt.data import Log
from smt.errors import sentence
from smt.execution.train_run import Storage, fit, own_workers
from smt.fleet import ModelSpec
from smt.layers.event_losses import losses_of
from smt.layers.losses import CrossEntropy
from smt.layers.networks import Network
from smt.model_iteration.compare import (
    Held,
    Judged,
    check_held,
    compare,
    is_unchanged,
    serving_network,
)
from smt.model_iteration.instance import Evidence, Job
from smt.model_iteration.launched_network import CHECKPOINT, NETWORK, LaunchedNetwork
from smt.model_iteration.tune import tune
from smt.serving import ServingCost, export_network, measure_in_turn, measure_once, ship_gate
from smt.template import Template, build
from smt.template.card import model_card
from smt.training.checkpoint import save_checkpoint
from smt.training.network_training import Saving, Trained, train_network
from smt.training.predict import constant_ne, judge, judged_batches
from smt.training.state import whole_network
from smt.training.windows import conversion_window_ms
from smt.training.workers import LOCAL, Workers

UNDECIDED = "undecided"
"""Folder of the programs of a model of which is not decided yet whether it ships."""
COMPARED_ROWS = 512
"""Test rows on which exported programs are compared with the network."""
REQUESTS = 100
"""Of each network that is timed; where that breaks a limit, it is timed again for longer."""


@dataclass(frozen=True)
class Made:
    """What one model came to.

    Attributes:
        files: Name -> content: `card.md`, `checkpoint/…` with what it is of, `network.yaml`, and
            `undecided/…`, the programs of one that could ship.
    """

    evidence: Evidence
    files: dict[str, bytes]


def make_instance(
    job: Job,
    log: list[Any],
    outside: list[Any] | None = None,
    storage: Storage | None = None,
    every: int = 0,
    gpu: bool = False,
) -> Made:
    """Instantiate a model by Ray Train: in this process, or with storage in a run of its own.

    That has as many workers as the template asks for. Tried again with the same storage, several
    workers go on from their latest checkpoint.

    Args:
        log: A boxed object reference of the model's `Log`.
        outside: The same of what it is compared with, if that is no template.
        every: Steps from one checkpoint to the next, of several workers.
        gpu: Whether one worker of a run of its own gets a GPU, asked for or not.
    """
    config = {"job": job, "log": log[0], "every": every, "outside": outside and outside[0]}
    training = None if storage is None else job.template.training
    made: Made = fit(_loop, config, training, gpu=gpu, storage=storage)
    return made


def _loop(config: dict[str, Any]) -> Made:
    workers = own_workers()
    job, log = config["job"], ray.get(config["log"])
    outside = None if config["outside"] is None else ray.get(config["outside"])
    if workers.count == 1:
        return make(job, log, workers, outside=outside)
    checkpoint = ray_train.get_checkpoint()
    with nullcontext() if checkpoint is None else checkpoint.as_directory() as latest:
        saving = Saving(config["every"], _keep, None if latest is None else Path(latest))
        return make(job, log, workers, saving, outside)


def _keep(share: Path) -> None:
    ray_train.report({}, checkpoint=Checkpoint.from_directory(share))


def make(
    job: Job,
    log: Log,
    workers: Workers = LOCAL,
    saving: Saving | None = None,
    outside: Held | None = None,
) -> Made:
    """Instantiate a model; what goes wrong with it is a finding, not an exception.

    Args:
        workers: This process's place among those that train it; what rank 0 returns counts.
        saving: Of the model's own training; its baseline's is not saved.
        outside: What the model is compared with, if that is no template.
    """
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="smt-instance-") as scratch:
        folder = Path(scratch)
        fields: dict[str, Any] = {}
        try:
            check_held(job, log, outside)
            model, fields["tuning"] = tune(job, log)
            template = job.template.for_model(model)
            fields["hyperparameters"] = {name: template.value(name) for name in template.exposed}
            fields |= _instantiate(job, model, log, folder, workers, saving, outside)
        except Exception as error:
            reason = sentence(error)
            fields |= {"finding": "failed", "reasons": (reason,), "delta": job.no_delta(reason)}
            # A program that is not its network, or half an export, is not to be served.
            shutil.rmtree(folder / UNDECIDED, ignore_errors=True)
        seconds = time.perf_counter() - started
        evidence = Evidence(
            model=job.model.name, key=job.key, seconds=seconds, workers=workers.count, **fields
        )
        files = {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
    return Made(evidence, files)


def _instantiate(
    job: Job,
    model: ModelSpec,
    log: Log,
    folder: Path,
    workers: Workers,
    saving: Saving | None,
    outside: Held | None,
) -> dict[str, Any]:
    """The fields of the evidence; files go to the folder.

    Args:
        model: The job's, with the hyperparameters that were chosen for it.
    """
    card = model_card(job.template, model, log.schema, version=job.version)
    (folder / "card.md").write_text(card.to_markdown(), encoding="utf-8")
    if card.excess:
        reasons = tuple(f"{excess}; it was not trained" for excess in card.excess)
        return {"finding": "held back", "reasons": reasons}
    template = job.template.for_model(model)
    trained = train_network(job.template, model, log, seed=job.seed, workers=workers, saving=saving)
    network = _plain_network(trained, job.template, model, log, workers)
    backgrounds = trained.windows.backgrounds(job.model.events)
    predictions = trained.judged()
    metrics, losses = judge(predictions, backgrounds)
    ne = float(losses.mean(dtype=np.float64))
    # Late events are not known yet at the end of the training window: no constant could be better.
    window_ms = conversion_window_ms(template)
    known = {event: trained.windows.known_rate(event, window_ms) for event in backgrounds}
    constant = constant_ne(predictions, backgrounds, known)
    fields: dict[str, Any] = {
        "ne": ne,
        "constant_ne": constant,
        "metrics": metrics,
        "train_rows": trained.rows,
        "judged_rows": len(losses),
    }
    if network is not None:
        save_checkpoint(network, folder / CHECKPOINT)
        LaunchedNetwork.of(trained, template, model, log).dump(folder / NETWORK)
        fields |= _costs(network, template, job, log, outside, compared=ne < constant)
    if not ne < constant:
        loss = losses_of(log.schema, job.model.events).name
        reason = f"{loss} {ne:.5f} is no better than {constant:.5f}, of predicting the event's "
        reason += "rate" if loss == CrossEntropy.name else "mean"
        failed = {"finding": "failed", "reasons": (reason,), "delta": job.no_delta(reason)}
        return {**fields, **failed}
    judged = Judged(template, model, trained, predictions, losses)
    compared, remark = compare(job, log, judged, outside, workers)
    fields |= compared
    if network is not None:
        # What it may cost more than its baseline is the fleet's to decide.
        gate = ship_gate(network, job.template, model, cost=fields["cost"])
        fields["within_limits"] = gate.passed
        if not gate.passed:
            return {**fields, "finding": "held back", "reasons": gate.reasons}
        _export(network, trained, template, job, log, folder)
    return {**fields, "finding": "could ship", "reasons": () if remark is None else (remark,)}


def _costs(
    network: Network,
    template: Template,
    job: Job,
    log: Log,
    outside: Held | None,
    *,
    compared: bool,
) -> dict[str, ServingCost]:
    """Of serving the network and, where they are compared, of what serves now."""
    unchanged = compared and is_unchanged(job, template, network)
    now = serving_network(job, log, outside) if compared and not unchanged else None
    networks = [(network, template), *([] if now is None else [now])]
    measured = measure_once(networks, requests=REQUESTS)
    limits = job.model.limits.tighter(template.serving.limits)
    if limits.exceeded(latency_ms=measured[0].latency_ms):
        # A slow moment of the machine is no reason to hold a model back.
        measured = measure_in_turn(networks)
    costs = dict(zip(("cost", "baseline_cost"), measured, strict=False))
    return {**costs, "baseline_cost": costs["cost"]} if unchanged else costs


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


def _export(
    network: Network, trained: Trained, template: Template, job: Job, log: Log, folder: Path
) -> None:
    batches = judged_batches(network, trained.windows, COMPARED_ROWS)
    export_network(
        network,
        template,
        folder / UNDECIDED,
        batches=islice(batches, 1),
        correction=trained.correction,
        model=job.model.name,
        reading=log.reading,
    )
