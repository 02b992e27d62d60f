import gzip
import math

import numpy as np
import pytest

from smt.data.sources import store
from smt.data.sources.criteo import CATEGORIES, COUNTS, read_criteo
from smt.errors import InputError


def line(label, counts, categories):
    return "\t".join([str(label), *counts, *categories])


@pytest.fixture
def lines():
    rng = np.random.default_rng(0)
    return [
        line(
            row % 2,
            ["" if rng.random() < 0.3 else str(rng.integers(-2, 900)) for _ in COUNTS],
            ["" if rng.random() < 0.2 else f"{rng.integers(50):08x}" for _ in CATEGORIES],
        )
        for row in range(100)
    ]


@pytest.fixture
def file(lines, tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_counts_are_signed_logs_and_categories_keep_their_identity(file, lines):
    source = read_criteo(file, num_ids=1_000_000)
    fields = [text.split("\t") for text in lines]
    for number, name in enumerate(COUNTS, start=1):
        for found, row in zip(source.rows[name].to_pylist(), fields, strict=True):
            if row[number] == "":
                assert math.isnan(found)
            else:
                value = int(row[number])
                assert found == pytest.approx(math.copysign(math.log1p(abs(value)), value))
    for number, name in enumerate(CATEGORIES, start=14):
        pairs = set(
            zip((row[number] for row in fields), source.rows[name].to_pylist(), strict=True)
        )
        assert len({text for text, _ in pairs}) == len(pairs) == len({code for _, code in pairs})
        assert all((code == 0) == (text == "") for text, code in pairs)


def test_rows_are_independent(file):
    assert read_criteo(file).schema.cluster is None


def test_gzip_and_a_folder_read_the_same(file, tmp_path):
    folder = tmp_path / "packed"
    folder.mkdir()
    (folder / "train.txt.gz").write_bytes(gzip.compress(file.read_bytes()))
    plain, packed = read_criteo(file), read_criteo(folder)
    assert packed.rows["category_3"].equals(plain.rows["category_3"])
    assert packed.rows["click"].equals(plain.rows["click"])


def test_the_last_lines_are_the_test_window(file, tmp_path):
    log = store(read_criteo(file, num_ids=50), tmp_path / "out", test_share=0.2)
    assert log.test.to_table()["row"].to_pylist() == list(range(80, 100))
    ids = np.concatenate([log.train.to_table()[name].to_numpy() for name in CATEGORIES])
    assert ids.min() >= 0
    assert ids.max() < 50


def test_a_missing_file_says_where_it_is_published(tmp_path):
    for path in (tmp_path, tmp_path / "nothing.txt"):
        with pytest.raises(InputError, match=r"Criteo AI Lab.*Kaggle Display Advertising"):
            read_criteo(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [("0\t", "7\t", "0 or 1, not 7"), ("0\t", "0\tx", "40 columns"), ("0\t", "", "40 columns")],
)
def test_a_line_of_another_layout_is_refused(file, lines, old, new, message):
    file.write_text("\n".join([lines[0].replace(old, new, 1), *lines[1:]]))
    with pytest.raises(InputError, match=message):
        read_criteo(file)
