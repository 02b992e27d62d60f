"""How much less evidence does a verdict take where networks are judged while they learn?

A change of nothing (a learning rate half a percent larger) and real techniques are tried on every
event of a log, frozen beside progressive: the same template, rows and seeds, the one judged by
the test window, the other over the last half of all rows. Each Δ is noisy by its rows (`row_sem`,
clustered, the mean of the seeds') and by the seed of the training (`spread`, the deviation over
seeds); `total` joins both. As many evaluations are saved for a verdict as the square of the ratio
of the totals says.

Prints a table an event and a JSON line last: for every event its rate, and for every change the
mean Δ, spread, row_sem, total of both measures, percent, and `saved`; `saved_least`, over events
of at least a percent, and `saved_rare_least`, over those of under three.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

import numpy as np
import torch
from rich.box import SIMPLE_HEAD
from rich.progress import track
from rich.table import Table

from smt.command_line import open_console, run
from smt.data import Log
from smt.fleet import ModelSpec, load_logs, log_name, open_logs
from smt.fleet.fleet_file import load_fleet
from smt.search.encoding import Encoding
from smt.techniques import catalogue as techniques
from smt.template import Template, load_version
from smt.training import paired_delta, train

LEAST_RATE = 0.01
RARE = 0.03
MEASURES = ("frozen", "progressive")


@dataclass(frozen=True)
class Config:
    """What is tried.

    Attributes:
        fleet: Its ranking models of the whole log give the events.
        template: What is changed.
        version: Of the template.
        techniques: By name, each at the first quasi-random point of its space.
        seeds: Of training.
        train_rows: The latest rows of the training window alone; all where None.
        events: Those alone; all of at least a percent where empty.
    """

    fleet: str = "experiments/fleets/kuairand.yaml"
    template: str = "sparsenn_small"
    version: int = 1
    techniques: tuple[str, ...] = ("dcn_v2", "piecewise_linear_numerics")
    seeds: int = 6
    train_rows: int | None = None
    events: tuple[str, ...] = ()


@dataclass(frozen=True)
class Noise:
    """Of one change under one measure, percent: over seeds, and over the rows of one."""

    mean: float
    spread: float
    row_sem: float

    @property
    def total(self) -> float:
        """Both, as they are independent."""
        return float(np.hypot(self.spread, self.row_sem))


def main(config: Config) -> None:
    """Measure, show and print."""
    torch.set_num_threads(1)
    console = open_console()
    template = load_version(config.template, config.version)
    if config.train_rows is not None:
        template = template.change("data", train_rows=config.train_rows)
    models = _models(config)
    logs = load_logs(open_logs(models), models)
    figures: dict[str, dict[str, Any]] = {}
    for model in models:
        rate = _rate(logs[log_name(model.log)], model)
        if rate < LEAST_RATE:
            continue
        of_changes: dict[str, dict[str, Any]] = {}
        changes = dict(_changes(config, template))
        for name, noises in _measure(config, template, changes, model, logs).items():
            ratio = noises["frozen"].total / noises["progressive"].total
            of_changes[name] = {**{k: _figures(v) for k, v in noises.items()}, "saved": ratio**2}
        figures[model.events[0]] = {"rate": rate, "changes": of_changes}
        console.print(_table({model.events[0]: figures[model.events[0]]}))
    saved = {
        event: min(change["saved"] for change in of_event["changes"].values())
        for event, of_event in figures.items()
    }
    rare = [saved[event] for event, of_event in figures.items() if of_event["rate"] < RARE]
    print(
        json.dumps(
            {
                "events": figures,
                "saved_least": min(saved.values()),
                "saved_rare_least": min(rare) if rare else None,
            }
        )
    )


def _models(config: Config) -> list[ModelSpec]:
    fleet = load_fleet(config.fleet)
    models = [
        model
        for model in fleet.models
        if model.stage == "ranking" and not model.filter and len(model.events) == 1
        if model.data_constraint == "full"
        if not config.events or model.events[0] in config.events
    ]
    return list({model.events: model for model in models}.values())


def _rate(log: Log, model: ModelSpec) -> float:
    return float(np.mean(log.train[model.events[0]].to_numpy()))


def _changes(config: Config, template: Template) -> Iterator[tuple[str, Template]]:
    rate = template.training.dense_rate
    yield "nothing", template.change("training", dense_rate=1.005 * rate)
    for name in config.techniques:
        technique = techniques[name]
        (theta,) = Encoding(technique.space).sobol(1, seed=0)
        yield name, technique.apply(template, theta)


def _measure(
    config: Config,
    template: Template,
    changes: dict[str, Template],
    model: ModelSpec,
    logs: dict[str, Log],
) -> dict[str, dict[str, Noise]]:
    """Change -> measure -> its noise, interleaved seed by seed; one baseline a seed and measure."""
    log = logs[log_name(model.log)]
    pairs: dict[str, dict[str, list[tuple[float, float]]]] = {
        change: {measure: [] for measure in MEASURES} for change in changes
    }
    for seed in track(range(config.seeds), model.name):
        for measure in MEASURES:
            before = train(template.change("training", judge=measure), model, log, seed=seed)
            for change, changed in changes.items():
                after = train(changed.change("training", judge=measure), model, log, seed=seed)
                delta = paired_delta(before.losses, after.losses, before.groups)
                pairs[change][measure].append(delta)
    return {
        change: {measure: _noise(deltas) for measure, deltas in of_change.items()}
        for change, of_change in pairs.items()
    }


def _noise(deltas: list[tuple[float, float]]) -> Noise:
    """Of (Δ, its standard error) a seed."""
    values, errors = zip(*deltas, strict=True)
    return Noise(fmean(values), stdev(values), fmean(errors))


def _figures(noise: Noise) -> dict[str, float]:
    names = ("mean", "spread", "row_sem", "total")
    return {name: getattr(noise, name) for name in names}


def _table(figures: dict[str, Any]) -> Table:
    table = Table("event", "rate", "change", "frozen", "progressive", "saved", box=SIMPLE_HEAD)
    table.title = "mean Δ and total error, percent"
    for event, of_event in figures.items():
        for name, change in of_event["changes"].items():
            told = [f"{change[m]['mean']:+.3f} ± {change[m]['total']:.3f}" for m in MEASURES]
            saved = f"{change['saved']:.1f}x"
            table.add_row(event, f"{of_event['rate']:.1%}", name, *told, saved)
    return table


if __name__ == "__main__":
    run(main, Config)
