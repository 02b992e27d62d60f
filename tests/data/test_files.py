import bz2
import csv
import gzip
import io
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smt.data.sources.files import read_files
from smt.errors import InputError

PLAIN = b"user,click\nu1,0\nu2,1\n"
ROWS = {"user": ["u1", "u2"], "click": ["0", "1"]}


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(source, columns=("user", "click"), **options):
    tables = read_files([source], columns, **options).values()
    return pa.concat_tables(tables).to_pydict()


def csv_text(rows):
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows(rows)
    return stream.getvalue()


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|", "::"])
def test_the_header_tells_the_delimiter(tmp_path, delimiter):
    file = write(tmp_path / "a.txt", PLAIN.replace(b",", delimiter.encode()))
    assert read(file) == ROWS
    assert read(file, ["click"]) == {"click": ["0", "1"]}


def test_a_delimiter_in_doubt_is_told_by_the_wanted_columns_or_asked_for(tmp_path):
    file = write(tmp_path / "a.csv", "user;price, EUR\nu1;3\n")
    assert read(file, ["price, EUR", "user"]) == {"price, EUR": ["3"], "user": ["u1"]}
    with pytest.raises(InputError, match=r"a\.csv: .* ',' or ';'; say --delimiter"):
        read(file, None)
    assert read(file, None, delimiter=";") == {"user": ["u1"], "price, EUR": ["3"]}


@pytest.mark.parametrize(
    ("name", "compress"),
    [
        ("a.csv.gz", gzip.compress),
        ("a.csv.bz2", bz2.compress),
        ("a.csv.zst", lambda text: pa.compress(text, "zstd", asbytes=True)),
        ("train.gz", gzip.compress),
        ("a.csv", gzip.compress),
        ("a.csv.gz", bytes),
        ("a.csv.gz", lambda text: gzip.compress(text[:15], mtime=0) + gzip.compress(text[15:])),
    ],
)
def test_compressed_files_are_read_by_what_they_are(tmp_path, name, compress):
    assert read(write(tmp_path / name, compress(PLAIN))) == ROWS


def test_texts_are_kept_as_they_are(tmp_path):
    text = '﻿user:name,click\r\n"a ""b"", c",""\r\n007,\r\n NaN , NULL\r\n'
    rows = read(write(tmp_path / "a.csv", text), ["user:name", "click"])
    assert rows == {"user:name": ['a "b", c', "007", " NaN "], "click": ["", "", " NULL"]}


@pytest.mark.parametrize("count", [50, 100_000])
def test_quoted_line_breaks_are_read_at_any_size(tmp_path, count):
    rows = [[f"u{row}", f"title {row}\nand, more\r\n\n", row % 2] for row in range(count)]
    file = write(tmp_path / "a.csv", csv_text([["user", "title", "click"], *rows]))
    (table,) = read_files([file], ["user", "click"]).values()
    assert table.num_rows == count
    assert table["user"][-1].as_py() == f"u{count - 1}"


def test_a_field_longer_than_a_block_is_read(tmp_path):
    file = write(tmp_path / "a.csv", csv_text([["user", "click"], ["x\n" * 5_000_000, 1]]))
    assert read(file) == {"user": ["x\n" * 5_000_000], "click": ["1"]}


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\0"))


@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=5))
def test_fields_are_those_that_a_peer_reads(tmp_path_factory, rows):
    text = csv_text([("user", "click"), *rows])
    file = write(tmp_path_factory.mktemp("peer") / "a.csv", text)
    peer = [tuple(row) for row in csv.reader(io.StringIO(text, newline=""))][1:]
    read_rows = read(file)
    assert list(zip(read_rows["user"], read_rows["click"], strict=True)) == peer


@pytest.mark.parametrize(
    "lines",
    [
        ["time,click,0,1", "1700000000,1,5,6"],
        ["user,item,0,1", "u1,i1,3,4", "u2,i2,3,4"],
        ["city,2019,age", "Rome,3,4", "Oslo,5,"],
        ["nan,click", "1,0"],
        ["user,inf", "u1,3"],
        ["0,1,2", "5,6,7"],
    ],
)
def test_numbers_among_the_names_of_a_header_are_names(tmp_path, lines):
    header, first, *_ = lines
    rows = read(write(tmp_path / "a.csv", "\n".join(lines) + "\n"), None)
    assert list(rows) == header.split(",")
    assert [values[0] for values in rows.values()] == first.split(",")


@pytest.mark.parametrize(
    "text", ["u1,NULL,5\nu2,3,6\n", ",1,2\n5,6,7\n", "1,2\n3,4\n", "Rome,5\nOslo,6\n", "7,5\n"]
)
def test_a_first_line_with_numbers_like_those_beneath_is_a_row(tmp_path, text):
    with pytest.raises(InputError, match=r"a\.csv: has no header, .* is a row; write a line of"):
        read(write(tmp_path / "a.csv", text), None)


@pytest.mark.parametrize("blank", ["\n", "  \n", "\n \n\t\t\n", " \r\n\r\n"])
@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("user,click\nu1,0\n", {"user": ["u1"], "click": ["0"]}),
        ('"us\ner",click\nu1,0\n', {"us\ner": ["u1"], "click": ["0"]}),
        ("\tuser\n0\tu1\n", {"user": ["u1"]}),
        ("user::click\nu1::0\n", {"user": ["u1"], "click": ["0"]}),
    ],
)
def test_lines_of_blanks_before_the_header_are_skipped(tmp_path, blank, text, rows):
    assert read(write(tmp_path / "a.csv", blank + text), list(rows)) == rows


def test_typed_headers_are_names(tmp_path):
    file = write(tmp_path / "a.inter", "user_id:token\ttags:token_seq\trating:float\n5\tx y\t4.0\n")
    assert read(file, None) == {"user_id": ["5"], "tags": ["x y"], "rating": ["4.0"]}


def test_a_folder_of_hive_partitions_in_any_column_order_is_one_log(tmp_path):
    first = pa.table({"user": ["a"], "click": [1], "extra": [1.5]})
    second = pa.table({"click": [0], "user": ["b"]})
    (tmp_path / "log" / "day=3" / "city=New%20York").mkdir(parents=True)
    (tmp_path / "log" / "day=4" / "city=__HIVE_DEFAULT_PARTITION__").mkdir(parents=True)
    pq.write_table(first, tmp_path / "log/day=3/city=New%20York/a.snappy.parquet")
    pq.write_table(second, tmp_path / "log/day=4/city=__HIVE_DEFAULT_PARTITION__/b.parquet")
    write(tmp_path / "log/_SUCCESS", "")
    write(tmp_path / "log/day=3/.part.crc", "x")
    columns = ["click", "user", "day", "city"]
    assert read(tmp_path / "log", columns) == {
        "click": [1, 0],
        "user": ["a", "b"],
        "day": ["3", "4"],
        "city": ["New York", ""],
    }


def test_text_files_of_a_folder_are_one_log_too(tmp_path):
    write(tmp_path / "log/part-00000", PLAIN)
    write(tmp_path / "log/part-00001.csv.gz", gzip.compress(b"click\tuser\n1\tu3\n", mtime=0))
    write(tmp_path / "log/part-00002", b"user,click\n")
    assert read(tmp_path / "log") == {"user": ["u1", "u2", "u3"], "click": ["0", "1", "1"]}


def test_the_order_of_the_files_given_does_not_matter(tmp_path):
    files = [write(tmp_path / f"{name}.csv", PLAIN) for name in "bca"]
    names = list(read_files(files, ["user"]))
    assert names == list(read_files(files[::-1], ["user"])) == sorted(map(str, files))


def test_parquet_keeps_its_types_and_dotted_names(tmp_path):
    table = pa.table({"a.b": pa.array([1], pa.uint8()), "a": pa.array([[1.5]]), "b": ["x"]})
    pq.write_table(table, tmp_path / "a.parquet")
    (read_table,) = read_files([tmp_path / "a.parquet"], ["a", "a.b"]).values()
    assert read_table.equals(table.select(["a", "a.b"]))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", b"", r"is empty"),
        ("a.csv", b"\n\n", r"is empty"),
        ("a.csv", b"user,click", r"no row below the header"),
        ("a.csv", b"user,click\nu1,0\nu2\n", r"row 3 \(the header is row 1\) has 1 fields, not 2"),
        ("a.csv", PLAIN + b'u3,"1\nu4,0\n', r"row 4 .*has 2 fields|a quote does not close"),
        ("a.csv", b'user,x,click\n1,"The A,0\n2,"The B,1\n', r"a quote does not close"),
        ("a.csv", b"user,click,user\n1,2,3\n", r"has 2 columns 'user'"),
        ("a.csv", b"u1,0\nu2,1\n", r"has no header, as its first line 'u1,0' is a row"),
        ("a.csv", b"users,click\n1,2\n", r"lacks the column 'user'.*did you mean 'users'"),
        ("a.csv", b"user,clicks\n1,2\n", r"lacks the label 'click'"),
        ("a.dat", b"user::click\n1::2::3\n", r"row 2 .*has 3 fields, not 2"),
        ("a.csv", "user,click\né,2\n".encode("latin-1"), r".*invalid UTF8"),
        ("a.csv", "user,click\n1,2\n".encode("utf-16"), r"is written in UTF-16"),
        ("a.csv", b"PK\x03\x04", r"is a zip archive"),
        ("a.csv", b"user\0,click", r"is no text"),
        ("a.csv.gz", gzip.compress(PLAIN, mtime=0)[:-9], r"cannot be read: Truncated"),
        ("a.parquet", b"not parquet", r"cannot be read"),
        ("a.json", b"{}", r"must end in \.csv, .*\.parquet"),
    ],
)
def test_a_file_that_cannot_be_read_right_is_refused_by_name(tmp_path, name, text, message):
    with pytest.raises(InputError, match=rf"{name}: {message}") as error:
        read(write(tmp_path / name, text), labels=["click"])
    assert len(str(error.value).splitlines()) == 1


def test_a_label_may_be_made_of_a_column(tmp_path):
    file = write(tmp_path / "a.csv", "user,rating,act\nu1,3.5,buy\nu2,4,pv\nu3,1,buy\n")
    wanted = ["rating_at_least_4", "act_is_buy", "user", "rating_at_least_3.5"]
    rows = read(file, wanted, labels=wanted[:2] + wanted[3:])
    assert rows == {
        "rating_at_least_4": [0, 1, 0],
        "act_is_buy": [1, 0, 1],
        "user": ["u1", "u2", "u3"],
        "rating_at_least_3.5": [1, 1, 0],
    }
    with pytest.raises(InputError, match="lacks the column 'rating_at_least_4'"):
        read(file, wanted)
    with pytest.raises(InputError, match="column 'act': the value 'buy' cannot be read"):
        read(file, ["act_at_least_4"], labels=["act_at_least_4"])


def test_a_label_that_one_file_alone_has_is_no_mistake_of_the_others(tmp_path):
    write(tmp_path / "log/a.csv", "act\npv\n")
    write(tmp_path / "log/b.csv", "act\nbuy\npv\n")
    assert read(tmp_path / "log", ["act_is_buy"], labels=["act_is_buy"])["act_is_buy"] == [0, 1, 0]


def test_rows_are_numbered_over_all_files(tmp_path):
    write(tmp_path / "log/b.csv", PLAIN)
    write(tmp_path / "log/a.csv", PLAIN)
    assert read(tmp_path / "log", ["row_number", "user"])["row_number"] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("name", "line", "columns"),
    [
        ("u.data", "196\t242\t3\t881250949", ["user_id", "item_id", "rating", "timestamp"]),
        ("ratings.dat", "1::1193::5::978300760", ["user_id", "movie_id", "rating", "timestamp"]),
        (
            "UserBehavior.csv",
            "1,2268318,2520377,pv,1511544070",
            ["user_id", "item_id", "category_id", "behavior", "timestamp"],
        ),
    ],
)
def test_published_files_without_a_header_are_known(tmp_path, name, line, columns):
    rows = read(write(tmp_path / name, f"{line}\n{line}\n"), None)
    assert list(rows) == columns
    assert [values[1] for values in rows.values()] == re.split("::|,|\t", line)
    with pytest.raises(InputError, match="has no header"):
        read(write(tmp_path / "mine.csv", line.replace("::", ",") + "\n"), None)


def test_published_files_that_need_another_way_say_which(tmp_path):
    criteo = "\t".join(["0", *["1"] * 13, *["68fd1e64"] * 26])
    with pytest.raises(InputError, match=r"Criteo.*'prepare_data.py criteo'"):
        read(write(tmp_path / "train.txt", criteo + "\n"))
    mind = "1\tU1\t11/11/2019 9:05:58 AM\tN1 N2\tN3-1 N4-0\n"
    with pytest.raises(InputError, match=r"MIND.*one row for each news item"):
        read(write(tmp_path / "behaviors.tsv", mind))


def test_a_file_that_is_given_twice_or_not_there_is_refused(tmp_path):
    file = write(tmp_path / "log" / "a.csv", PLAIN)
    with pytest.raises(InputError, match=r"a\.csv: is given twice"):
        read_files([file, tmp_path / "log"], ["user"])
    with pytest.raises(InputError, match=r"b\.csv: no such file"):
        read(tmp_path / "b.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty: holds no file"):
        read(tmp_path / "empty")


def test_a_column_without_a_name_is_told_from_one_that_is_not_there(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("time,click,\n1,1,3\n2,0,4\n")
    with pytest.raises(InputError, match=r"rows\.csv: column '' cannot be read by its name"):
        read_files([file], ["time", "click", ""])
