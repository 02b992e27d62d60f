import pyarrow as pa
import pytest

from smt.data import open_log
from smt.data.recut import recut


@pytest.fixture(scope="module")
def rows(small_log):
    """Without numeric columns, whose NaNs equal nothing."""
    names = ["user", "item", "user_interests", "history", "click", small_log.schema.timestamp]
    return pa.concat_tables([small_log.train, small_log.test]).select(names).combine_chunks()


def cut_at(rows, small_log, place):
    return rows[small_log.schema.timestamp][place].as_py()


def tables(log, names):
    return [
        window.select(names) if isinstance(window, pa.Table) else window.to_table(columns=names)
        for window in (log.train, log.test)
    ]


@pytest.mark.parametrize("place", [0, 500, 3_500])
@pytest.mark.parametrize("on_disk", [False, True], ids=["in memory", "on disk"])
def test_the_same_rows_are_cut_before_a_time(place, on_disk, rows, small_log, small_log_path):
    log = open_log(small_log_path) if on_disk else small_log
    again = recut(log, cut_at(rows, small_log, place))
    train, test = tables(again, rows.column_names)
    assert len(train) == place
    assert pa.concat_tables([train, test]).combine_chunks().equals(rows)
    assert again.digest != log.digest


@pytest.mark.parametrize("on_disk", [False, True], ids=["in memory", "on disk"])
def test_a_log_that_was_cut_before_keeps_its_rows_alone(on_disk, rows, small_log, small_log_path):
    log = open_log(small_log_path) if on_disk else small_log
    held = log.hold_out(0.2)
    twice = recut(recut(held, cut_at(rows, small_log, 100)), cut_at(rows, small_log, 900))
    train, test = tables(twice, rows.column_names)
    assert len(train) == 900
    whole = pa.concat_tables([train, test]).combine_chunks()
    assert whole.equals(rows.slice(0, len(small_log.train)).combine_chunks())
