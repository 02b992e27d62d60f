"""The logs that a fleet reads, and whether its models fit them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from smt.data import Log, Schema, columns_of, expression, open_log
from smt.data.columns import SINGLE_ID_KINDS, Surface, Timestamp
from smt.data.simulator import Simulator
from smt.data.simulator_features import simulator_schema
from smt.errors import InputError
from smt.fleet.incumbent import Predictions
from smt.fleet.model_spec import Fleet, LogSource, ModelSpec, SimulatedLog, StoredLog
from smt.fleet.row_counts import RowCounts, count_rows
from smt.spec import digest


def log_name(source: LogSource) -> str:
    """One string per distinct log source."""
    if isinstance(source, SimulatedLog):
        return f"simulator-{source.digest()}"
    return source if isinstance(source, str) else f"{source.folder} ({source.digest()})"


def log_folder(source: LogSource) -> str | None:
    """The folder (or URI) of a log; None of a simulated one."""
    if isinstance(source, SimulatedLog):
        return None
    return source if isinstance(source, str) else source.folder


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


@dataclass(frozen=True)
class OpenedFleet:
    """A fleet whose logs are open.

    Attributes:
        fleet: The models that can be trained and judged, with their events' rates counted.
        logs: By `log_name`, of all models: on disk, of which no row is kept, or simulated.
        unfit: Name of a model that cannot be trained or judged on its rows -> why.
    """

    fleet: Fleet
    logs: dict[str, Log]
    unfit: dict[str, str]

    @property
    def remarks(self) -> tuple[str, ...]:
        """A sentence a model that is left out."""
        return tuple(f"model '{name}' is left out: {why}" for name, why in self.unfit.items())


def open_fleet(fleet: Fleet) -> OpenedFleet:
    """Open every log of a fleet, once each, and count what it holds of every model.

    Raises:
        InputError: A model's event, feature or filter is not in its log, or no model can be trained
            on its rows. Names the model.
    """
    logs, counts = open_counted(fleet.models)
    unfit = {
        model.name: why
        for model in fleet.models
        if (why := counts[model.name].unfit(model.events)) is not None
    }
    models = tuple(
        model.model_copy(update={"event_rates": counts[model.name].rates(model.events)})
        for model in fleet.models
        if model.name not in unfit
    )
    if not any(model.weight for model in models):
        name, why = next(iter(unfit.items()))
        raise InputError(
            f"fleet '{fleet.name}': no model that has traffic can be trained on its rows; model "
            f"'{name}': {why}"
        )
    return OpenedFleet(fleet.model_copy(update={"models": models}), logs, unfit)


def open_logs(models: Iterable[ModelSpec]) -> dict[str, Log]:
    """Open every log of these models, once each, and check that the models fit them.

    Returns:
        By `log_name`: a log on disk, of which no row is kept, or a simulated one.

    Raises:
        InputError: A model's event, feature or filter is not in its log; its filter leaves
            no rows of a window, or none of any weight; or its event never, or always, happens
            there. Names the model.
    """
    models = tuple(models)
    logs, counts = open_counted(models)
    for model in models:
        why = counts[model.name].unfit(model.events)
        if why is not None:
            raise InputError(f"model '{model.name}': {why}")
    return logs


def open_counted(models: Iterable[ModelSpec]) -> tuple[dict[str, Log], dict[str, RowCounts]]:
    """Logs by `log_name`, and what they hold by model. Raises `InputError` for unknown names."""
    by_log: dict[str, list[ModelSpec]] = {}
    for model in models:
        by_log.setdefault(log_name(model.log), []).append(model)
    logs: dict[str, Log] = {}
    counts: dict[str, RowCounts] = {}
    for name, members in by_log.items():
        logs[name] = open_source(members[0].log)
        for model in members:
            model_columns(model, logs[name].schema)
        counts |= count_rows(members, logs[name])
    return logs, counts


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
    """Open a log on disk, or simulate it.

    Raises:
        InputError: There is no log, or its columns do not make the transforms.
    """
    if isinstance(source, str):
        return open_log(source)
    if isinstance(source, SimulatedLog):
        log = Simulator(source.simulator).log()
    else:
        log = open_log(source.folder)
    if not source.transforms:
        return log
    schema = _transformed(log.schema, source)
    made = {name: kind.to_dict() for name, kind in source.transforms.items()}
    return replace(log, schema=schema, digest=digest([log.digest, made]))


def log_schema(source: LogSource) -> Schema:
    """The schema of a log; no row is read, and none simulated. Raises as `open_source`."""
    if isinstance(source, str):
        return open_log(source).schema
    if isinstance(source, SimulatedLog):
        return _transformed(simulator_schema(source.simulator), source)
    return _transformed(open_log(source.folder).schema, source)


def _transformed(schema: Schema, source: SimulatedLog | StoredLog) -> Schema:
    """The schema with the source's transforms."""
    where = f"transforms of log '{log_folder(source) or 'simulator'}'"
    for name in source.transforms:
        if name in schema.columns:
            raise InputError(f"{where}: the log has a column '{name}' already")
    columns = {name: kind.to_dict() for name, kind in (schema.columns | source.transforms).items()}
    return Schema.parse({"columns": columns}, source=where)


def model_columns(model: ModelSpec, schema: Schema) -> list[str]:
    """The stored columns that any template may read for a model, each once.

    Its features with their steps, all events with their delays and truths (templates learn from
    other events too), the time, the surface, the weight, what clusters its standard errors, what
    its filter needs, and by what predictions of its incumbent are joined.

    Raises:
        InputError: A feature, an event, or a column of the filter or the incumbent is not in the
            schema.
    """
    on = model.incumbent.on if isinstance(model.incumbent, Predictions) else ()
    try:
        expression(model.filter, schema)
        schema.require(model.events, schema.events, "event")
        schema.require(on, schema.names(*SINGLE_ID_KINDS, Timestamp), "id or time in 'on'")
        columns = columns_of(schema, model.features, schema.events, steps=True)
    except InputError as error:
        raise InputError(f"model '{model.name}': {error}") from None
    columns += [schema.timestamp, *schema.names(Surface), *schema.delays, *schema.truths]
    columns += [*model.filter, *on]
    if schema.cluster is not None:
        columns.append(schema.cluster)
    return list(dict.fromkeys(columns))
