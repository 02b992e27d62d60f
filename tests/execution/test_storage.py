import os
import threading

import pyarrow as pa
import pyarrow.fs as fs
import pytest

from smt.execution.storage import Folder


class ObjectStore(Folder):
    """A folder on what is no local disk to it, as an object store is."""

    def __init__(self, path):
        self.location = "store://bucket/run"
        self._filesystem = fs.SubTreeFileSystem(str(path), fs.LocalFileSystem())
        self._root = "run"
        self._is_local = False
        self._filesystem.create_dir("run/a/b", recursive=True)


@pytest.fixture(params=["path", "uri", "store"])
def folder(request, tmp_path):
    if request.param == "store":
        return ObjectStore(tmp_path)
    path = tmp_path / "run"
    return Folder(path if request.param == "path" else path.as_uri())


def test_what_is_written_is_read_back_and_the_last_write_wins(folder):
    assert not folder.exists("a/x.json")
    folder.write("a/x.json", b"one")
    folder.write("a/x.json", b"two")
    assert folder.exists("a/x.json")
    assert folder.read("a/x.json") == b"two"


def test_list_gives_the_names_below_a_subfolder_sorted(folder):
    assert folder.list() == []
    for name in ("a/b/2.json", "a/b/10.json", "a/1.txt", "top.json", "a/b/3.parquet"):
        folder.write(name, b"")
    everything = ["a/1.txt", "a/b/10.json", "a/b/2.json", "a/b/3.parquet", "top.json"]
    assert folder.list() == everything
    assert folder.list("a/b", ".json") == ["a/b/10.json", "a/b/2.json"]
    assert folder.list("nowhere") == []
    assert all(folder.exists(name) for name in everything)


def test_files_written_together_are_all_there(folder):
    contents = {f"a/{number}": b"%d" % number for number in range(20)}
    folder.write_all(contents)
    assert {name: folder.read(name) for name in folder.list("a")} == contents


def test_one_that_cannot_be_written_is_not_passed_over(tmp_path):
    (tmp_path / "taken").write_bytes(b"a file, where a folder is wanted")
    with pytest.raises(Exception, match="taken"):
        Folder(tmp_path).write_all({"before": b"", "taken/x": b"", "after": b""})


def test_a_table_round_trips(folder):
    table = pa.table({"x": pa.array([1.5, float("inf")]), "y": [["a"], []]})
    folder.write_table("a/t.parquet", table)
    assert folder.read_table("a/t.parquet").equals(table)


def test_path_names_a_file_for_people(tmp_path):
    assert Folder("s3_like/run/").path("run.json") == "s3_like/run/run.json"
    assert Folder(tmp_path).path("a/b") == f"{tmp_path}/a/b"


def test_a_uri_and_a_path_are_the_same_folder(tmp_path):
    Folder(tmp_path.as_uri()).write("x", b"1")
    assert Folder(tmp_path).read("x") == b"1"


def test_a_relative_path_stays_where_it_was_when_the_process_moves(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = Folder("run")
    monkeypatch.chdir("/")
    folder.write("x", b"1")
    assert (tmp_path / "run" / "x").read_bytes() == b"1"


def test_a_reader_sees_a_file_whole_or_not_at_all(tmp_path):
    folder = Folder(tmp_path)
    contents = [bytes([value]) * 200_000 for value in range(40)]
    seen, stop = [], threading.Event()

    def read():
        while not stop.is_set():
            if folder.exists("x"):
                seen.append(folder.read("x"))

    reader = threading.Thread(target=read)
    reader.start()
    for content in contents:
        folder.write("x", content)
    stop.set()
    reader.join()
    assert set(seen) <= set(contents)


def test_a_write_that_breaks_off_leaves_the_old_file(tmp_path, monkeypatch):
    folder = Folder(tmp_path)
    folder.write("x", b"old")

    def crash(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", crash)
    with pytest.raises(OSError, match="disk full"):
        folder.write("x", b"new")
    assert folder.read("x") == b"old"


def test_content_is_on_the_disk_before_the_file_appears(tmp_path, monkeypatch):
    order = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda number: order.append("sync") or sync(number))
    monkeypatch.setattr(os, "replace", lambda *names: order.append("appear") or replace(*names))
    Folder(tmp_path).write("x", b"1")
    assert order == ["sync", "appear"]


def test_a_partial_file_of_a_killed_process_is_not_taken_for_an_evaluation(tmp_path):
    folder = Folder(tmp_path)
    folder.write("evaluations/a.json", b"{}")
    (tmp_path / "evaluations" / ".deadbeef.partial").write_bytes(b"{")
    assert folder.list("evaluations", ".json") == ["evaluations/a.json"]
