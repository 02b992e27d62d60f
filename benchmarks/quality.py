"""Quality: the six templates beside other libraries' models, on the same examples in one pass.

Every system trains for one event at a time, on the same rows in time order, with the same
features, and is judged on the same rows: progressively on the last half, each of which it predicts
before it learns from it (LightGBM learns anew before each tenth of them), or with frozen weights on
the test window. Events whose labels arrive late are left out progressively, as peers have no way
to wait for them. Prints a table of normalized entropy and AUC by event (mean over seeds), and a
JSON line last:

  behind       log -> event -> percent by which the best of SparseNN Medium and Large is behind
               the best peer in NE (negative: ahead)
  best         Share of (log, event) pairs on which SparseNN Medium or Large has the best NE

It takes an hour and a half on two cores; `--out` keeps every run, and the same command goes on
where it was stopped. Needs the extra `bench`.
"""

import json
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import torch
from peers import peers
from peers.shared import Split
from rich.box import SIMPLE_HEAD
from rich.progress import track
from rich.table import Table
from rich.text import Text
from scipy.special import logit

from smt.command_line import open_console, run
from smt.data import Log
from smt.data.columns import Event
from smt.data.simulator import Simulator, SimulatorSpec
from smt.fleet import ModelSpec, SimulatedLog, model_columns
from smt.fleet.logs import open_source
from smt.template import catalogue, find_template
from smt.training import train
from smt.training.judged_rows import judged_rows
from smt.training.metrics import event_metrics, normalized_entropy
from smt.training.windows import model_windows

LEAST_RATE = 0.01
Judge = Literal["progressive", "frozen"]


@dataclass(frozen=True)
class Config:
    """What is compared.

    Attributes:
        log: A prepared KuaiRand log; "" leaves it out.
        simulated_rows: Rows of the simulated log; 0 leaves it out.
        seeds: Runs of each system, each with the seed of its number.
        systems: Templates (NAME, its latest version, or NAME@N) and peers; all by default.
        judge: Which rows are judged, and by which weights.
        events: Events; by default all with at least 1% positives in the training window.
        processes: Systems trained at once, one thread each.
        out: Folder of the runs.
    """

    log: str = "data/kuairand"
    simulated_rows: int = 200_000
    seeds: int = 3
    systems: tuple[str, ...] = ()
    judge: Judge = "progressive"
    events: tuple[str, ...] = ()
    processes: int = 2
    out: str = "runs/quality"


@dataclass(frozen=True)
class Job:
    """One system trained for one event."""

    log: str
    rows: int
    event: str
    system: str
    seed: int
    judge: Judge

    @property
    def name(self) -> str:
        """File name of its result."""
        return f"{self.judge}-{self.log_name}-{self.event}-{self.system}-{self.seed}"

    @property
    def log_name(self) -> str:
        """Which log it is, in the table."""
        return Path(self.log).name if self.log else "simulated"


def main(config: Config) -> None:
    """Run what is not there yet, then print."""
    out = Path(config.out)
    out.mkdir(parents=True, exist_ok=True)
    jobs = list_jobs(config)
    waiting = [job for job in jobs if not (out / f"{job.name}.json").exists()]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(config.processes, context) as pool:
        running = [pool.submit(measure, job, config.out) for job in waiting]
        for done in track(as_completed(running), "training", total=len(running)):
            done.result()
    results = {job: json.loads((out / f"{job.name}.json").read_text()) for job in jobs}
    show(results, floors(config))
    print(json.dumps(summarise(results)))


def list_jobs(config: Config) -> list[Job]:
    """All jobs; first every system once, then with further seeds."""
    sources = ([(config.log, 0)] if config.log else []) + (
        [("", config.simulated_rows)] if config.simulated_rows else []
    )
    systems = config.systems or (*catalogue, *peers)
    return [
        Job(log, rows, event, system, seed, config.judge)
        for seed in range(config.seeds)
        for log, rows in sources
        for event in config.events or frequent_events(log, rows, config.judge)
        for system in systems
    ]


def frequent_events(log: str, rows: int, judge: Judge) -> list[str]:
    """Events with at least 1% positives in the training window; progressively none that is late."""
    opened = load(log, rows)
    rates = {event: float(np.mean(opened.train[event])) for event in opened.schema.names(Event)}
    return [
        event
        for event, rate in rates.items()
        if rate >= LEAST_RATE and (judge == "frozen" or opened.schema.delay_of(event) is None)
    ]


@cache
def load(log: str, rows: int) -> Log:
    """The log in memory, once a process."""
    opened = open_source(source(log, rows))
    return opened.load(model_columns(model_of(log, rows, "", opened), opened.schema))


def source(log: str, rows: int) -> str | SimulatedLog:
    """Where a log comes from."""
    return log or SimulatedLog(simulator=SimulatorSpec(rows=rows))


def model_of(log: str, rows: int, event: str, opened: Log) -> ModelSpec:
    """The model of one event, over all features and rows of the log."""
    schema = opened.schema
    return ModelSpec(
        name=event or "all",
        stage="ranking",
        events=(event,) if event else schema.events,
        surface="all",
        data_constraint="full",
        log=source(log, rows),
        features=schema.features,
    )


def measure(job: Job, out: str) -> None:
    """Train and judge one system; the result is a file."""
    torch.set_num_threads(1)
    log = load(job.log, job.rows)
    model = model_of(job.log, job.rows, job.event, log)
    started = time.perf_counter()
    if job.system not in peers:
        template = find_template(job.system).change("training", judge=job.judge)
        metrics = train(template, model, log, seed=job.seed).metrics[job.event]
    else:
        judged = judged_log(log, model, job.judge)
        known = with_known_labels(judged, model, job.event)
        progressive = job.judge == "progressive"
        split = Split.load(known, model.features, job.event, progressive=progressive)
        probabilities = peers[job.system](split, job.seed)
        labels = judged.test[job.event].to_numpy().astype(np.float64)
        rate = float(np.mean(judged.train[job.event]))
        logits = logit(np.clip(probabilities, 1e-7, 1 - 1e-7))
        metrics = event_metrics(logits, labels, rate, np.ones(len(labels)))
    result = {**metrics.to_dict(), "seconds": time.perf_counter() - started}
    partial = Path(out) / f"{job.name}.{os.getpid()}"
    partial.write_text(json.dumps(result))
    partial.rename(Path(out) / f"{job.name}.json")


def judged_log(log: Log, model: ModelSpec, judge: Judge) -> Log:
    """The log with the judged rows as its test window, those of every template here."""
    template = catalogue["sparsenn_small"].change("training", judge=judge)
    return judged_rows(template, model, log).log


def with_known_labels(log: Log, model: ModelSpec, event: str) -> Log:
    """The log as it was at the training window's end: a late event had not happened yet.

    Templates train on these labels by themselves.
    """
    known = [labels[event] for labels, _ in model_windows(model, log).known([event])]
    column = log.train.schema.get_field_index(event)
    field = log.train.schema.field(event)
    labels = pa.array(np.concatenate(known)).cast(field.type)
    return replace(log, train=log.train.set_column(column, field, labels))


def floors(config: Config) -> dict[str, float]:
    """The simulator's Bayes NE of each event: no model can expect less."""
    if not config.simulated_rows:
        return {}
    log = load("", config.simulated_rows)
    log = judged_log(log, model_of("", config.simulated_rows, "", log), config.judge)
    shown = (log.test[key].to_numpy() for key in ("user", "item", "surface", "time"))
    truth = Simulator(SimulatorSpec(rows=config.simulated_rows)).probabilities(*shown)
    return {
        event: normalized_entropy(
            probabilities, log.test[event], base_rate=float(np.mean(log.train[event]))
        )
        for event, probabilities in truth.items()
    }


def show(results: dict[Job, dict[str, float]], floors: dict[str, float]) -> None:
    """A table a log: systems by events, NE and AUC, the best NE of an event in bold."""
    console = open_console()
    for log in dict.fromkeys(job.log_name for job in results):
        table = Table(title=f"{log}: NE (AUC), mean over seeds", box=SIMPLE_HEAD, padding=0)
        events = list(dict.fromkeys(job.event for job in results if job.log_name == log))
        table.add_column("system", no_wrap=True)
        for column in (*events, "seconds"):
            table.add_column(column, justify="right", overflow="fold")
        systems = list(dict.fromkeys(job.system for job in results))
        means = mean_ne(results, log)
        for system in systems:
            cells = []
            for event in events:
                best = min(means[event].values())
                auc = mean(results, log, event, system, "auc")
                text = f"{means[event][system]:.4f} ({auc:.4f})"
                cells.append(Text(text, style="bold" if means[event][system] == best else ""))
            seconds = np.mean([mean(results, log, e, system, "seconds") for e in events])
            table.add_row(system, *cells, f"{seconds:.0f}")
        if log == "simulated":
            table.add_section()
            table.add_row("Bayes floor", *(f"{floors[event]:.4f}" for event in events), "")
        console.print(table)


def mean(
    results: dict[Job, dict[str, float]], log: str, event: str, system: str, figure: str
) -> float:
    """Mean of a figure over seeds."""
    figures = [
        result[figure]
        for job, result in results.items()
        if (job.log_name, job.event, job.system) == (log, event, system)
    ]
    return float(np.mean(figures))


def mean_ne(results: dict[Job, dict[str, float]], log: str) -> dict[str, dict[str, float]]:
    """Event -> system -> mean NE."""
    pairs = dict.fromkeys((job.event, job.system) for job in results if job.log_name == log)
    means: dict[str, dict[str, float]] = {}
    for event, system in pairs:
        means.setdefault(event, {})[system] = mean(results, log, event, system, "ne")
    return means


def summarise(results: dict[Job, dict[str, float]]) -> dict[str, object]:
    """How SparseNN Medium and Large compare with the best peer."""
    behind: dict[str, dict[str, float]] = {}
    for log in dict.fromkeys(job.log_name for job in results):
        for event, systems in mean_ne(results, log).items():
            ours = [systems[n] for n in ("sparsenn_medium", "sparsenn_large") if n in systems]
            theirs = [ne for name, ne in systems.items() if name in peers]
            if ours and theirs:
                gap = 100 * (min(ours) - min(theirs)) / min(theirs)
                behind.setdefault(log, {})[event] = round(gap, 3)
    gaps = [gap for events in behind.values() for gap in events.values()]
    return {"best": sum(gap < 0 for gap in gaps) / max(len(gaps), 1), "behind": behind}


if __name__ == "__main__":
    run(main, Config)
