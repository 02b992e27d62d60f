import pytest
import yaml

from smt.data.sources.table import read_table

SCHEMA = {
    "time": {"kind": "timestamp", "unit": "s"},
    "click": {"kind": "event"},
    "buy": {"kind": "event", "after": "click"},
}


def remarks(folder, *files):
    (folder / "schema.yaml").write_text(yaml.safe_dump({"columns": SCHEMA}))
    for number, rows in enumerate(files):
        lines = [f"{1_714_564_800 + row},{labels}" for row, labels in enumerate(rows)]
        (folder / f"{number}.csv").write_text("\n".join(["time,click,buy", *lines]))
    paths = sorted(folder.glob("*.csv"))
    return read_table(paths, folder / "schema.yaml").remarks


def test_events_without_the_one_before_them_are_counted_over_all_files(tmp_path):
    assert remarks(tmp_path, ["0,1", "1,0"], ["0,1", "1,1"]) == (
        "column 'buy': in 2 of the 3 rows where it is 1 (66.7%), 'click' is 0, though the schema "
        "says `after: click`; leave `after` out where one does not need the other",
    )


@pytest.mark.parametrize("rows", [["1,1", "1,0", "0,0"], ["0,0"]])
def test_events_after_the_one_before_them_need_no_remark(tmp_path, rows):
    assert remarks(tmp_path, rows) == ()
