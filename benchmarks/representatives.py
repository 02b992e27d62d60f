"""How long it takes to choose the representatives of a large fleet, in which no two are alike.

Prints a JSON line last:

  models, representatives, resamples   sizes
  select_s      seconds of `select_representatives`: k by the elbow, silhouettes, members
  stability_s   seconds of `measure_stability`
  total_s       both, bar 30 for 100,000 models
  jaccard       how alike clusters are in resamples: mean
"""

import json
import time
from dataclasses import dataclass
from typing import get_args

import numpy as np

from smt.command_line import run
from smt.fleet import Fleet, ModelSpec, measure_stability, select_representatives
from smt.fleet.model_spec import Hardware, Stage


@dataclass(frozen=True)
class Config:
    """Size of the fleet.

    Attributes:
        models: How many.
        events: Distinct ones.
        surfaces: Distinct ones.
        constraints: Distinct ones.
        resamples: Of its stability.
        seed: Of the fleet, and of the choice.
    """

    models: int = 100_000
    events: int = 8
    surfaces: int = 12
    constraints: int = 4
    resamples: int = 50
    seed: int = 0


def make_fleet(config: Config) -> Fleet:
    """Models of random attributes; FLOPs are log-uniform over four decades."""
    generator = np.random.default_rng(config.seed)
    stages, hardware = get_args(Stage), get_args(Hardware)
    counts = (len(stages), len(hardware), config.events, config.surfaces, config.constraints)
    draws = generator.integers(counts, size=(config.models, len(counts)))
    flops = (10 ** generator.uniform(3, 7, size=config.models)).astype(int)
    models = tuple(
        ModelSpec(
            name=f"model-{number}",
            stage=stages[stage],
            inference_hardware=hardware[chip],
            events=(f"event-{event}",),
            surface=f"surface-{surface}",
            data_constraint=f"constraint-{constraint}",
            log="log",
            features=("user",),
            inference_flops=int(flops[number]),
        )
        for number, (stage, chip, event, surface, constraint) in enumerate(draws.tolist())
    )
    return Fleet(name="large", models=models)


def main(config: Config) -> None:
    """Make, choose, resample, print."""
    fleet = make_fleet(config)
    started = time.perf_counter()
    chosen = select_representatives(fleet, seed=config.seed)
    selected = time.perf_counter()
    stability = measure_stability(fleet, chosen, resamples=config.resamples, seed=config.seed)
    ended = time.perf_counter()
    figures = {
        "models": config.models,
        "representatives": len(chosen.models),
        "resamples": config.resamples,
        "select_s": round(selected - started, 2),
        "stability_s": round(ended - selected, 2),
        "total_s": round(ended - started, 2),
        "jaccard": round(float(stability.clusters.mean()), 3),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    run(main, Config)
