"""What names a cluster, and does not lead to one. No Ray is started here."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from smt.errors import InputError
from smt.execution.address import check_address, one_try

# As Ray spells it.
TRIES = "RAY_gcs_server_port_wait_time_s"
SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"


@contextmanager
def server(reply: bytes) -> Iterator[int]:
    """A server that answers whatever it is told with `reply`; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(100)
                connection.sendall(reply)

        thread = threading.Thread(target=answer)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(10)


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch, tmp_path):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("http://localhost:8265", "where jobs are submitted"),
        ("https://ray.example/jobs", "where jobs are submitted"),
        ("ray://head:10001", "a Ray client's"),
        ("head", "no HOST:PORT"),
        ("head:port", "no HOST:PORT"),
        ("head:99999", "no HOST:PORT"),
        (":6379", "no HOST:PORT"),
    ],
)
def test_an_address_of_another_kind_is_refused(monkeypatch, address, reason):
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(InputError, match=f"^RAY_ADDRESS is '{address}', .*{reason}.*unset it"):
        check_address()


def test_an_address_where_nothing_listens_is_refused_soon(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
    start = time.monotonic()
    with pytest.raises(InputError, match=rf"{port}', where no Ray cluster answers \(Connection re"):
        check_address()
    assert time.monotonic() - start < 15


@pytest.mark.parametrize("reply", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"-ERR unknown\r\n", b""])
def test_an_address_where_something_else_listens_is_refused(monkeypatch, reply):
    with server(reply) as port:
        monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
        with pytest.raises(InputError, match="where something else than a Ray cluster answers"):
            check_address()


def test_an_address_where_a_head_may_be_is_taken(monkeypatch):
    with server(SETTINGS) as port:
        monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
        assert check_address() == f"127.0.0.1:{port}"


def test_no_address_leaves_the_choice_to_ray(monkeypatch):
    for address in ("", "auto", "local"):
        monkeypatch.setenv("RAY_ADDRESS", address)
        assert check_address() is None


def test_a_cluster_that_is_gone_is_named_by_what_it_left(monkeypatch, no_cluster):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (no_cluster / "ray").mkdir()
    (no_cluster / "ray" / "ray_current_cluster").write_text(f"127.0.0.1:{port}\n")
    with pytest.raises(
        InputError, match=f"ray start.*left the address '127.0.0.1:{port}'.*`ray st"
    ):
        check_address()
    monkeypatch.setenv("RAY_ADDRESS", "local")
    assert check_address() is None


def test_what_ray_is_told_is_forgotten_after(monkeypatch):
    monkeypatch.delenv(TRIES, raising=False)
    with one_try():
        assert os.environ[TRIES] == "1"
    assert TRIES not in os.environ
    monkeypatch.setenv(TRIES, "7")
    with one_try():
        assert os.environ[TRIES] == "7"
    assert os.environ[TRIES] == "7"


def test_ray_that_cannot_start_says_what_to_set(tmp_path):
    (tmp_path / "file").write_text("")
    long = tmp_path / ("a" * 80)
    long.mkdir()
    settings = [
        (
            {"RAY_ADDRESS": "auto", "RAY_TMPDIR": str(tmp_path)},
            "RAY_ADDRESS is 'auto', and no Ray cluster runs",
        ),
        ({"RAY_TMPDIR": str(long)}, f"RAY_TMPDIR is '{long}', too long for Ray's sockets by "),
        ({"RAY_TMPDIR": str(tmp_path / "file")}, "Ray cannot start on this machine: .*RAY_TMPDIR"),
    ]
    code = (
        "import functools, os, re, ray\n"
        "from smt.errors import InputError\n"
        "from smt.execution.cluster import connect\n"
        # Ray looks through this machine's processes, among which another test's cluster may be.
        "ray._private.services.find_gcs_addresses = functools.cache(lambda: set())\n"
        f"for setting, said in {settings!r}:\n"
        "    os.environ.update(setting)\n"
        "    try:\n"
        "        connect()\n"
        "    except InputError as error:\n"
        "        assert re.match(said, str(error)), error\n"
        "        assert '\\n' not in str(error)\n"
        "        assert not ray.is_initialized()\n"
        "    else:\n"
        "        raise AssertionError(setting)\n"
        "    for name in setting:\n"
        "        del os.environ[name]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
