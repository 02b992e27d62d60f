import numpy as np
import pyarrow as pa
import pytest
import torch

from smt.data import read_batches
from smt.data.columns import Event, Numeric, Timestamp
from smt.data.schema import Schema
from smt.training.numeric_sample import LEAST_VALUES, first_values

SCHEMA = Schema(
    columns={
        "time": Timestamp(),
        "click": Event(),
        "x": Numeric(),
        "late": Numeric(),
        "no": Numeric(),
    }
)


def batches(late, size=2_000, rows=10_000):
    """`x` is known throughout, `late` where `late` says, `no` never."""
    x = np.arange(rows, dtype=np.float32)
    missing = np.full(rows, np.nan, np.float32)
    table = pa.table(
        {
            "time": np.arange(rows),
            "click": np.zeros(rows, np.int8),
            "x": x,
            "late": np.where(late(x), x, missing),
            "no": missing,
        }
    )
    features = ("x", "late", "no")
    return read_batches(table, SCHEMA, features=features, events=("click",), batch_size=size)


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        (lambda x: x >= 0, 2_000),
        (lambda x: x >= 5_000, 1_000),
        (lambda x: x % 4 == 0, 1_000),
        (lambda x: x % 1_000 == 0, 10),
        (lambda x: x > 1e9, 0),
    ],
    ids=["known", "late", "seldom", "hardly ever", "never"],
)
def test_every_feature_takes_its_first_values_wherever_they_are(late, expected):
    sample = first_values(batches(late)).numeric
    values = sample[sample[:, 1].isfinite(), 1]
    known = np.arange(10_000)[late(np.arange(10_000))]
    assert values.tolist() == known[:expected].tolist()
    # What was enough stays the first batch's.
    assert sample[sample[:, 0].isfinite(), 0].tolist() == list(range(2_000))
    assert sample[:, 2].isnan().all()


def test_no_more_rows_are_kept_than_have_a_value_that_is_wanted():
    assert len(first_values(batches(lambda x: x % 1_000 == 0))) == 2_000 + 8
    assert LEAST_VALUES == 1_000


def test_where_all_have_enough_no_more_is_read():
    first, *_ = batches(lambda x: x >= 0)
    without = torch.ones_like(first.numeric)
    reading = iter([type(first)(**{**first.__dict__, "numeric": without}), None])
    assert torch.equal(first_values(reading).numeric, without)
    assert next(reading) is None
