"""A log and a model of it whose columns have other names."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from smt.data import Log, Schema
from smt.fleet import ModelSpec

# What names a column, in the columns of a schema.
_REFERENCES = ("of", "events", "timestamps", "after", "delay")


def rename_log(log: Log, names: Mapping[str, str]) -> Log:
    """The log with some columns of its tables, in memory, renamed."""
    content = {
        names.get(name, name): _rename(column, names)
        for name, column in log.schema.to_dict()["columns"].items()
    }
    schema = Schema.parse({"columns": content}, source="renamed")
    train, test = (
        window.rename_columns([names.get(name, name) for name in window.column_names])
        for window in (log.train, log.test)
    )
    return replace(log, schema=schema, train=train, test=test)


def rename_model(model: ModelSpec, names: Mapping[str, str]) -> ModelSpec:
    """The model with its features and events renamed."""
    return model.model_copy(
        update={
            "features": tuple(names.get(name, name) for name in model.features),
            "events": tuple(names.get(name, name) for name in model.events),
        }
    )


def _rename(column: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    renamed = dict(column)
    for key in _REFERENCES:
        value = column.get(key)
        if isinstance(value, str):
            renamed[key] = names.get(value, value)
        elif isinstance(value, list):
            renamed[key] = [names.get(name, name) for name in value]
    return renamed
