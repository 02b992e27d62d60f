"""Searchers beside each other on simulated fleets, whose true A is known everywhere.

Every method gets as many trials (with `--evaluations`, as many evaluations), under the same noise.
Those of this package may stop a trial that is known to be infeasible. Prints a table and a JSON
line last, by method:

  best_20, best_40  true A of the best θ tried in so many trials, over A*: mean
  reached           share of runs that tried a θ of at least 90% of A*
  evaluations       evaluations until then: median, null where most runs do not get there
  score             true A of the recommended θ over A*, 0 where infeasible or none: mean
  infeasible        share of runs whose recommended θ is truly infeasible
  none              share of runs that recommend nothing
  proposal_s        seconds to propose a trial: mean

and `composite_over_tpe`, the ratio of their median evaluations, null where one is. In
`composite_over_tpe_at_most` a run of TPE that does not get there counts as if it had at its end.
`tpe` rejects early, as all methods of this package; `composite_over_tune_optuna` compares with
Ray Tune's stock TPE, which has no early rejection.

`--out` keeps every run, and gets the curves (`curves.parquet`) and a figure (`search.html`);
the same command goes on where it was stopped. Needs optuna for Ray Tune's OptunaSearch.
"""

import itertools
import json
import math
import multiprocessing
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from rich.box import SIMPLE_HEAD
from rich.progress import track
from rich.table import Table
from search_figure import write_figure
from search_fleets import ALPHA, EPSILON, MODELS, NEAR, SimulatedFleet, make_fleet, optimum
from search_peers import Evaluate, construct, peers, search_with
from search_points import Array

from smt.command_line import open_console, run
from smt.mmo import optimize
from smt.space import Theta

Figures = dict[str, float | None]


@dataclass(frozen=True)
class Config:
    """What is compared.

    Attributes:
        methods: Methods of `optimize`, and Ray Tune's searchers.
        first: Number of the first fleet; the benchmark's are 0 to 11.
        fleets: How many fleets.
        seeds: Runs of a method on a fleet, each under noise of its own.
        trials: Trials of a run, each of at most 20 evaluations.
        evaluations: Of a run, in place of trials: a method that rejects early tries more θ.
        processes: Runs at once, one thread each.
        out: Folder of the runs.
    """

    methods: tuple[str, ...] = ("composite", "ax", "sobol", "tpe", *peers)
    first: int = 0
    fleets: int = 12
    seeds: int = 10
    trials: int = 40
    evaluations: int | None = None
    processes: int = 2
    out: str = "runs/search"


@dataclass(frozen=True)
class Job:
    """A run of a method on a fleet."""

    fleet: int
    method: str
    seed: int
    trials: int
    evaluations: int | None = None

    @property
    def name(self) -> str:
        """File name of its result."""
        budget = self.trials if self.evaluations is None else f"{self.evaluations}e"
        return f"{make_fleet(self.fleet).name}-{self.method}-{self.seed}-{budget}"


@dataclass(frozen=True)
class Run:
    """What came of a job; values are true ones.

    Attributes:
        ends: [t], evaluations made once each θ was done with, in the order tried.
        values: [t], A over A* of each θ tried; -inf where infeasible.
        recommended: A over A* of the recommended θ, -inf where infeasible; None: no θ.
        proposal_s: Seconds of proposing and recommending, by trial.
    """

    ends: list[int]
    values: list[float]
    recommended: float | None
    proposal_s: float

    @property
    def best(self) -> Array:
        """[t], A over A* of the best θ so far; 0, as by doing nothing, before any is better."""
        highest: Array = np.maximum.accumulate(np.maximum(self.values, 0.0))
        return highest

    @property
    def needed(self) -> float:
        """Evaluations until a θ near the optimum was tried; inf where none was."""
        near = np.flatnonzero(np.array(self.values) >= NEAR)
        return float(self.ends[near[0]]) if len(near) else math.inf


def main(config: Config) -> None:
    """Run what is not there yet, then print and write."""
    out = Path(config.out)
    out.mkdir(parents=True, exist_ok=True)
    # At the least, a trial is one evaluation.
    trials = config.trials if config.evaluations is None else config.evaluations
    jobs = [
        Job(fleet, method, seed, trials, config.evaluations)
        for seed in range(config.seeds)
        for fleet in range(config.first, config.first + config.fleets)
        for method in config.methods
    ]
    waiting = [job for job in jobs if not (out / f"{job.name}.json").exists()]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(config.processes, context) as pool:
        running = [pool.submit(measure, job, config.out) for job in waiting]
        for done in track(as_completed(running), "searching", total=len(running)):
            done.result()
    results = {job: json.loads((out / f"{job.name}.json").read_text()) for job in jobs}
    errors = {job.method: result["error"] for job, result in results.items() if "error" in result}
    runs: dict[str, dict[Job, Run]] = {}
    for job, result in results.items():
        if job.method not in errors:
            runs.setdefault(job.method, {})[job] = Run(**result)
    figures = {method: summarise([*of.values()]) for method, of in runs.items()}
    show(figures, errors)
    pq.write_table(curves(runs), out / "curves.parquet")
    summary = {"methods": figures, "errors": errors, **ratios(runs)}
    longest = max((len(run.ends) for of in runs.values() for run in of.values()), default=trials)
    evaluations = config.evaluations or trials * MODELS
    write_figure(regrets(runs, longest, evaluations), summary, out / "search.html")
    print(json.dumps(summary))


def measure(job: Job, out: str) -> None:
    """Search once; the result is a file."""
    torch.set_num_threads(1)
    path = Path(out) / f"{job.name}.json"
    partial = path.with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps(search(job, out)))
    partial.rename(path)


def search(job: Job, out: str) -> dict[str, Any]:
    """What a `Run` holds, or the error of a searcher that cannot be constructed."""
    fleet = make_fleet(job.fleet)
    highest = optimum(fleet, out)[1]
    asked: list[Theta] = []
    inside = 0.0

    def evaluate(theta: Theta, model: Any) -> tuple[float, float]:
        nonlocal inside
        started = time.perf_counter()
        asked.append(theta)
        measured = fleet.evaluate(theta, model, job.seed)
        inside += time.perf_counter() - started
        return measured

    started = time.perf_counter()
    if job.method in peers:
        try:
            searcher = construct(job.method, fleet.space, job.seed)
        except Exception as error:
            return {"error": repr(error)}
        complete = job.trials if job.evaluations is None else job.evaluations // MODELS
        theta = search_with(searcher, fleet, evaluate, complete)
    else:
        theta = search_here(job, fleet, evaluate)
    seconds = time.perf_counter() - started - inside
    # A trial is a stretch of evaluations of one θ.
    tried = [(asked_theta, len(list(stretch))) for asked_theta, stretch in itertools.groupby(asked)]
    return {
        "ends": list(itertools.accumulate(length for _, length in tried)),
        "values": [fleet.value(asked_theta) / highest for asked_theta, _ in tried],
        "recommended": None if theta is None else fleet.value(theta) / highest,
        "proposal_s": seconds / len(tried),
    }


def search_here(job: Job, fleet: SimulatedFleet, evaluate: Evaluate) -> Theta | None:
    """The recommendation of a method of `optimize`."""
    return optimize(
        fleet.space,
        evaluate,
        models=fleet.models,
        weights=fleet.weights.tolist(),
        trials=job.trials,
        max_evaluations=job.evaluations,
        alpha=ALPHA,
        epsilon=EPSILON,
        method=job.method,
        early_rejection=True,
        seed=job.seed,
    ).best_theta


def summarise(runs: Sequence[Run]) -> Figures:
    """A method's figures; see the top."""
    recommended = [run.recommended for run in runs]
    shares = {
        "best_20": [run.best[:20][-1] for run in runs],
        "best_40": [run.best[:40][-1] for run in runs],
        "reached": [run.needed < math.inf for run in runs],
        "score": [0.0 if value in (None, -math.inf) else value for value in recommended],
        "infeasible": [value == -math.inf for value in recommended],
        "none": [value is None for value in recommended],
        "proposal_s": [run.proposal_s for run in runs],
    }
    figures: Figures = {name: round(float(np.mean(of)), 4) for name, of in shares.items()}
    return {"runs": len(runs), **figures, "evaluations": finite(median_needed(runs))}


def ratios(runs: dict[str, dict[Job, Run]]) -> Figures:
    """Composite's median evaluations over those of each TPE, and a bound of it; see the top."""
    figures: Figures = {}
    for peer in ("tpe", "tune_optuna"):
        if {"composite", peer} <= runs.keys():
            ours, theirs = (median_needed([*runs[name].values()]) for name in ("composite", peer))
            spent = np.median([min(run.needed, run.ends[-1]) for run in runs[peer].values()])
            figures[f"composite_over_{peer}"] = finite(ours / theirs) if theirs < math.inf else None
            figures[f"composite_over_{peer}_at_most"] = finite(ours / float(spent))
    return figures


def median_needed(runs: Sequence[Run]) -> float:
    """Median evaluations until near the optimum; inf where half of the runs do not get there."""
    # The upper of two middle values: their mean could be inf - inf.
    return sorted(run.needed for run in runs)[len(runs) // 2]


def finite(value: float) -> float | None:
    """A number as JSON has it."""
    return round(value, 4) if math.isfinite(value) else None


def regrets(
    runs: dict[str, dict[Job, Run]], trials: int, evaluations: int
) -> dict[str, tuple[Array, Array]]:
    """Method -> simple regret [runs, trials] and [runs, evaluations]; a run keeps its last."""
    by_method = {}
    numbers = np.arange(1, max(trials, evaluations) + 1)
    for method, of in runs.items():
        best = [np.concatenate([[0.0], run.best]) for run in of.values()]
        done = [np.searchsorted(run.ends, numbers, side="right") for run in of.values()]
        by_method[method] = (
            1 - np.stack([curve[np.minimum(numbers[:trials], len(curve) - 1)] for curve in best]),
            1 - np.stack([curve[at[:evaluations]] for curve, at in zip(best, done, strict=True)]),
        )
    return by_method


def curves(runs: dict[str, dict[Job, Run]]) -> pa.Table:
    """A row a trial: evaluations until its end, A over A* of its θ and of the best so far."""
    return pa.Table.from_pylist(
        [
            {
                **asdict(job),
                "trial": trial + 1,
                "evaluations": run.ends[trial],
                "value": run.values[trial],
                "best": run.best[trial],
            }
            for of in runs.values()
            for job, run in of.items()
            for trial in range(len(run.ends))
        ]
    )


def show(methods: dict[str, Figures], errors: dict[str, str]) -> None:
    """A row a method; why one has no figures is below."""
    columns = ("best_20", "best_40", "reached", "evaluations", "score", "infeasible", "none")
    table = Table("method", title="Shares of A* and of runs", box=SIMPLE_HEAD, padding=0)
    for column in (*columns, "proposal_s"):
        table.add_column(column.replace("_", "\n"), justify="right")
    for method in (*methods, *errors):
        figures = [methods.get(method, {}).get(column) for column in (*columns, "proposal_s")]
        table.add_row(method, *("-" if figure is None else f"{figure:.3g}" for figure in figures))
    open_console().print(table)
    for method, error in errors.items():
        print(f"{method} cannot be constructed: {error}")


if __name__ == "__main__":
    run(main, Config)
