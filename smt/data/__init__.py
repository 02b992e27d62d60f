"""Logs on disk, and batches out of them."""

from smt.data.batch import Batch, columns_of, input_features, read_batches
from smt.data.filter import Filter, Range, describe, expression
from smt.data.log import Log, arrow_schema, open_log, split_by_time, write_log
from smt.data.schema import Schema

__all__ = [
    "Batch",
    "Filter",
    "Log",
    "Range",
    "Schema",
    "arrow_schema",
    "columns_of",
    "describe",
    "expression",
    "input_features",
    "open_log",
    "read_batches",
    "split_by_time",
    "write_log",
]
