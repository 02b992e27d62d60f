"""What it is worth to encode numeric features by the values that are there alone.

Trains each template's version with the fault and the one without it, one right after the other,
on the same rows with the same seeds: on the log as it is, with a share of the numeric values
taken out at random, and with the mean of every numeric feature moved away from 0 as well, as a
year's is. Prints Δ of NE (positive: without the fault is better) and its standard error, over
rows (clustered by user) and seeds, and a JSON line last:

  delta        pair of versions -> values -> [Δ, standard error], percent
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import torch
from rich.box import SIMPLE_HEAD
from rich.table import Table

from smt.command_line import open_console, run
from smt.data import Log
from smt.data.columns import Numeric
from smt.data.simulator import SimulatorSpec
from smt.fleet import ModelSpec, SimulatedLog, model_columns
from smt.fleet.logs import open_source
from smt.template import Template, load_version
from smt.training import paired_delta, train

Deltas = dict[str, dict[str, tuple[float, float]]]


@dataclass(frozen=True)
class Config:
    """What is compared.

    Attributes:
        log: A prepared log; "" simulates one.
        simulated_rows: Rows of the simulated log.
        event: What is predicted; the schema's first by default.
        train_rows: The latest so many rows of the training window.
        missing: Share of the numeric values to take out.
        shift: Deviations to move their means by.
        seeds: Networks of each version.
    """

    log: str = ""
    simulated_rows: int = 100_000
    event: str | None = None
    train_rows: int = 50_000
    missing: float = 0.1
    shift: float = 300.0
    seeds: int = 2


def main(config: Config) -> None:
    """Train in pairs, print."""
    torch.set_num_threads(1)
    opened = open_source(
        config.log or SimulatedLog(simulator=SimulatorSpec(rows=config.simulated_rows))
    )
    event = config.event or opened.schema.events[0]
    model = ModelSpec(
        name=event,
        stage="ranking",
        events=(event,),
        surface="all",
        data_constraint="full",
        log=config.log or SimulatedLog(simulator=SimulatorSpec(rows=config.simulated_rows)),
        features=opened.schema.features,
    )
    loaded = opened.load(model_columns(model, opened.schema))
    deltas: Deltas = {}
    for values, share, shift in (
        ("as they are", 0.0, 0.0),
        (f"{config.missing:.0%} out", config.missing, 0.0),
        (f"{config.missing:.0%} out, moved", config.missing, config.shift),
    ):
        log = with_values(loaded, share, shift)
        for name, before, after in pairs(config.train_rows):
            delta = compare(before, after, model, log, config.seeds)
            deltas.setdefault(name, {})[values] = delta
    show(deltas, f"{config.log or 'simulated'}, {event}")
    print(json.dumps({"delta": deltas}))


def pairs(train_rows: int) -> Iterator[tuple[str, Template, Template]]:
    """Name, the version with the fault, the one without it."""
    small = load_version("sparsenn_small", 1)
    known = [
        ("sparsenn_small@1, standardised", small, _standardised(small)),
        *(
            (
                f"{name}@{number}, @{number + 1}",
                load_version(name, number),
                load_version(name, number + 1),
            )
            for name, number in (
                ("decoupled_sparsenn_small", 1),
                ("sparsenn_small", 2),
                ("sparsenn_medium", 1),
            )
        ),
    ]
    for name, *both in known:
        before, after = (template.change("data", train_rows=train_rows) for template in both)
        yield name, before, after


def _standardised(template: Template) -> Template:
    return template.change("features", numeric={"kind": "standardised"})


def with_values(log: Log, share: float, shift: float) -> Log:
    """The log without a share of its numeric values, the others moved by so many deviations."""
    generator = np.random.default_rng(0)
    numeric = log.schema.names(Numeric)
    spreads = {name: float(np.nanstd(log.train[name].to_numpy(), dtype=float)) for name in numeric}

    def changed(table: pa.Table) -> pa.Table:
        for name, spread in spreads.items():
            values = table[name].to_numpy() + np.float32(shift * spread)
            values[generator.random(len(values)) < share] = np.nan
            table = table.set_column(table.column_names.index(name), name, pa.array(values))
        return table

    return replace(log, train=changed(log.train), test=changed(log.test))


def compare(
    before: Template, after: Template, model: ModelSpec, log: Log, seeds: int
) -> tuple[float, float]:
    """Δ of NE and its standard error, over rows and seeds, in percent."""
    outcomes = [
        [train(template, model, log, seed=seed) for template in (before, after)]
        for seed in range(seeds)
    ]
    groups = outcomes[0][0].groups
    losses = np.array([[outcome.losses for outcome in pair] for pair in outcomes], dtype=np.float64)
    first, second = losses.mean(axis=0)
    delta, of_rows = paired_delta(first, second, groups)
    by_seed = [paired_delta(own, other, groups)[0] for own, other in losses]
    of_seeds = float(np.std(by_seed, ddof=1) / np.sqrt(seeds)) if seeds > 1 else 0.0
    return round(delta, 3), round(float(np.hypot(of_rows, of_seeds)), 3)


def show(deltas: Deltas, title: str) -> None:
    """A row a pair of versions, a column a kind of values."""
    table = Table(
        title=f"{title}: Δ of NE in percent, by numeric values", box=SIMPLE_HEAD, padding=0
    )
    table.add_column("versions")
    for values in next(iter(deltas.values())):
        table.add_column(values, justify="right")
    for name, by_values in deltas.items():
        table.add_row(name, *(f"{delta:+.3f} ± {error:.3f}" for delta, error in by_values.values()))
    open_console().print(table)


if __name__ == "__main__":
    run(main, Config)
