"""How often is a technique found that truly helps, and refused that truly harms too many models?

Real networks with a technique and without it are trained once, of the same seeds, and every run
meets others of them: its θ on one seed, as a search tries it, then on fresh seeds until the verdict
is known, beside the baselines of the same seeds; the holdout is not tried. What a technique
truly does to each model is known from truth mode, which takes the expected loss under the
simulator's probabilities: the mean over seeds.

* The *gain* is `--gain` at one θ, on all models.
* The *harm* is the same, but on a share of the models, others in every run, it is `--harm` at one
  θ: a technique that may help on average and truly makes so many models worse by over α.

Prints a table and a JSON line last:

  true_mean       true μ of the gain, percent, and its standard error over seeds
  true_R          share of models that the gain truly makes worse by over α
  found           share of runs in which it enters T_G⁺
  harm_mean       mean true μ of the harms, percent
  harmed          models from which a run's harmed ones are drawn: surely worse by over α
  refused         share of runs in which the harm does not enter
  evaluations     networks trained a run of the gain, and of the harm: means
"""

import json
import math
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path

import false_discovery
import numpy as np
from false_discovery import Outcome, try_drawn
from network_draws import Draw
from network_pool import Floats, Pool, Workshop, make_pool, representatives
from rich.box import SIMPLE_HEAD
from rich.table import Table

from smt.command_line import open_console, run
from smt.errors import InputError
from smt.fleet import ModelSpec
from smt.techniques import find_technique
from smt.template import Template, find_template

FREQUENT = ("view", "long_view", "click")


@dataclass(frozen=True)
class Config:
    """What is tried.

    Attributes:
        template: To which the techniques are applied.
        gain: Technique that helps.
        gain_theta: Its θ.
        harm: Technique that makes models worse.
        harm_theta: Its θ.
        harmed: Share of the models on which it is tried.
        runs: Of each kind.
        models: Representatives of the simulator's fleet.
        fresh_seeds: At most.
        seeds: Networks a model with each technique and without, for runs to draw from.
        true_seeds: Of truth mode.
        rows: Of the simulator's log.
        batch_size: Of a training step.
        alpha: Percent.
        processes: Trainings and runs at once, one thread each.
        out: Folder of the networks; a second call goes on from there.
    """

    template: str = "experiments/templates/sparsenn_demo/v1.yaml"
    gain: str = "ema_weights"
    gain_theta: dict[str, float] = field(default_factory=lambda: {"horizon": 30.0})
    harm: str = "table_learning_rate"
    harm_theta: dict[str, float] = field(default_factory=lambda: {"rate": 0.02})
    harmed: float = 0.15
    runs: int = 200
    models: int = 20
    fresh_seeds: int = 4
    seeds: int = 20
    true_seeds: int = 4
    rows: int = 200_000
    batch_size: int = 512
    alpha: float = 0.05
    processes: int = 2
    out: str = "runs/power"

    @property
    def search(self) -> false_discovery.Config:
        """How one technique is searched: at one θ, so there is nothing to learn of others."""
        return false_discovery.Config(
            models=self.models,
            trials=1,
            method="sobol",
            fresh_seeds=self.fresh_seeds,
            rows=self.rows,
            alpha=self.alpha,
        )


@dataclass(frozen=True)
class Arm:
    """A technique's networks against those without it, and what it truly does.

    Attributes:
        pool: As it is measured.
        truth: `[M, S]` true Δ of a seed, percent.
    """

    pool: Pool
    truth: Floats

    @property
    def true_deltas(self) -> Floats:
        """`[M]` percent."""
        return np.asarray(self.truth.mean(axis=1))

    @property
    def true_mean(self) -> tuple[float, float]:
        """True μ and its standard error over seeds, percent."""
        by_seed = np.average(self.truth, axis=0, weights=self.pool.weights)
        return float(by_seed.mean()), float(by_seed.std(ddof=1) / math.sqrt(len(by_seed)))


def main(config: Config) -> None:
    """Train what is not there yet, try, print."""
    if config.seeds < 1 + config.fresh_seeds:
        raise InputError(f"seeds must be at least {1 + config.fresh_seeds}, one of them to search")
    template = find_template(config.template).change("training", batch_size=config.batch_size)
    models = representatives(config.rows, config.models, template, is_known)
    gain, harm = make_arms(template, models, config)
    places = surely_worse(harm, config.alpha)
    count = math.ceil(config.harmed * len(models))
    if len(places) < count:
        raise InputError(f"'{config.harm}' harms {len(places)} models; {count} are to be harmed")
    with ProcessPoolExecutor(config.processes, get_context("spawn")) as workers:
        of_gain = list(
            workers.map(try_arm, range(config.runs), [gain] * config.runs, [config] * config.runs)
        )
        mixed = [mix(gain, harm, chosen(number, places, count)) for number in range(config.runs)]
        of_harm = list(workers.map(try_arm, range(config.runs), mixed, [config] * config.runs))
    mean, error = gain.true_mean
    figures = {
        "true_mean": [round(mean, 4), round(error, 4)],
        "true_R": float(np.mean(gain.true_deltas < -config.alpha)),
        "found": share(of_gain),
        "harmed": len(places),
        "harm_mean": round(float(np.mean([arm.true_mean[0] for arm in mixed])), 4),
        "refused": round(1 - share(of_harm), 4),
        "evaluations": [evaluations(of_gain), evaluations(of_harm)],
    }
    show(gain, harm)
    print(json.dumps({"gain": config.gain, "harm": config.harm, "runs": config.runs, **figures}))


def is_known(model: ModelSpec) -> bool:
    """Models of all surfaces and of frequent events: few seeds tell what is true of them."""
    return model.surface == "all" and model.events[0] in FREQUENT


def make_arms(template: Template, models: Sequence[ModelSpec], config: Config) -> tuple[Arm, Arm]:
    """The gain and the harm on all models, against the same baselines."""
    workshop = Workshop(config.rows, Path(config.out), config.processes)
    true = template.change("training", judge="truth")
    bases = workshop.train(template, models, range(config.seeds))
    true_bases = workshop.train(true, models, range(config.true_seeds))
    arms = []
    for name, theta in ((config.gain, config.gain_theta), (config.harm, config.harm_theta)):
        technique = find_technique(name)
        candidates = workshop.train(technique.apply(template, theta), models, range(config.seeds))
        others = workshop.train(technique.apply(true, theta), models, range(config.true_seeds))
        paired = make_pool(models, true_bases, others)
        # A seed's networks with and without the technique begin with the same values.
        truth = np.diagonal(paired.deltas, axis1=1, axis2=2)
        arms.append(Arm(make_pool(models, bases, candidates), truth))
    return arms[0], arms[1]


def surely_worse(arm: Arm, alpha: float) -> list[int]:
    """Models that it truly makes worse by over α, by two standard errors over the seeds of truth.

    Of many means of a few seeds, those just below -α are there by their noise.
    """
    errors = arm.truth.std(axis=1, ddof=1) / math.sqrt(arm.truth.shape[1])
    return [int(place) for place in np.flatnonzero(arm.true_deltas + 2 * errors < -alpha)]


def chosen(number: int, places: Sequence[int], count: int) -> list[int]:
    """The models that this run's harm makes worse."""
    picked = np.random.default_rng([1, number]).choice(places, count, replace=False)
    return [int(place) for place in picked]


def mix(gain: Arm, harm: Arm, places: Sequence[int]) -> Arm:
    """The gain, but the harm on the models at these places."""

    def mixed(own: Floats, other: Floats) -> Floats:
        values = own.copy()
        values[places] = other[places]
        return values

    pool = replace(
        gain.pool,
        deltas=mixed(gain.pool.deltas, harm.pool.deltas),
        sems=mixed(gain.pool.sems, harm.pool.sems),
    )
    return Arm(pool, mixed(gain.truth, harm.truth))


def draw_seeds(number: int, pool: Pool, config: Config) -> Draw:
    """The seeds that a run meets, of baselines and candidates alike; none is met twice."""
    random = np.random.default_rng([0, number])
    searched, *fresh = random.permutation(pool.size)[: 1 + config.fresh_seeds]
    models = len(pool.models)
    return Draw(
        int(searched),
        np.array(fresh),
        np.full((models, 1), searched),
        np.broadcast_to(fresh, (models, 1, len(fresh))),
    )


def try_arm(number: int, arm: Arm, config: Config) -> Outcome:
    """A search and its verdict."""
    return try_drawn(number, draw_seeds(number, arm.pool, config), arm.pool, config.search)


def share(outcomes: Sequence[Outcome]) -> float:
    """That enter T_G⁺."""
    return round(float(np.mean([outcome.guarded for outcome in outcomes])), 4)


def evaluations(outcomes: Sequence[Outcome]) -> float:
    """Networks a run, baselines apart."""
    return round(float(np.mean([outcome.evaluations for outcome in outcomes])), 1)


def show(gain: Arm, harm: Arm) -> None:
    """What each truly does to every model."""
    table = Table(title="True Δ, percent", box=SIMPLE_HEAD)
    table.add_column("model")
    for column in ("gain", "harm"):
        table.add_column(column, justify="right")
    deltas = zip(gain.pool.models, gain.true_deltas, harm.true_deltas, strict=True)
    for model, helped, harmed in deltas:
        table.add_row(model, f"{helped:+.3f}", f"{harmed:+.3f}")
    open_console().print(table)


if __name__ == "__main__":
    run(main, Config)
