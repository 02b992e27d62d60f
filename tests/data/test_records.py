"""Streaming against the plain way: decode all rows, then pick the asked ones one by one."""

import contextlib
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import smt.data.records
from smt.data.records import READ_AHEAD_ROWS, read_records
from smt.errors import InputError

EVEN = pc.field("group") == 0


def numbered(rows):
    """Rows with their number, a group (0 or 1) and a list as long as the number's last digit."""
    numbers = np.arange(rows)
    groups = numbers // 3 % 2
    lists = pa.array([list(range(number % 10)) for number in numbers], pa.list_(pa.int64()))
    return pa.table({"number": numbers, "group": groups, "list": lists})


def written(table, folder, group_rows, files):
    folder.mkdir(parents=True)
    bounds = np.linspace(0, len(table), files + 1).astype(int)
    for file, (start, stop) in enumerate(pairwise(bounds)):
        part = table.slice(start, stop - start)
        pq.write_table(part, folder / f"part-{file}.parquet", row_group_size=group_rows)
    return ds.dataset(folder, format="parquet")


def picked_one_by_one(table, where, size, skip, kept, rank, world):
    """The rank's batches, of the numbers of rows."""
    numbers = [row["number"] for row in table.to_pylist() if where is None or not row["group"]]
    if kept is not None:
        numbers = [number for number, keep in zip(numbers, kept, strict=True) if keep]
    numbers = numbers[skip:]
    batches = [numbers[start : start + size] for start in range(0, len(numbers), size)]
    if world == 1:
        return batches
    whole = [batch for batch in batches if len(batch) == size]
    return whole[rank : len(whole) // world * world : world]


@settings(max_examples=60)
@given(data=st.data())
def test_ranks_read_what_they_would_pick_one_by_one_from_all_rows(data, tmp_path_factory):
    table = numbered(data.draw(st.integers(0, 120)))
    group_rows = data.draw(st.integers(1, 50))
    size, skip = data.draw(st.integers(1, 40)), data.draw(st.integers(0, 60))
    world = data.draw(st.integers(1, 4))
    where = data.draw(st.sampled_from([None, EVEN]))
    kept = None
    if data.draw(st.booleans()):
        rows = len(table) if where is None else len(table.filter(where))
        kept = np.array(data.draw(st.lists(st.booleans(), min_size=rows, max_size=rows)), bool)
    folder = tmp_path_factory.mktemp("rows") / "window"
    on_disk = written(table, folder, group_rows, data.draw(st.integers(1, 3)))
    for rank in range(world):
        expected = picked_one_by_one(table, where, size, skip, kept, rank, world)
        for rows in (table, on_disk):
            records = list(
                read_records(
                    rows,
                    ["number", "list"],
                    where,
                    size=size,
                    skip=skip,
                    kept=kept,
                    shard=(rank, world),
                )
            )
            assert [record["number"].to_pylist() for record in records] == expected
            lengths = [len(each) for record in records for each in record["list"].to_pylist()]
            assert lengths == [number % 10 for batch in expected for number in batch]


@pytest.fixture
def decoded(monkeypatch):
    """The row groups that are decoded, as they are."""
    seen = []
    decode = smt.data.records._decode

    def spy(group, **options):
        seen.append((group.path.rsplit("/")[-1], group.row_groups[0].id))
        return decode(group, **options)

    monkeypatch.setattr(smt.data.records, "_decode", spy)
    return seen


def test_ranks_divide_row_groups_of_their_batches_size(tmp_path, decoded):
    rows = written(numbered(96), tmp_path / "window", 8, 1)
    for rank in range(3):
        decoded.clear()
        assert len(list(read_records(rows, ["number"], size=8, shard=(rank, 3)))) == 4
        assert [group for _, group in decoded] == [rank, rank + 3, rank + 6, rank + 9]


def test_row_groups_within_what_is_skipped_or_not_kept_are_not_decoded(tmp_path, decoded):
    rows = written(numbered(60), tmp_path / "window", 10, 2)
    kept = np.ones(60, bool)
    kept[40:50] = False
    (record,) = read_records(rows, ["number"], size=60, skip=25, kept=kept)
    assert record["number"].to_pylist() == [*range(25, 40), *range(50, 60)]
    assert decoded == [("part-0.parquet", 2), ("part-1.parquet", 0), ("part-1.parquet", 2)]


def test_no_more_row_groups_are_decoded_ahead_than_may_be(tmp_path, decoded):
    table = pa.table({"number": np.arange(5 * READ_AHEAD_ROWS)})
    rows = written(table, tmp_path / "window", READ_AHEAD_ROWS, 1)
    records = read_records(rows, ["number"], size=READ_AHEAD_ROWS)
    for number, _ in enumerate(records, 1):
        assert len(decoded) <= number + 1
    assert len(decoded) == 5


def test_reading_may_stop_before_the_end(tmp_path):
    rows = written(numbered(100), tmp_path / "window", 10, 1)
    with contextlib.closing(read_records(rows, ["number"], size=7)) as records:
        assert next(records)["number"].to_pylist() == [*range(7)]


def test_a_file_that_is_not_on_this_machine_is_said_to_be_missing_there(tmp_path):
    rows = written(numbered(10), tmp_path / "window", 5, 1)
    (tmp_path / "window" / "part-0.parquet").unlink()
    with pytest.raises(InputError, match=r"part-0.parquet.* is not on this machine.* s3://"):
        next(read_records(rows, ["number"], size=5))
