import errno
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as fs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smt.errors import InputError, StoppedError
from smt.storage import Folder


class ObjectStore(Folder):
    """A folder on what is no local disk to it, as an object store is."""

    def __init__(self, path):
        self.location = "store://bucket/run"
        self._filesystem = fs.SubTreeFileSystem(str(path), fs.LocalFileSystem())
        self._root = "run"
        self._is_local = False
        self._filesystem.create_dir("run/a/b", recursive=True)

    def write(self, name, file_bytes):
        # A store needs no folders.
        self._filesystem.create_dir(f"run/{name}".rpartition("/")[0], recursive=True)
        super().write(name, file_bytes)


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


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_is_said_and_leaves_the_old_file_and_nothing_half(tmp_path, monkeypatch, step):
    folder = Folder(tmp_path)
    folder.write("a/x", b"old")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, step, full)
    with pytest.raises(StoppedError, match=r"a/x: the disk is full; free some space, .* --resume"):
        folder.write("a/x", b"new")
    assert folder.read("a/x") == b"old"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["x"]


FILL = """
import sys
from smt.errors import StoppedError
from smt.storage import Folder
folder, written = Folder(sys.argv[1]), 0
try:
    while written < 100:
        folder.write(f"{written}.bin", bytes(10_000))
        written += 1
except StoppedError as error:
    print(error)
print(written, len(folder.list()), sum(len(folder.read(name)) for name in folder.list()))
"""


def test_a_file_system_without_room_takes_whole_files_alone(tmp_path):
    """64 KiB in memory, in name spaces of the process's own: the disk is really full."""
    mounted = f"mount -t tmpfs -o size=64k tmpfs {tmp_path} && exec {sys.executable} -c"
    command = ["unshare", "-Urm", "sh", "-c", f'{mounted} "$0" {tmp_path}/run', FILL]
    if subprocess.run(["unshare", "-Urm", "true"], capture_output=True).returncode:
        pytest.skip("this system lends no name spaces; the test above patches the disk instead")
    done = subprocess.run(command, capture_output=True, text=True)
    assert "bin: the disk is full; free some space" in done.stdout, done.stderr
    written, there, size = map(int, done.stdout.splitlines()[-1].split())
    assert 0 < written < 7
    assert (there, size) == (written, written * 10_000)


def test_a_file_that_the_system_refuses_is_named_with_the_reason(tmp_path):
    folder = Folder(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(StoppedError, match="big: cannot be written: File too large; mend that"):
            folder.write("big", bytes(10_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_a_folder_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    refused = pytest.raises(InputError, match=r"file/run: cannot be written to: .* another --out")
    with refused, Folder(tmp_path / "file" / "run").claimed():
        pass


OUT = ["../x", "a/../../x", "/x", "a//x", ".", "..", "", "a/", "./x", "a\0b"]


@pytest.mark.parametrize("name", OUT)
def test_a_name_that_leads_out_of_the_folder_is_refused(folder, name):
    for refused in (lambda: folder.write(name, b"1"), lambda: folder.clear(name)):
        with pytest.raises(InputError, match="is no name of a file in it"):
            refused()
    assert folder.list() == []


@given(name=st.lists(st.sampled_from(["..", ".", "", "a", "/", "b.c", "\\", "~"])).map("/".join))
def test_a_name_is_refused_or_its_file_is_in_the_folder(name, tmp_path_factory):
    top = tmp_path_factory.mktemp("top")
    folder = Folder(top / "run")
    try:
        folder.write(name, b"1")
    except InputError:
        assert list(top.iterdir()) == []
    else:
        assert [path.name for path in top.iterdir()] == ["run"]
        assert folder.read(name) == b"1"


def test_clearing_a_subfolder_leaves_the_others(folder):
    for name in ("a/1", "a/b/2", "c"):
        folder.write(name, b"")
    folder.clear("a")
    folder.clear("nowhere")
    assert folder.list() == ["c"]


def test_a_subfolder_moves_in_place_of_another(folder):
    for name in ("a/b/1", "a/b/2", "a/old"):
        folder.write(name, name.encode())
    folder.move("a/b", "c")
    folder.write("a/3", b"a/3")
    assert {name: folder.read(name) for name in folder.list()} == {
        "a/3": b"a/3",
        "a/old": b"a/old",
        "c/1": b"a/b/1",
        "c/2": b"a/b/2",
    }
    folder.move("a", "c")
    assert folder.list() == ["c/3", "c/old"]


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


@pytest.mark.parametrize("location", [str, Path.as_uri])
def test_what_is_there_is_not_created_again(location, tmp_path):
    folder = Folder(location(tmp_path))
    folder.create("a/b", b"first")
    with pytest.raises(InputError, match="a/b: is there already"):
        folder.create("a/b", b"second")
    assert folder.read("a/b") == b"first"


def test_a_folder_lists_what_is_right_in_it(tmp_path):
    folder = Folder(tmp_path)
    for name in ("top.yaml", "one/v1.yaml", "one/deep/v2.yaml", "two/v1.yaml"):
        folder.write(name, b"")
    assert folder.subfolders() == ("one", "two")
    assert folder.list("one", ".yaml", recursive=False) == ["one/v1.yaml"]
    assert Folder(tmp_path / "none").subfolders() == ()
