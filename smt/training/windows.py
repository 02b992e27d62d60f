"""The rows of a log that are one model's."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from smt.data import Filter, Log, columns_of, expression
from smt.fleet import ModelSpec


@dataclass(frozen=True)
class Windows:
    """A model's training and test rows.

    Attributes:
        log: The model's rows where they are in memory; else the whole log.
        where: The filter still to be applied; None where the rows are the model's already.
        rows: Rows of the model in the training window.
        base_rates: event -> its weighted rate in the training window.
    """

    log: Log
    where: Filter | None
    rows: int
    base_rates: dict[str, float]


def model_windows(model: ModelSpec, log: Log) -> Windows:
    """Select a model's rows; tables in memory are filtered once here, datasets while read."""
    schema = log.schema
    condition = expression(model.filter, schema)
    events = list(model.events)
    labels = events if schema.weight is None else [*events, schema.weight]
    if isinstance(log.train, pa.Table) and condition is not None:
        columns = columns_of(schema, model.features, model.events)
        train, test = (
            ds.dataset(window).to_table(columns=columns, filter=condition).combine_chunks()
            for window in (log.train, log.test)
        )
        log, condition = Log(schema, train, test, log.digest), None
    if isinstance(log.train, pa.Table):
        observed = log.train.select(labels)
    else:
        observed = log.train.to_table(columns=labels, filter=condition)
    weights = None if schema.weight is None else observed[schema.weight].to_numpy()
    return Windows(
        log=log,
        where=model.filter if condition is not None else None,
        rows=observed.num_rows,
        base_rates={
            event: float(np.average(observed[event].to_numpy(), weights=weights))
            for event in events
        },
    )
