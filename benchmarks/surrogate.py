"""The surrogate of `composite`: are its intervals right, and how long does a proposal take?

Prints a JSON line last:

  coverage        Share of measured deltas inside the 95% interval that the surrogate, fitted to
                  the other trials of its fleet, gives them; on fleets of `search_fleets`.
  proposal_s      "models x trials" -> seconds of one proposal on one thread.

By default all trials are complete; `--evaluated 0.4` leaves models out, as early rejection does.
"""

import json
import math
import time
from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator, default_rng
from rich.progress import track
from search_fleets import SimulatedFleet, make_fleet

from smt.command_line import open_console, run
from smt.search.aggregate import aggregate
from smt.search.delta import Delta
from smt.search.encoding import Encoding
from smt.search.goal import Goal
from smt.search.propose import propose
from smt.search.state import SearchState
from smt.search.surrogate.surrogate import fit_surrogate
from smt.search.trial import Trial
from smt.space import Float, Theta
from smt.threads import one_thread

WIDTH = 1.959964


@dataclass(frozen=True)
class Config:
    """What is measured.

    Attributes:
        first: Number of the first fleet.
        fleets: How many.
        trials: Trials of a fleet, at quasi-random θ; each is left out once.
        sizes: Models and trials whose proposal is timed, as MODELSxTRIALS.
        evaluated: Share of a trial's models that it evaluated, others in each trial.
    """

    first: int = 0
    fleets: int = 12
    trials: int = 24
    sizes: tuple[str, ...] = ("20x50", "20x200", "100x100")
    evaluated: float = 1.0


def main(config: Config) -> None:
    """Measure, print."""
    numbers = range(config.first, config.first + config.fleets)
    with one_thread():
        shares = {
            f"fleet {number}": coverage(make_fleet(number), config)
            for number in track(numbers, "coverage")
        }
        seconds = {size: proposal_seconds(size, config.evaluated) for size in config.sizes}
    console = open_console(highlight=False)
    for name, share in shares.items():
        console.print(f"{name}: {share:.3f}")
    print(
        json.dumps(
            {
                "coverage": round(float(np.mean([*shares.values()])), 4),
                "least_coverage": round(min(shares.values()), 4),
                "proposal_s": {size: round(duration, 2) for size, duration in seconds.items()},
            }
        )
    )


def coverage(fleet: SimulatedFleet, config: Config) -> float:
    """Share of a fleet's measured deltas inside their intervals, each trial left out in turn."""
    encoding, draw = Encoding(fleet.space), default_rng(fleet.number)
    trials = [measure(fleet, theta) for theta in encoding.sobol(config.trials, seed=fleet.number)]
    thinned = [thin(trial, config.evaluated, draw) for trial in trials]
    inside = []
    for number, trial in enumerate(trials):
        others = thinned[:number] + thinned[number + 1 :]
        surrogate = fit_surrogate(encoding, others, alpha=0.05)
        mean, spread = surrogate.predict(encoding.encode([trial.theta]))
        deltas = torch.tensor(trial.deltas, dtype=torch.double)
        sems = torch.tensor(trial.sems, dtype=torch.double) * surrogate.tail.slope(deltas)
        noise = torch.hypot(spread[0], math.sqrt(surrogate.scatter) * sems)
        errors = surrogate.tail.bound(deltas) - mean[0]
        inside.append((errors.abs() <= WIDTH * noise).numpy())
    return float(np.mean(inside))


def measure(fleet: SimulatedFleet, theta: Theta) -> Trial:
    """A complete trial."""
    deltas, sems = zip(*(fleet.evaluate(theta, model, 0) for model in fleet.models), strict=True)
    return Trial(theta, deltas, sems, aggregate(deltas, fleet.weights.tolist()))


def thin(trial: Trial, share: float, draw: Generator) -> Trial:
    """The trial as if it had evaluated so many of its models, at least one."""
    models = len(trial.outcomes)
    kept = {*draw.permutation(models)[: max(round(share * models), 1)].tolist()}
    outcomes = [
        delta if model in kept else Delta.not_evaluated()
        for model, delta in enumerate(trial.outcomes)
    ]
    return Trial(trial.theta, outcomes, aggregate=trial.aggregate)


def proposal_seconds(size: str, evaluated: float) -> float:
    """Seconds of one proposal over five real hyperparameters."""
    models, trials = map(int, size.split("x"))
    draw = default_rng(0)
    space = {f"x{number}": Float(0, 1) for number in range(5)}
    slopes = 0.3 + 0.2 * draw.normal(size=(models, 5))
    done = []
    for theta in Encoding(space).sobol(trials, seed=0):
        point = np.array([*theta.values()])
        true = 0.3 - ((point - 0.5 - 0.2 * slopes) ** 2).sum(1)
        deltas = tuple((true + 0.03 * draw.normal(size=models)).tolist())
        trial = Trial(theta, deltas, (0.03,) * models, aggregate(deltas))
        done.append(thin(trial, evaluated, draw))
    started = time.perf_counter()
    proposal = propose(SearchState(space, Goal.over(models), done), "composite")
    assert proposal is not None
    return time.perf_counter() - started


if __name__ == "__main__":
    run(main, Config)
