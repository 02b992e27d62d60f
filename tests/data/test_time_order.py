import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smt.data.columns import Embedding, Event, Id, IdList, Numeric, Sequence, Timestamp, Weight
from smt.data.log import arrow_schema
from smt.data.schema import Schema
from smt.data.time_order import cut_row, share_remark, time_order

SCHEMA = Schema(
    columns={
        "user": Id(num_ids=9),
        "age": Numeric(),
        "tags": IdList(num_ids=9),
        "vector": Embedding(dim=2),
        "seen": Sequence(num_ids=9, timestamps="seen_times"),
        "click": Event(delay="wait"),
        "weight": Weight(),
        "time": Timestamp(),
    }
)
ARROW = arrow_schema(SCHEMA)
ROWS = st.fixed_dictionaries(
    {
        "user": st.integers(0, 2),
        "age": st.sampled_from([0.0, 1.5, float("nan")]),
        "tags": st.lists(st.integers(0, 2), max_size=2),
        "vector": st.sampled_from([[0.0, 1.0], [1.0, 0.0]]),
        "seen": st.just([1]),
        "seen_times": st.lists(st.integers(0, 2), min_size=1, max_size=1),
        "click": st.integers(0, 1),
        "wait": st.integers(0, 1),
        "weight": st.sampled_from([0.5, 1.0]),
        "time": st.integers(0, 2),
    }
)


def in_order(rows):
    table = pa.Table.from_pylist(rows, schema=ARROW)
    return repr(table.take(pa.array(time_order(table, SCHEMA, ARROW))).to_pylist())


@given(
    st.lists(ROWS, min_size=1, max_size=12).flatmap(
        lambda r: st.tuples(st.just(r), st.permutations(r))
    )
)
def test_any_permutation_of_the_rows_comes_in_one_order_of_time(rows):
    first, second = rows
    assert in_order(first) == in_order(second)
    table = pa.Table.from_pylist(first, schema=ARROW)
    order = time_order(table, SCHEMA, ARROW)
    assert sorted(order) == list(range(len(first)))
    assert (np.diff(table["time"].to_numpy()[order]) >= 0).all()


def test_labels_delays_and_weights_do_not_move_a_row_among_rows_of_other_features():
    rng = np.random.default_rng(0)
    schema = Schema(
        columns={
            "user": Id(num_ids=1000),
            "click": Event(delay="wait"),
            "weight": Weight(),
            "time": Timestamp(),
        }
    )
    target = arrow_schema(schema)
    orders = []
    for _ in range(2):
        table = pa.table(
            {
                "user": np.arange(500),
                "click": rng.integers(2, size=500),
                "wait": rng.integers(2, size=500),
                "weight": rng.random(500),
                "time": np.arange(500) // 100,
            }
        )
        orders.append(time_order(table, schema, target).tolist())
    assert orders[0] == orders[1] != list(range(500))


@pytest.mark.parametrize("num_users", [1, 40, 100_000])
def test_labels_are_mixed_within_a_moment_whether_rows_are_alike_or_not(num_users):
    """The mean place of a positive is that of a negative, to 4 standard errors."""
    rng = np.random.default_rng(1)
    count = 4_000
    schema = Schema(columns={"user": Id(num_ids=num_users), "click": Event(), "time": Timestamp()})
    click = np.sort(rng.integers(2, size=count))
    table = pa.table(
        {"user": rng.integers(num_users, size=count), "click": click, "time": np.zeros(count, int)}
    )
    order = time_order(table, schema, arrow_schema(schema))
    places = np.flatnonzero(click[order] == 1)
    error = count / np.sqrt(12 * len(places))
    assert abs(places.mean() - count / 2) < 4 * error


def test_an_id_hashes_alike_in_any_integer_type():
    schema = Schema(columns={"user": Id(num_ids=99), "click": Event(), "time": Timestamp()})
    orders = [
        time_order(
            pa.table({"user": np.arange(50, dtype=kind), "click": [0] * 50, "time": [7] * 50}),
            schema,
            arrow_schema(schema),
        ).tolist()
        for kind in (np.int8, np.uint32, np.int64)
    ]
    assert orders[0] == orders[1] == orders[2]
    # Written down once: logs would have other digests if it changed.
    assert orders[0][:6] == [16, 28, 47, 5, 45, 32]


def test_the_cut_is_at_the_nearest_boundary_and_of_two_at_the_earlier():
    times = np.array([1, 1, 2, 2, 2, 2, 3, 3])
    assert cut_row(times, "time", 0.5) == 2
    assert cut_row(times, "time", 0.3) == 6
    assert cut_row(times, "time", 0.999) == 2


def test_a_share_that_is_far_off_is_said():
    assert share_remark(81, 19, 0.2) is None
    said = share_remark(50, 50, 0.2)
    assert said is not None
    assert said.startswith("the test window is 50.0% of the rows, not 20.0%")
