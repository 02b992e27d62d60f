"""Logs on disk, and batches out of them."""

from typing import TYPE_CHECKING

from smt.data.filter import Filter, Range, describe, expression
from smt.data.log import Log, arrow_schema, open_log, split_by_time, write_log
from smt.data.needed_columns import columns_of, input_features
from smt.data.schema import Schema
from smt.lazy import lazy_names

if TYPE_CHECKING:
    from smt.data.batch import Batch, read_batches

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

__getattr__ = lazy_names(__name__, {"smt.data.batch": ("Batch", "read_batches")})
