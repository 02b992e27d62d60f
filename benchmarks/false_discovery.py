"""How often is a technique that does nothing taken for one that generalizes?

A null technique has three real hyperparameters, which do nothing but choose the seed of the
network's initial values. Every θ of it is a fresh training of the same network, so whatever
enters T_G⁺ is a false discovery. The search is the package's own with its defaults; of the guards,
fresh seeds and the lower bound of μ are tried, the holdout is not. What is searched does nothing,
so `--method sobol`, which takes no time, finds about as much, and many more techniques can be
tried.

Trainings are real, but reused: a model's networks of P seeds are trained once, and an evaluation
is the paired delta of two of them. Within a technique no network is met twice: the search's
baseline, its candidates, the fresh seeds' baselines and their candidates all differ, as they do
where each is trained when it is needed. Only between techniques are networks shared, so that the
techniques are not wholly independent: the shares below vary more from pool to pool than as many
coins would. Baselines of one seed are of one seed for all models. Candidates are of a seed of
their own for each model, or with `--common` of one seed for all.

Prints a table and a JSON line last:

  guarded           share of techniques that enter T_G⁺, bar 0.05
  paper_exact       the same by Algorithm 1: the largest A of the trials is at least τ
  feasible          share of techniques with a feasible trial
  measured          share of techniques with a θ worth measuring again
  mean_A_claimed    A of these θ in the search, percent: mean
  mean_A_fresh      the mean of their μ on fresh seeds, which is A where few models regress
  unguarded         share that would enter if A on fresh seeds alone had to reach τ
  evaluations_per_technique

and, of `--families` families of θ that no search chose, measured on fresh seeds alike:

  variance_ratio    variance of μ over the mean of its squared standard error; above 1, the
                    standard error is too small; null where it is unknown
  bound_fails       share of families in which a lower bound of μ is above 0, bar 0.05
  seed_sd, row_sem  standard deviation of a delta between seeds, its standard error over rows;
                    percent, root mean square over models
"""

import json
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from network_draws import Draw, Plan, draw, measure_again, measure_on_all
from network_pool import Pool, Workshop, make_pool, representatives
from rich.box import SIMPLE_HEAD
from rich.progress import track
from rich.table import Table

from smt.command_line import open_console, run
from smt.errors import InputError
from smt.mmo import optimize
from smt.mmo.verdict.confirmation import candidates, choose_confirmed, value_of
from smt.results.technique import Replication
from smt.search.goal import Goal
from smt.search.methods.catalogue import Method
from smt.search.propose import judge
from smt.search.settings import Settings
from smt.search.state import SearchState
from smt.space import Float, Int, Space, Theta
from smt.template import load_version

SPACE: Space = {"rate": Float(1e-3, 1.0, log=True), "share": Float(0.0, 1.0), "units": Int(1, 64)}
SETTINGS = Settings()
# Numbers of the families that no search chose, away from the techniques'.
FAMILIES = 1_000_000


@dataclass(frozen=True)
class Config:
    """What is tried.

    Attributes:
        techniques: How many that do nothing.
        models: Representatives of the simulator's fleet.
        trials: Of a technique.
        method: Of the search.
        fresh_seeds: S, on as many of which at most its best are measured again.
        networks: P, networks a model; 0 for as many as one technique needs.
        rows: Of the simulator's log; a fifth are test rows.
        alpha: Percent; a model regresses below -alpha.
        common: Candidates are of one seed for all models.
        families: Of the check of standard errors.
        seed: Which networks the techniques meet.
        processes: Trainings and searches at once, one thread each.
        out: Folder of the networks' losses; a second call goes on from there.
    """

    techniques: int = 40
    models: int = 20
    trials: int = SETTINGS.trials
    method: Method = SETTINGS.method
    fresh_seeds: int = SETTINGS.fresh_seeds
    networks: int = 40
    rows: int = 30_000
    alpha: float = SETTINGS.alpha
    common: bool = False
    families: int = 1000
    seed: int = 0
    processes: int = 2
    out: str = "runs/false_discovery"

    @property
    def plan(self) -> Plan:
        """What each technique trains."""
        return Plan(self.trials, SETTINGS.candidates, self.fresh_seeds, self.common, self.seed)


@dataclass(frozen=True)
class Outcome:
    """What became of one technique.

    Attributes:
        highest: A* of the search; None where no trial was feasible.
        claimed: A in the search of what was measured again.
        replications: The same on fresh seeds.
        guarded: Whether it enters T_G⁺.
        evaluations: Networks that it would have trained.
    """

    highest: float | None
    claimed: tuple[float, ...]
    replications: tuple[Replication, ...]
    guarded: bool
    evaluations: int

    @property
    def paper_exact(self) -> bool:
        """Whether it enters T_G⁺ by Algorithm 1."""
        return self.highest is not None and self.highest >= SETTINGS.tau

    @property
    def unguarded(self) -> bool:
        """Whether it would enter by its A on fresh seeds alone."""
        return any(value_of(replication) >= SETTINGS.tau for replication in self.replications)


def main(config: Config) -> None:
    """Train what is not there yet, search, print."""
    needed = config.plan.networks
    networks = config.networks or needed
    if networks < needed:
        raise InputError(
            f"networks is {networks}; a technique of {config.trials} trials and "
            f"{config.fresh_seeds} fresh seeds needs {needed} a model"
        )
    template = load_version("sparsenn_small")
    models = representatives(config.rows, config.models, template)
    workshop = Workshop(config.rows, Path(config.out), config.processes)
    trained = workshop.train(template, models, range(networks))
    pool = make_pool(models, trained, trained)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(config.processes, context) as workers:
        running = [
            workers.submit(try_technique, number, pool, config)
            for number in range(config.techniques)
        ]
        for done in track(as_completed(running), "searching", total=len(running)):
            done.result()
    outcomes = [future.result() for future in running]
    show(outcomes)
    summary = {
        "techniques": config.techniques,
        "models": config.models,
        "trials": config.trials,
        "fresh_seeds": config.fresh_seeds,
        "alpha": config.alpha,
        **summarise(outcomes),
        **check_errors(pool, config),
    }
    print(json.dumps(summary))


def try_technique(number: int, pool: Pool, config: Config) -> Outcome:
    """Search one technique that does nothing, then measure its best again."""
    return try_drawn(number, draw(number, pool, config.plan), pool, config)


def try_drawn(number: int, drawn: Draw, pool: Pool, config: Config) -> Outcome:
    """Search a technique that meets these networks, then measure its best again."""
    goal = goal_of(pool, config)
    order: list[Theta] = []

    def evaluate(theta: Theta, model: Any) -> tuple[float, float]:
        if theta not in order:
            order.append(theta)
        return pool.evaluate(model, drawn.base, drawn.tried[model, order.index(theta)])

    optimization = optimize(
        SPACE,
        evaluate,
        models=range(len(pool.models)),
        weights=pool.weights.tolist(),
        trials=config.trials,
        alpha=goal.alpha,
        epsilon=goal.epsilon,
        tau=goal.tau,
        method=config.method,
        early_rejection=True,
        seed=number,
    )
    estimates = judge(SearchState(SPACE, goal, optimization.trials, seed=number), config.method)
    chosen = candidates(optimization.trials, estimates, goal, count=SETTINGS.candidates)
    again = measure_again(
        [(trial, optimization.trials[trial].theta) for trial in chosen], drawn, pool, goal
    )
    feasible = [trial.aggregate.value for trial in optimization.trials if trial.aggregate.feasible]
    return Outcome(
        highest=max(feasible, default=None),
        claimed=tuple(optimization.trials[trial].aggregate.value for trial in chosen),
        replications=again,
        guarded=choose_confirmed(again) is not None,
        evaluations=optimization.evaluations + sum(candidate.evaluations for candidate in again),
    )


def goal_of(pool: Pool, config: Config) -> Goal:
    """What the searches are after."""
    return Goal.over(
        len(pool.models),
        pool.weights.tolist(),
        alpha=config.alpha,
        epsilon=SETTINGS.epsilon,
        tau=SETTINGS.tau,
    )


def check_errors(pool: Pool, config: Config) -> dict[str, float | None]:
    """What noise makes of μ on fresh seeds, and what `measure` takes it for."""
    goal = goal_of(pool, config)
    families = list(null_families(pool, goal, config))
    every = [member for family in families for member in family]
    squares = [member.mean_sem**2 for member in every if member.mean_sem is not None]
    means = [member.mean for member in every if member.mean is not None]
    fails = [
        any(member.lower is not None and member.lower > 0 for member in family)
        for family in families
    ]
    different = ~np.eye(pool.size, dtype=bool)
    return {
        "variance_ratio": mean([float(np.var(means) / np.mean(squares))] if squares else []),
        "bound_fails": mean(fails),
        "seed_sd": round(float(np.sqrt(np.mean(pool.deltas[:, different] ** 2))), 4),
        "row_sem": round(float(np.sqrt(np.mean(pool.sems[:, different] ** 2))), 4),
    }


def null_families(pool: Pool, goal: Goal, config: Config) -> Iterator[tuple[Replication, ...]]:
    """As many candidates as a technique may have, on fresh seeds, that no search chose."""
    for number in track(range(FAMILIES, FAMILIES + config.families), "checking"):
        yield measure_on_all(SETTINGS.candidates, draw(number, pool, config.plan), pool, goal)


def summarise(outcomes: Sequence[Outcome]) -> dict[str, float | None]:
    """The figures of the techniques; see the top."""
    fresh = [replication for outcome in outcomes for replication in outcome.replications]
    return {
        "guarded": mean([outcome.guarded for outcome in outcomes]),
        "paper_exact": mean([outcome.paper_exact for outcome in outcomes]),
        "unguarded": mean([outcome.unguarded for outcome in outcomes]),
        "feasible": mean([outcome.highest is not None for outcome in outcomes]),
        "measured": mean([len(outcome.replications) > 0 for outcome in outcomes]),
        "mean_A_claimed": mean([value for outcome in outcomes for value in outcome.claimed]),
        "mean_A_fresh": mean(
            [replication.mean for replication in fresh if replication.mean is not None]
        ),
        "evaluations_per_technique": mean([outcome.evaluations for outcome in outcomes]),
    }


def mean(values: Sequence[float]) -> float | None:
    """None of nothing."""
    return round(float(np.mean(values)), 4) if values else None


def show(outcomes: Sequence[Outcome]) -> None:
    """A row a technique that has a θ worth measuring again; of each, its best on fresh seeds."""
    table = Table(title="Null techniques", box=SIMPLE_HEAD)
    for column in ("technique", "A claimed", "μ fresh", "lower", "R fresh", "enters"):
        table.add_column(column, justify="right")
    for number, outcome in enumerate(outcomes):
        if not outcome.replications:
            continue
        means = np.array([replication.mean for replication in outcome.replications], dtype=float)
        best = int(np.argmax(means))
        shown = outcome.replications[best]
        table.add_row(
            str(number),
            f"{outcome.claimed[best]:+.3f}%",
            f"{means[best]:+.3f}%",
            "-" if shown.lower is None else f"{shown.lower:+.3f}%",
            f"{shown.regression_rate:.2f}",
            "yes" if outcome.guarded else "no",
        )
    open_console().print(table)


if __name__ == "__main__":
    run(main, Config)
