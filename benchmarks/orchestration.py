"""What orchestration costs: Tune, the searcher, the dispatcher and Ray Train around training.

Prints a JSON line last:

  overhead      wall time x workers / seconds inside evaluations, of a whole `generalize` call
                (8 models, 8 trials of one technique, about 2 s an evaluation)
  first_evaluation_s  from a command of generalize.py to its first evaluation in the ledger
  warm_speedup  wall time an evaluation with every evaluation in a Ray Train run of its own,
                over that on warm workers, for evaluations of about 0.1 s
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import ray

from smt.command_line import run
from smt.data.simulator import SimulatorSpec
from smt.execution.cluster import connect
from smt.execution.dispatcher import start_dispatcher
from smt.execution.evaluation import Task
from smt.execution.ledger import Ledger
from smt.execution.plan import plan_cluster
from smt.execution.resources import Resources
from smt.fleet import Fleet, ModelSpec, SimulatedLog, load_logs, log_name, open_logs
from smt.mmo import Settings, generalize
from smt.storage import Folder
from smt.techniques import catalogue as techniques
from smt.template import catalogue

# The command whose first evaluation is waited for.
FIRST = (
    *("experiments/generalize.py", "--template", "decoupled_sparsenn_small@2"),
    *("--representatives", "8", "--trials", "1", "--train-rows", "100000"),
)


@dataclass(frozen=True)
class Config:
    """Size of the measurement.

    Attributes:
        rows: Rows of the simulated log; so many take about 2 s an evaluation.
        short_rows: Rows for an evaluation of about 0.1 s.
        trials: Trials of the technique.
        warm: Evaluations timed on warm workers.
        isolated: Evaluations timed in runs of their own, 5 to 10 s each.
    """

    rows: int = 90_000
    short_rows: int = 6_000
    trials: int = 8
    warm: int = 40
    isolated: int = 4


def fleet_of(rows: int, count: int) -> Fleet:
    """Models that differ in event and surface filter and all train on the whole log."""
    log = SimulatedLog(simulator=SimulatorSpec(rows=rows))
    features = open_logs([_model("probe", log, "view", ("user",))])[log_name(log)].schema.features
    events = ("view", "long_view", "click", "like")
    return Fleet(
        name="orchestration",
        models=tuple(
            _model(f"{events[n % 4]}-{n}", log, events[n % 4], features[: len(features) - n % 3])
            for n in range(count)
        ),
    )


def _model(name: str, log: SimulatedLog, event: str, features: tuple[str, ...]) -> ModelSpec:
    return ModelSpec(
        name=name,
        stage="ranking",
        events=(event,),
        surface="all",
        data_constraint="full",
        log=log,
        features=features,
    )


def measure_overhead(config: Config) -> dict[str, float]:
    """Time `generalize` from call to return, an empty cluster to a finished search."""
    fleet = fleet_of(config.rows, 8)
    out = tempfile.mkdtemp(prefix="smt-bench-")
    # What is timed is the run, not this process's imports.
    import_module("smt.mmo.generalization")
    started = time.perf_counter()
    generalization = generalize(
        [techniques["lr_warmup_cosine"]],
        fleet,
        out=out,
        # Complete trials of a search alone: every evaluation costs the same.
        settings=Settings(trials=config.trials, early_rejection=False, paper_exact=True, holdout=0),
        representatives=len(fleet.models),
    )
    wall = time.perf_counter() - started
    evaluations = [
        *generalization.baselines.values(),
        *Ledger(Folder(out), Folder(out)).evaluations(),
    ]
    shutil.rmtree(out)
    inside = sum(evaluation.seconds for evaluation in evaluations)
    workers = int(ray.cluster_resources()["CPU"])
    return {
        "overhead": wall * workers / inside,
        "wall_s": wall,
        "workers": workers,
        "evaluations": len(evaluations),
        "evaluation_s": inside / len(evaluations),
    }


def seconds_to_first_evaluation() -> float:
    """From the command, in a process and on a Ray of its own, to the first record of its ledger."""
    with tempfile.TemporaryDirectory(prefix="smt-bench-") as scratch:
        command = [sys.executable, *FIRST, "--out", f"{scratch}/out"]
        started = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as running:
            while not any(Path(scratch).glob("out/baselines/*.json")):
                if running.poll() is not None:
                    raise RuntimeError(f"{command} ended before its first evaluation")
                time.sleep(0.05)
            seconds = time.perf_counter() - started
            running.terminate()
        return seconds


def seconds_an_evaluation(rows: int, count: int, *, isolate: bool) -> float:
    """Wall time of `count` evaluations, over their number, once the workers are up."""
    fleet = fleet_of(rows, 8)
    logs = open_logs(fleet.models)
    template = catalogue["sparsenn_small"]
    connect()
    asked = [(model.name, template.training) for model in fleet.models]
    cluster = plan_cluster(asked, Resources(isolate=isolate))
    shared = {name: [ray.put(log)] for name, log in load_logs(logs, fleet.models).items()}
    out = tempfile.mkdtemp(prefix="smt-bench-")
    templates = dict.fromkeys((model.name for model in fleet.models), template)
    dispatcher = start_dispatcher(out, f"{out}/baselines", templates, shared, cluster)
    first: list[Any] = [_task(fleet.models[n % 8], logs, 0) for n in range(cluster.pool * 2)]
    ray.get([dispatcher.baseline.remote(task) for task in first])
    tasks = [_task(fleet.models[n % 8], logs, seed=n + 1) for n in range(count)]
    started = time.perf_counter()
    ray.get([dispatcher.baseline.remote(task) for task in tasks])
    wall = time.perf_counter() - started
    ray.get(dispatcher.stop.remote())
    ray.kill(dispatcher)
    shutil.rmtree(out)
    return wall / count


def _task(model: ModelSpec, logs: dict[str, Any], seed: int) -> dict[str, Any]:
    return Task(
        template=catalogue["sparsenn_small"],
        model=model,
        seed=seed,
        log_digest=logs[log_name(model.log)].digest,
    ).to_dict()


def main(config: Config) -> None:
    """Measure both and print."""
    # On an idle machine: before this process has a Ray of its own.
    first = seconds_to_first_evaluation()
    figures = measure_overhead(config) | {"first_evaluation_s": first}
    warm = seconds_an_evaluation(config.short_rows, config.warm, isolate=False)
    isolated = seconds_an_evaluation(config.short_rows, config.isolated, isolate=True)
    figures |= {"warm_s": warm, "isolated_s": isolated, "warm_speedup": isolated / warm}
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))


if __name__ == "__main__":
    run(main, Config)
