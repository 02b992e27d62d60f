"""Which columns of a log features and events need."""

from collections.abc import Sequence

from smt.data.columns import SINGLE_ID_KINDS, Bucket, Cross
from smt.data.schema import Schema


def input_features(schema: Schema, features: Sequence[str]) -> list[str]:
    """The features with transforms replaced by what they are computed from, each once."""
    names: list[str] = []
    for feature in features:
        column = schema.columns[feature]
        if isinstance(column, Cross):
            names += column.of
        else:
            names.append(column.of if isinstance(column, Bucket) else feature)
    return list(dict.fromkeys(names))


def columns_of(
    schema: Schema,
    features: Sequence[str],
    events: Sequence[str],
    *,
    steps: bool = False,
    extra: Sequence[str] = (),
) -> list[str]:
    """The Parquet columns that these features and events need, each once.

    Args:
        steps: Also those of sequences' steps, and the timestamp.
        extra: Further columns of one int64 a row: ids, the timestamp or events' delays.

    Raises:
        InputError: A feature, event or extra column is not in the schema.
    """
    schema.require(features, schema.features, "feature")
    schema.require(events, schema.events, "event")
    integers = (*schema.delays, schema.timestamp, *schema.names(*SINGLE_ID_KINDS))
    schema.require(extra, integers, "extra column")
    inputs = input_features(schema, features)
    names = [*inputs, *events, *extra]
    if schema.weight is not None:
        names.append(schema.weight)
    if steps:
        names += [step for step, sequence in schema.steps.items() if sequence in inputs]
        names.append(schema.timestamp)
    return list(dict.fromkeys(names))
