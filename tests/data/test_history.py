import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from smt.data.history import past_rows

ROWS = st.lists(
    st.tuples(st.integers(-2, 2), st.integers(-3, 6), st.integers(0, 9), st.booleans()),
    max_size=40,
)


def literal_past(users, times, keep, row, length):
    earlier = [
        other
        for other in range(len(users))
        if keep[other] and users[other] == users[row] and times[other] < times[row]
    ]
    return sorted(earlier, key=lambda other: (times[other], other), reverse=True)[:length]


def columns(rows):
    users, times, items = (
        np.array([row[position] for row in rows], dtype=np.int64) for position in range(3)
    )
    return users, times, items, np.array([row[3] for row in rows], dtype=bool)


@given(ROWS, st.integers(1, 5))
def test_history_equals_a_literal_search_of_all_rows(rows, length):
    users, times, items, keep = columns(rows)
    past = past_rows(users, times, keep, length)
    expected = [literal_past(users, times, keep, row, length) for row in range(len(rows))]
    for values in (items, items * 2, times):
        assert past.lists(values).to_pylist() == [values[rows].tolist() for rows in expected]


@given(ROWS)
def test_no_row_sees_itself_or_its_future(rows):
    users, times, _, keep = columns(rows)
    past = past_rows(users, times, keep, 3)
    for row in range(len(rows)):
        seen = past.rows[past.offsets[row] : past.offsets[row + 1]]
        assert row not in seen
        assert (times[seen] < times[row]).all()


def test_a_moment_is_invisible_to_itself():
    users, times = np.zeros(4, np.int64), np.array([5, 5, 7, 7])
    past = past_rows(users, times, np.ones(4, bool), 9)
    assert past.lists(np.arange(4)).to_pylist() == [[], [], [1, 0], [1, 0]]
