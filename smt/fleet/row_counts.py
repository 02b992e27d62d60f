"""What the logs hold of every model: its rows and its events' rates, and why it cannot be one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from smt.data import Log, describe, expression
from smt.data.columns import Value
from smt.data.records import read_records
from smt.fleet.model_spec import ModelSpec

COUNTED_ROWS = 65_536
"""Rows that are counted at once."""


@dataclass
class WindowCounts:
    """Of a model's rows in one window: how many, with weight, and of those with which events.

    Attributes:
        window: "training" or "test".
        kept: The filter, as a person writes it.
        weight: Column of the rows' weights, if there is one.
        values: Events that are values: each happens where it is above 0.
    """

    window: str
    kept: str
    weight: str | None
    values: tuple[str, ...] = ()
    rows: int = 0
    weighed: int = 0
    events: dict[str, int] = field(default_factory=dict)

    def add(self, part: pa.Table) -> None:
        """Count further rows, all of which weigh something where the log has no weights."""
        self.rows += part.num_rows
        heard = part if self.weight is None else part.filter(pc.field(self.weight) > 0)
        self.weighed += heard.num_rows
        for event in self.events:
            self.events[event] += pc.sum(pc.greater(heard[event], 0), min_count=0).as_py()

    def least(self, event: str) -> int:
        """Of the rows with the event and those without, the fewer.

        What never fails to happen says nothing of an event of 0 and 1; a value still differs.
        """
        happened = self.events[event]
        return happened if event in self.values else min(happened, self.weighed - happened)

    def unfit(self, events: Sequence[str]) -> str | None:
        """Why no model of these events can be trained or judged on the rows, if none can."""
        if not self.rows:
            return f"its filter ({self.kept}) leaves no rows in the {self.window} window"
        if not self.weighed:
            return (
                f"all {self.rows:,} rows of the {self.window} window ({self.kept}) have a "
                f"'{self.weight}' of 0; give some of them weight, or leave the model out"
            )
        for event in events:
            if self.least(event) == 0:
                what = "never" if self.events[event] == 0 else "always"
                return (
                    f"event '{event}' {what} happens in the {self.window} window of its rows "
                    f"({self.kept})" + ("" if self.weight is None else " of any weight")
                )
        return None


@dataclass(frozen=True)
class RowCounts:
    """What a model's two windows hold."""

    train: WindowCounts
    test: WindowCounts

    def unfit(self, events: Sequence[str]) -> str | None:
        """Why a model of these events cannot be trained or judged, if it cannot."""
        return self.train.unfit(events) or self.test.unfit(events)

    def rates(self, events: Sequence[str]) -> tuple[float, ...]:
        """How often each event happens in the training window's rows of any weight, below 1.

        A value may be above 0 in all rows; it counts as once in half a row below.
        """
        most = self.train.weighed - 0.5
        return tuple(min(self.train.events[event], most) / self.train.weighed for event in events)


def count_rows(models: Iterable[ModelSpec], log: Log) -> dict[str, RowCounts]:
    """By model's name; all of the models are of this log, which is read once.

    Models with equal filters share their counts.
    """
    models = tuple(models)
    events = tuple(dict.fromkeys(event for model in models for event in model.events))
    filters = {describe(model.filter): model.filter for model in models}
    counts = {
        kept: RowCounts(
            *(
                WindowCounts(
                    window,
                    kept,
                    log.schema.weight,
                    log.schema.names(Value),
                    events=dict.fromkeys(events, 0),
                )
                for window in ("training", "test")
            )
        )
        for kept in filters
    }
    conditions = {kept: expression(where, log.schema) for kept, where in filters.items()}
    needed = [*events, *(column for where in filters.values() for column in where)]
    needed += [] if log.schema.weight is None else [log.schema.weight]
    for rows, window in ((log.train, "train"), (log.test, "test")):
        for record in read_records(rows, list(dict.fromkeys(needed)), size=COUNTED_ROWS):
            table = pa.Table.from_batches([record])
            for kept, condition in conditions.items():
                part = table if condition is None else table.filter(condition)
                getattr(counts[kept], window).add(part)
    return {model.name: counts[describe(model.filter)] for model in models}
