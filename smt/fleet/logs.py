"""The logs that a fleet reads, and whether its models fit them."""

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from smt.data import Log, Schema, columns_of, describe, expression, open_log
from smt.data.columns import Surface, Value
from smt.data.records import read_records
from smt.data.simulator import Simulator
from smt.data.simulator_features import simulator_schema
from smt.errors import InputError
from smt.fleet.model_spec import LogSource, ModelSpec, SimulatedLog

CHECK_ROWS = 65_536
"""Rows that are checked at once."""


def log_name(source: LogSource) -> str:
    """One string per distinct log source."""
    return source if isinstance(source, str) else f"simulator-{source.digest()}"


def check_schemas(models: Iterable[ModelSpec]) -> None:
    """Raise `InputError` for a model whose log is not there or lacks what it names.

    No row is read, and none simulated, as `open_logs` does.
    """
    schemas: dict[str, Schema] = {}
    for model in models:
        name = log_name(model.log)
        if name not in schemas:
            schemas[name] = log_schema(model.log)
        model_columns(model, schemas[name])


def open_logs(models: Iterable[ModelSpec]) -> dict[str, Log]:
    """Open every log of these models, once each, and check that the models fit them.

    Returns:
        By `log_name`: a log on disk, of which no row is read yet, or a simulated one.

    Raises:
        InputError: A model's event, feature or filter is not in its log; its filter leaves
            no rows of a window, or none of any weight; or its event never, or always, happens
            there. Names the model.
    """
    by_log: dict[str, list[ModelSpec]] = {}
    for model in models:
        by_log.setdefault(log_name(model.log), []).append(model)
    logs = {}
    for name, members in by_log.items():
        logs[name] = open_source(members[0].log)
        for model in members:
            model_columns(model, logs[name].schema)
        _check_rows(members, logs[name])
    return logs


def load_logs(logs: dict[str, Log], models: Iterable[ModelSpec]) -> dict[str, Log]:
    """Read into memory what these models need of their logs: each column once.

    Returns:
        By `log_name`, logs in memory; logs that no model uses are left out.
    """
    return {name: logs[name].load(needed) for name, needed in columns_needed(logs, models).items()}


def columns_needed(logs: dict[str, Log], models: Iterable[ModelSpec]) -> dict[str, list[str]]:
    """By `log_name`, the columns that these models need of their logs, each once."""
    columns: dict[str, dict[str, None]] = {}
    for model in models:
        name = log_name(model.log)
        needed = dict.fromkeys(model_columns(model, logs[name].schema))
        columns.setdefault(name, {}).update(needed)
    return {name: [*needed] for name, needed in columns.items()}


def open_source(source: LogSource) -> Log:
    """Open a log on disk, or simulate it."""
    if isinstance(source, SimulatedLog):
        return Simulator(source.simulator).log()
    return open_log(source)


def log_schema(source: LogSource) -> Schema:
    """The schema of a log; no row is read, and none simulated."""
    if isinstance(source, SimulatedLog):
        return simulator_schema(source.simulator)
    return open_log(source).schema


def model_columns(model: ModelSpec, schema: Schema) -> list[str]:
    """The stored columns that any template may read for a model, each once.

    Its features with their steps, all events with their delays and truths (templates learn from
    other events too), the time, the surface, the weight, what clusters its standard errors, and
    what its filter needs.

    Raises:
        InputError: A feature, an event or a filter's column is not in the schema.
    """
    try:
        expression(model.filter, schema)
        schema.require(model.events, schema.events, "event")
        columns = columns_of(schema, model.features, schema.events, steps=True)
    except InputError as error:
        raise InputError(f"model '{model.name}': {error}") from None
    columns += [schema.timestamp, *schema.names(Surface), *schema.delays, *schema.truths]
    columns += model.filter
    if schema.cluster is not None:
        columns.append(schema.cluster)
    return list(dict.fromkeys(columns))


@dataclass
class _Counted:
    """Of the rows that a filter keeps of a window: how many, with weight, and with which events."""

    rows: int
    weighed: int
    events: dict[str, int]

    def add(self, part: pa.Table, weight: str | None) -> None:
        """Count further rows, all of which weigh something where the log has no weights."""
        self.rows += part.num_rows
        heard = part if weight is None else part.filter(pc.field(weight) > 0)
        self.weighed += heard.num_rows
        for event in self.events:
            self.events[event] += pc.sum(pc.greater(heard[event], 0), min_count=0).as_py()


def _check_rows(models: list[ModelSpec], log: Log) -> None:
    events = {event: None for model in models for event in model.events}
    weight = log.schema.weight
    needed = [*events, *(column for model in models for column in model.filter)]
    needed += [] if weight is None else [weight]
    filters = {describe(model.filter): model.filter for model in models}
    conditions = {kept: expression(where, log.schema) for kept, where in filters.items()}
    for window, rows in (("training", log.train), ("test", log.test)):
        counts = {kept: _Counted(0, 0, dict.fromkeys(events, 0)) for kept in filters}
        for record in read_records(rows, list(dict.fromkeys(needed)), size=CHECK_ROWS):
            table = pa.Table.from_batches([record])
            for kept, condition in conditions.items():
                counts[kept].add(table if condition is None else table.filter(condition), weight)
        for model in models:
            counted = counts[describe(model.filter)]
            _check_counted(model, counted, window, weight, log.schema.names(Value))


def _check_counted(
    model: ModelSpec, counted: _Counted, window: str, weight: str | None, values: tuple[str, ...]
) -> None:
    kept = describe(model.filter)
    if not counted.rows:
        raise InputError(
            f"model '{model.name}': its filter ({kept}) leaves no rows in the {window} window"
        )
    if not counted.weighed:
        raise InputError(
            f"model '{model.name}': all {counted.rows:,} rows of the {window} window ({kept}) have "
            f"a '{weight}' of 0; give some of them weight, or leave the model out"
        )
    for event in model.events:
        happened = counted.events[event]
        if happened == 0 or (happened == counted.weighed and event not in values):
            what = "never" if happened == 0 else "always"
            raise InputError(
                f"model '{model.name}': event '{event}' {what} happens in the {window} "
                f"window of its rows ({kept})" + ("" if weight is None else " of any weight")
            )
