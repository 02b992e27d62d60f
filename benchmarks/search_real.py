"""Searchers beside each other on real tasks, whose losses have tails that simulated ones lack.

θ of a linear pipeline, of histogram gradient boosting and, where it is installed, of LightGBM are
searched on 20 tasks against the learner's defaults (`benchmarks/search_tasks.py`): Δ from +70% to
-1,500%, standard errors of a few α, few θ of a space feasible. A search sees one split of
the rows; the truth is the mean Δ over three others. Prints a table and a JSON line last, by method:

  score        true A of the recommended θ over the best known, 0 where infeasible or none: mean
  infeasible   share of runs whose recommended θ is truly infeasible
  none         share of runs that recommend nothing
  evaluations  of a run: mean
  proposal_s   seconds to propose a trial: mean

and `score_over_best_peer`, composite's score over the largest of the others'. The best
known is of every run in the cache: its recommended θ and the three of the largest A it saw.

`tune_optuna` is Ray Tune's stock searcher on A, without early rejection; it recommends the largest.
`--cache` keeps every fit and every run; the same command goes on where it was stopped.
"""

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.box import SIMPLE_HEAD
from rich.progress import track
from rich.table import Table
from search_learners import LEARNERS, DeltaCache, Learner, installed_learners
from search_peers import construct
from search_tasks import real_tasks

from smt.command_line import open_console, run
from smt.mmo import optimize
from smt.search.aggregate import aggregate
from smt.search.trial import Trial
from smt.space import Theta

SPLIT = 0
TRUE_SPLITS = (1, 2, 3)
# Of every run, beside the recommended θ: whose truth is asked for, so that the best is known.
PROMISING = 3


@dataclass(frozen=True)
class Config:
    """What is compared.

    Attributes:
        methods: Methods of `optimize`, and `tune_optuna`.
        learners: Whose θ is searched; those that are installed where empty.
        seeds: Runs of a method on a learner.
        trials: Trials of a run, each of at most 20 fits.
        quick: One seed of 12 trials of two methods on the linear pipeline: whether it runs at all.
        cache: Folder of fits and runs.
    """

    methods: tuple[str, ...] = ("composite", "tpe", "sobol", "tune_optuna", "ax")
    learners: tuple[str, ...] = ()
    seeds: int = 3
    trials: int = 40
    quick: bool = False
    cache: str = "runs/search_real"


@dataclass(frozen=True)
class Job:
    """A run of a method on a learner."""

    learner: str
    method: str
    seed: int
    trials: int

    def path(self, cache: str) -> Path:
        """File of its result."""
        return Path(cache) / f"{self.learner}-{self.method}-{self.seed}-{self.trials}.json"


def main(config: Config) -> None:
    """Run what is not there yet, then print."""
    torch.set_num_threads(1)
    learners = config.learners or installed_learners()
    methods, seeds, trials = config.methods, config.seeds, config.trials
    if config.quick:
        learners, methods, seeds, trials = ("linear",), ("composite", "sobol"), 1, 12
    cache = DeltaCache(config.cache)
    jobs = [
        Job(learner, method, seed, trials)
        for seed in range(seeds)
        for learner in learners
        for method in methods
    ]
    for job in track(jobs, "searching"):
        if not job.path(config.cache).exists():
            result = search(job, cache)
            job.path(config.cache).write_text(json.dumps(result))
    runs = {job: json.loads(job.path(config.cache).read_text()) for job in jobs}
    best = {learner: best_known(learner, config.cache) for learner in learners}
    figures = {
        method: {
            "all": summarise([job for job in jobs if job.method == method], runs, best),
            **{
                learner: summarise(
                    [job for job in jobs if (job.method, job.learner) == (method, learner)],
                    runs,
                    best,
                )
                for learner in learners
            },
        }
        for method in methods
    }
    show(figures)
    peers = [figures[method]["all"]["score"] for method in methods if method != "composite"]
    ours = figures["composite"]["all"]["score"] if "composite" in figures else math.nan
    over = ours / max(peers) if peers and max(peers) > 0 else math.nan
    ratio = round(over, 3) if math.isfinite(over) else None
    print(json.dumps({"methods": figures, "best_known": best, "score_over_best_peer": ratio}))


def search(job: Job, cache: DeltaCache) -> dict[str, Any]:
    """One search, and the truth of what it recommends and of its most promising θ."""
    learner = LEARNERS[job.learner]
    inside = 0.0

    def evaluate(theta: Theta, task: Any) -> tuple[float, float]:
        nonlocal inside
        started = time.perf_counter()
        pair = cache.measure(job.learner, task, SPLIT, theta)
        inside += time.perf_counter() - started
        return pair

    started = time.perf_counter()
    theta, trials = recommend(job, learner, evaluate)
    seconds = time.perf_counter() - started - inside
    feasible = [trial for trial in trials if trial.aggregate.feasible]
    feasible.sort(key=lambda trial: -trial.aggregate.value)
    truths = [
        {"theta": promising, "value": finite(true_value(job.learner, promising, cache))}
        for promising in [trial.theta for trial in feasible[:PROMISING]]
    ]
    recommended = None if theta is None else finite(true_value(job.learner, theta, cache))
    return {
        "theta": theta,
        "recommended": recommended,
        "promising": truths,
        "evaluations": sum(trial.evaluations for trial in trials),
        "proposal_s": seconds / len(trials),
        "trials": [trial.to_dict() for trial in trials],
    }


def recommend(job: Job, learner: Learner, evaluate: Any) -> tuple[Theta | None, Sequence[Trial]]:
    """The θ that a method recommends, None: leave it as it is; and its trials."""
    tasks = range(len(real_tasks()))
    if job.method != "tune_optuna":
        outcome = optimize(
            learner.space,
            evaluate,
            models=tasks,
            trials=job.trials,
            alpha=learner.alpha,
            epsilon=learner.epsilon,
            tau=learner.alpha,
            method=job.method,
            seed=job.seed,
        )
        return outcome.best_theta, outcome.trials
    searcher = construct(job.method, learner.space, job.seed)
    trials = []
    for number in range(job.trials):
        theta: Theta = searcher.suggest(str(number)) or {}
        deltas, sems = zip(*[evaluate(theta, task) for task in tasks], strict=True)
        value = aggregate(deltas, alpha=learner.alpha, epsilon=learner.epsilon)
        searcher.on_trial_complete(str(number), {"A": value.value})
        trials.append(Trial(theta, deltas, sems, value))
    best = max(trials, key=lambda trial: trial.aggregate.value)
    return (best.theta if best.aggregate.value > 0 else None), trials


def true_value(learner: str, theta: Theta, cache: DeltaCache) -> float:
    """A of the mean Δ over the splits that no search sees."""
    goal = LEARNERS[learner]
    deltas = [
        float(np.mean([cache.measure(learner, task, split, theta)[0] for split in TRUE_SPLITS]))
        for task in range(len(real_tasks()))
    ]
    return aggregate(deltas, alpha=goal.alpha, epsilon=goal.epsilon).value


def finite(value: float) -> float | None:
    """As JSON has it: None of an infeasible θ."""
    return value if math.isfinite(value) else None


def best_known(learner: str, cache: str) -> float:
    """The largest true A of any θ of any run in the cache, percent."""
    best = 0.0
    for path in Path(cache).glob(f"{learner}-*.json"):
        result = json.loads(path.read_text())
        values = [result["recommended"], *(theta["value"] for theta in result["promising"])]
        best = max([best, *(value for value in values if value is not None)])
    return best


def summarise(
    jobs: Sequence[Job], runs: dict[Job, dict[str, Any]], best: dict[str, float]
) -> dict[str, float]:
    """A method's figures; see the top."""
    results = [(runs[job], best[job.learner]) for job in jobs]
    columns: dict[str, list[float]] = {
        "score": [
            (run["recommended"] or 0.0) / highest if highest else 0.0 for run, highest in results
        ],
        "infeasible": [
            run["theta"] is not None and run["recommended"] is None for run, _ in results
        ],
        "none": [run["theta"] is None for run, _ in results],
        "evaluations": [run["evaluations"] for run, _ in results],
        "proposal_s": [run["proposal_s"] for run, _ in results],
    }
    return {name: round(float(np.mean(values)), 4) for name, values in columns.items()}


def show(figures: dict[str, dict[str, dict[str, float]]]) -> None:
    """A row a method and learner."""
    names = [*next(iter(next(iter(figures.values())).values()))]
    table = Table("method", "learner", title="Real tasks", box=SIMPLE_HEAD, padding=0)
    for name in names:
        table.add_column(name, justify="right")
    for method, by_learner in figures.items():
        for learner, values in by_learner.items():
            table.add_row(method, learner, *(f"{values[name]:.3g}" for name in names))
    open_console().print(table)


if __name__ == "__main__":
    run(main, Config)
