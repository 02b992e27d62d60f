import pytest
from hypothesis import given
from hypothesis import strategies as st

from smt.data import open_log, write_log
from smt.execution.share_logs import choose_streamed
from smt.fleet import model_columns

SIZES = st.dictionaries(st.text(max_size=3), st.integers(0, 100), max_size=8)


@given(SIZES, st.integers(0, 300), st.randoms(use_true_random=False))
def test_logs_stay_on_disk_only_where_the_store_has_no_room_for_them(sizes, room, draw):
    on_disk = {name for name in sizes if draw.random() < 0.7}
    streamed = set(choose_streamed(sizes, on_disk, room))
    stored = sum(size for name, size in sizes.items() if name not in streamed)
    assert streamed <= on_disk
    # Those in memory have nowhere else to be.
    assert stored <= room or streamed == on_disk
    assert all(stored + sizes[name] > room for name in streamed)


def test_the_smallest_logs_are_stored_first():
    sizes = {"a": 50, "b": 10, "c": 30, "simulated": 20}
    assert choose_streamed(sizes, {"a", "b", "c"}, 60) == ["a"]
    assert choose_streamed(sizes, {"a", "b", "c"}, 59) == ["c", "a"]
    assert choose_streamed(sizes, {"a", "b", "c"}, 110) == []


@pytest.mark.parametrize("all_columns", [True, False])
def test_the_memory_of_a_log_on_disk_is_known_from_its_footers(
    small_log, small_log_path, small_model, tmp_path, all_columns
):
    model = small_model if all_columns else small_model.model_copy(update={"features": ("user",)})
    columns = model_columns(model, small_log.schema)
    log = open_log(small_log_path)
    loaded = log.load(columns)
    taken = loaded.train.nbytes + loaded.test.nbytes
    # An empty list is a value to Parquet, and Arrow has one more offset than rows.
    assert log.memory(columns) == pytest.approx(taken, rel=0.05)
    assert loaded.memory(columns) == taken
    again = write_log(tmp_path / "log", loaded.schema, small_log.train, small_log.test)
    assert again.memory(columns) == log.memory(columns)
