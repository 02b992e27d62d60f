"""The logs that a fleet reads, and whether its models fit them."""

from collections.abc import Iterable

import numpy as np

from smt.data import Log, Schema, columns_of, describe, expression, open_log
from smt.data.schema import Surface
from smt.data.simulator import Simulator
from smt.data.simulator_features import simulator_schema
from smt.errors import InputError
from smt.fleet.model_spec import LogSource, ModelSpec, SimulatedLog


def log_name(source: LogSource) -> str:
    """One string per distinct log source."""
    return source if isinstance(source, str) else f"simulator-{source.digest()}"


def open_logs(models: Iterable[ModelSpec]) -> dict[str, Log]:
    """Open every log of these models, once each, and check that the models fit them.

    Returns:
        By `log_name`: a log on disk, of which no row is read yet, or a simulated one.

    Raises:
        InputError: A model's event, feature or filter is not in its log; its filter leaves
            no rows of a window; or its event never, or always, happens there. Names the model.
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
    columns: dict[str, list[str]] = {}
    for model in models:
        name = log_name(model.log)
        columns.setdefault(name, []).extend(model_columns(model, logs[name].schema))
    return {name: logs[name].load(needed) for name, needed in columns.items()}


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

    Its features with their steps, all events with their delays (templates learn from other
    events too), the time, the surface, the weight, what clusters its standard errors, and what
    its filter needs.

    Raises:
        InputError: A feature, an event or a filter's column is not in the schema.
    """
    try:
        expression(model.filter, schema)
        schema.require(model.events, schema.events, "event")
        columns = columns_of(schema, model.features, schema.events, steps=True)
    except InputError as error:
        raise InputError(f"model '{model.name}': {error}") from None
    columns += [schema.timestamp, *schema.names(Surface), *schema.delays, *model.filter]
    if schema.cluster is not None:
        columns.append(schema.cluster)
    return list(dict.fromkeys(columns))


def _check_rows(models: list[ModelSpec], log: Log) -> None:
    needed = [column for model in models for column in (*model.events, *model.filter)]
    small = log.load(needed)
    for window, table in (("training", small.train), ("test", small.test)):
        rates: dict[str, dict[str, float]] = {}
        for model in models:
            kept = describe(model.filter)
            if kept not in rates:
                condition = expression(model.filter, log.schema)
                rows = table if condition is None else table.filter(condition)
                events = {each for other in models for each in other.events}
                rates[kept] = {
                    event: float(np.mean(rows[event].to_numpy())) if rows.num_rows else np.nan
                    for event in events
                }
            _check_rates(model, rates[kept], window)


def _check_rates(model: ModelSpec, rates: dict[str, float], window: str) -> None:
    for event in model.events:
        if np.isnan(rates[event]):
            raise InputError(
                f"model '{model.name}': its filter ({describe(model.filter)}) leaves no rows "
                f"in the {window} window"
            )
        if rates[event] in (0.0, 1.0):
            what = "never" if rates[event] == 0 else "always"
            raise InputError(
                f"model '{model.name}': event '{event}' {what} happens in the {window} "
                f"window of its rows ({describe(model.filter)})"
            )
