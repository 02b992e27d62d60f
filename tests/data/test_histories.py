from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smt.data.sources.histories import Histories, order_histories
from smt.errors import InputError

A, B = "a.csv: column 'seen'", "b.csv: column 'seen'"
INTS = pa.list_(pa.int64())


def histories(ids, codes=None, times=None):
    return Histories(
        *(None if part is None else pa.array(part, INTS) for part in (ids, codes, times))
    )


def order(*files, moments=None, said=None):
    """Each file is (ids, codes, times)."""
    named = dict(zip((A, B), (histories(*file) for file in files), strict=False))
    shown = {
        where: pa.array(moments or [10**6] * len(lists.ids), pa.int64())
        for where, lists in named.items()
    }
    return order_histories("seen", named, shown, order=said)


def content(result, where=A):
    lists = result.files[where]
    return tuple(
        None if part is None else part.to_pylist() for part in (lists.ids, lists.codes, lists.times)
    )


def test_lists_with_the_oldest_step_first_are_turned_by_their_times():
    result = order(([[1, 2, 3], [], [4]], [[7, 8, 9], [], [6]], [[10, 20, 30], [], [5]]))
    assert content(result) == (
        [[3, 2, 1], [], [4]],
        [[9, 8, 7], [], [6]],
        [[30, 20, 10], [], [5]],
    )
    assert result.order == "oldest_first"
    assert result.remarks == (
        "seen: lists begin with the oldest step, by their times; turned round",
    )


def test_lists_with_the_newest_step_first_stay_without_a_word():
    given_lists = ([[1, 2, 3]], None, [[30, 20, 20]])
    result = order(given_lists)
    assert content(result) == given_lists
    assert (result.order, result.remarks) == ("newest_first", ())


def test_all_files_tell_the_order_together():
    told, silent = ([[1, 2]], None, [[10, 20]]), ([[3, 4]], None, [[5, 5]])
    for files, where in (((told, silent), B), ((silent, told), A)):
        result = order(*files)
        assert content(result, where) == ([[4, 3]], None, [[5, 5]])


def test_lists_in_neither_order_are_sorted_by_time_and_ties_stay():
    result = order(([[1, 2, 3, 4]], None, [[20, 10, 20, 30]]))
    assert content(result) == ([[4, 1, 3, 2]], None, [[30, 20, 20, 10]])
    assert result.order is None
    assert "sorted by their times" in result.remarks[0]


def test_without_times_the_schema_says_where_lists_begin():
    lists = ([[1, 2, 3], None], [[7, 8, 9], None], None)
    turned = order(lists, said="oldest_first")
    assert content(turned) == ([[3, 2, 1], []], [[9, 8, 7], []], None)
    assert turned.remarks == ()
    kept = order(lists, said="newest_first")
    assert content(kept)[0][0] == [1, 2, 3]
    assert kept.remarks == ()


def test_without_times_or_a_word_lists_begin_with_the_newest_and_that_is_said():
    result = order(([[1, 2]], None, None))
    assert content(result)[0] == [[1, 2]]
    assert "`order: oldest_first`" in result.remarks[0]
    assert order(([[1], []], None, None)).remarks == ()


def test_an_order_against_the_times_is_refused():
    with pytest.raises(InputError, match=r"a\.csv: .*`order: newest_first`, but .*`oldest_first`"):
        order(([[1, 2]], None, [[10, 20]]), said="newest_first")


def test_steps_at_or_after_their_impression_are_dropped_and_counted():
    result = order(
        ([[1, 2, 3], [4, 5]], [[1, 1, 2], [3, 3]], [[30, 20, 10], [20, 19]]), moments=[20, 20]
    )
    assert content(result) == ([[3], [5]], [[2], [3]], [[10], [19]])
    assert result.remarks == (
        "seen: 3 of 5 steps (60.0%) are not before their impression and are dropped; "
        "see that all times are read right",
    )
    few = order(([[1, 2, 3]], None, [[20, 10, 5]]), moments=[20])
    assert few.remarks == (
        "seen: 1 of 3 steps (33.3%) are not before their impression and are dropped",
    )


ROW = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 3), st.integers(0, 12)), max_size=5)


@given(st.lists(st.tuples(ROW, st.integers(0, 12)), min_size=1, max_size=6))
def test_lists_are_those_that_a_loop_sorts_and_drops(rows):
    parts = [[[step[part] for step in steps] for steps, _ in rows] for part in range(3)]
    result = order(tuple(parts), moments=[moment for _, moment in rows])
    times = parts[2]
    falls = any(a > b for each in times for a, b in pairwise(each))
    rises = any(a < b for each in times for a, b in pairwise(each))
    expected = []
    for steps, moment in rows:
        given_steps = steps[::-1] if rises and not falls else steps
        ordered = sorted(given_steps, key=lambda step: -step[2]) if rises else given_steps
        expected.append([step for step in ordered if step[2] < moment])
    ids, codes, kept = content(result)
    assert [
        list(zip(*each, strict=True)) for each in zip(ids, codes, kept, strict=True)
    ] == expected
