"""An ads log whose true probabilities are known, so that any model's NE has a floor."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from smt.data.columns import Value
from smt.data.deviance import deviance
from smt.data.id_ranges import largest_ids
from smt.data.log import Log, arrow_schema
from smt.data.schema import Schema
from smt.data.simulator_behaviour import (
    DELAYED_EVENT,
    EVENT_NAMES,
    PARENTS,
    draw_behaviour,
    marginal,
)
from smt.data.simulator_features import (
    DELAY,
    feature_columns,
    observe,
    simulator_schema,
    truth_column,
)
from smt.data.simulator_values import TRUTH, WATCH_TIME, watch_times
from smt.data.simulator_world import (
    DAY_MS,
    SURFACES,
    TYPICAL_PRICE,
    Floats,
    Integers,
    SimulatorSpec,
    draw_items,
    draw_traffic,
    draw_users,
)
from smt.data.time_order import cut_row
from smt.seeds import stream_seeds
from smt.spec import digest

__all__ = ["BayesNE", "Simulator", "SimulatorSpec"]

CODE_VERSION = 4
"""Raise it with every change of what a spec generates: logs are cached by their digest."""
CALIBRATION_ROWS = 20_000
STREAMS = (
    "users",
    "items",
    "policy",
    "calibration",
    "behaviour",
    "traffic",
    "labels",
    "observation",
    "delays",
    "values",
)
MEAN_DELAY_DAYS = 1.0
"""Of conversions of items of the median price."""
MAX_DELAY_DAYS = 10


@dataclass(frozen=True)
class BayesNE:
    """The least NE that any model can expect on one event and surface of the test window.

    Attributes:
        rows: Test rows of the surface.
        base_rate: The event's rate in the training rows of the surface, or its mean value.
        ne: Cross entropy of the true probabilities over the entropy of `base_rate`, of a value the
            deviance of the true means over that of `base_rate` in the training rows; None where
            the training rows hold one class only, or nothing.
    """

    event: str
    surface: str
    rows: int
    base_rate: float
    ne: float | None


class Simulator:
    """One simulated world: the same spec makes the same world and log, to the byte."""

    def __init__(self, spec: SimulatorSpec) -> None:
        self.spec = spec
        self.users = draw_users(spec, _stream(spec, "users"))
        self.items = draw_items(spec, _stream(spec, "items"))
        self.traffic = draw_traffic(spec, self.users, self.items, _stream(spec, "policy"))
        sample = self.traffic.draw(CALIBRATION_ROWS, _stream(spec, "calibration"))
        self.behaviour = draw_behaviour(
            spec, self.users, self.items, sample, _stream(spec, "behaviour")
        )

    @property
    def schema(self) -> Schema:
        """The columns of the log."""
        return simulator_schema(self.spec)

    def log(self) -> Log:
        """Draw the log, in memory, in time order; the last `test_share` is the test window."""
        shown = self.traffic.draw(self.spec.rows, _stream(self.spec, "traffic"))
        conditional = [
            *self.behaviour.conditional(shown.users, shown.items, shown.surfaces, shown.times)
        ]
        labels = draw_labels(conditional, _stream(self.spec, "labels"))
        seen = observe(self.spec, self.users, self.items, _stream(self.spec, "observation"))
        table = feature_columns(shown, labels, seen, self.spec.history_length)
        for event, values in labels.items():
            table = table.append_column(event, pa.array(values))
        for event, probabilities in _by_event(map(marginal, conditional)).items():
            table = table.append_column(truth_column(event), pa.array(probabilities))
        waits = draw_delays(self.items.price[shown.items], _stream(self.spec, "delays"))
        delays = np.where(labels[DELAYED_EVENT] == 1, waits, 0)
        table = table.append_column(DELAY, pa.array(delays))
        if self.spec.watch_time:
            durations, rng = self.items.duration[shown.items], _stream(self.spec, "values")
            for name, seconds in watch_times(conditional, labels, durations, rng).items():
                table = table.append_column(name, pa.array(seconds))
        target = arrow_schema(self.schema)
        table = table.select(target.names).cast(target).combine_chunks()
        largest_ids(table, self.schema)
        cut = cut_row(shown.times, self.schema.timestamp, self.spec.test_share)
        log_digest = digest({"spec": self.spec.to_dict(), "code": CODE_VERSION})
        return Log(self.schema, table.slice(0, cut), table.slice(cut), log_digest)

    def probabilities(
        self, users: Integers, items: Integers, surfaces: Integers, times: Integers
    ) -> dict[str, Floats]:
        """True probability that each event's label is 1, label noise included.

        Any impression may be asked for, shown or not: what a user would have done under
        another ranking.

        Args:
            users, items, surfaces: `[N]` ids as in the log.
            times: `[N]` milliseconds since the epoch.

        Returns:
            event -> `[N]`.
        """
        return _by_event(map(marginal, self.behaviour.conditional(users, items, surfaces, times)))

    def bayes_ne(self, log: Log) -> list[BayesNE]:
        """The NE of the true probabilities on the log's test window, by event and surface."""
        keys = ("user", "item", "surface", "time")
        values = [name for name in self.schema.names(Value) if name in log.schema.columns]
        log = log.load([*keys, *EVENT_NAMES, *values, *(TRUTH for _ in values)])
        truth = self.probabilities(*(log.test[key].to_numpy() for key in keys))
        tested = log.test["surface"].to_numpy()
        result = []
        for event in EVENT_NAMES:
            labels = log.test[event].to_numpy()
            for code, surface in enumerate(SURFACES):
                rows = tested == code
                rate = pc.mean(log.train.filter(pc.field("surface") == code)[event]).as_py() or 0.0
                ne = _normalized(truth[event][rows], labels[rows], rate)
                result.append(BayesNE(event, surface, int(rows.sum()), rate, ne))
        return result + [entry for name in values for entry in _of_value(name, log)]


def _stream(spec: SimulatorSpec, part: str) -> np.random.Generator:
    """The part's own random numbers: what one part draws leaves the others as they are."""
    seeds = stream_seeds(spec.seed, len(STREAMS))
    return np.random.Generator(np.random.PCG64(seeds[STREAMS.index(part)]))


def _by_event(chunks: Iterable[Floats]) -> dict[str, Floats]:
    """Event -> `[N]`, of chunks of `[n, E]`."""
    columns = np.concatenate([np.empty((0, len(EVENT_NAMES))), *chunks])
    return dict(zip(EVENT_NAMES, columns.T, strict=True))


def draw_labels(
    conditional: Iterable[Floats], rng: np.random.Generator
) -> dict[str, NDArray[np.int8]]:
    """Let users act: event -> `[N]` labels, where an event implies its parent.

    Args:
        conditional: `[n, E]` probabilities given the parent, by chunks, as of `Behaviour`.
    """
    happened = np.concatenate([rng.random(given.shape) < given for given in conditional])
    for number, parent in enumerate(PARENTS):
        if parent is not None:
            happened[:, number] &= happened[:, parent]
    return dict(zip(EVENT_NAMES, happened.T.astype(np.int8), strict=True))


def draw_delays(prices: Floats, rng: np.random.Generator) -> Integers:
    """How long after each of N impressions a conversion would come, `[N]` milliseconds above 0.

    Exponential, as conversions of ads are (Chapelle, KDD 2014), and cut at `MAX_DELAY_DAYS`;
    the mean grows with the square root of the price (`[N]`).
    """
    means = MEAN_DELAY_DAYS * np.sqrt(prices / TYPICAL_PRICE)
    within = -np.expm1(-MAX_DELAY_DAYS / means)
    days = -means * np.log1p(-within * rng.random(len(prices)))
    return np.maximum(days * DAY_MS, 1).astype(np.int64)


def _of_value(name: str, log: Log) -> Iterator[BayesNE]:
    """Of a value, by surface."""
    power = WATCH_TIME.power
    for code, surface in enumerate(SURFACES):
        train, test = (rows.filter(pc.field("surface") == code) for rows in (log.train, log.test))
        seen = train[name].to_numpy().astype(np.float64)
        mean = float(seen.mean()) if len(seen) else 0.0
        ne = None
        if mean > 0 and len(test):
            labels, means = (test[column].to_numpy().astype(np.float64) for column in (name, TRUTH))
            background = deviance(seen, np.array(mean), power).mean()
            ne = float(deviance(labels, means, power).mean() / background)
        yield BayesNE(name, surface, len(test), mean, ne)


def _normalized(truth: Floats, labels: NDArray[np.int8], rate: float) -> float | None:
    if not 0 < rate < 1 or not len(labels):
        return None
    entropy = -rate * math.log(rate) - (1 - rate) * math.log(1 - rate)
    happened = np.where(labels == 1, truth, 1 - truth)
    return float(-np.log(happened).mean() / entropy)
