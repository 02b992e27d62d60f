"""Whether what names a Ray cluster does: Ray itself takes minutes to say that nothing answers."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import ray
from ray._private.utils import read_ray_address

from smt.errors import InputError

ANSWER_S = 10
"""Seconds in which a cluster's head is reached, and answers."""

# HTTP/2's preface with empty settings, and the type of the frame that answers (RFC 9113, 3.4).
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
_SETTINGS = 4
# How often Ray tries to reach a head, at 40 seconds a time; 20 by default.
_TRIES = "RAY_gcs_server_port_wait_time_s"


def check_address() -> str | None:
    """The address of the cluster that Ray will connect to; None where Ray looks for one itself.

    Raises:
        InputError: `RAY_ADDRESS`, or the file that `ray start` left, names none that answers.
    """
    said = os.environ.get("RAY_ADDRESS", "")
    if said == "local":
        return None
    if said and said != "auto":
        _require_head(said, f"RAY_ADDRESS is '{said}'", "unset it to start Ray on this machine")
        return said
    left: str | None = read_ray_address()
    if left:
        _require_head(
            left,
            f"the last `ray start` on this machine left the address '{left}'",
            "run `ray stop`, which forgets it",
        )
    return left


@contextmanager
def one_try() -> Iterator[None]:
    """Within, Ray tries once, for 40 seconds, to reach a cluster's head."""
    before = os.environ.get(_TRIES)
    os.environ[_TRIES] = before or "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_TRIES]


def _require_head(address: str, said: str, way_out: str) -> None:
    right = f"{way_out}, or give the address of a running cluster's head, as in 10.0.0.1:6379"
    if "://" in address:
        what = "a Ray client's" if address.startswith("ray://") else "where jobs are submitted"
        raise InputError(f"{said}, {what}, and a run needs a cluster's own; {right}")
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise InputError(f"{said}, which is no HOST:PORT; {right}")
    host = host.strip("[]")
    try:
        answers = _answers(host, int(port))
    except OSError as error:
        reason = error.strerror or str(error) or "no answer"
        raise InputError(f"{said}, where no Ray cluster answers ({reason}); {right}") from None
    if not answers:
        raise InputError(f"{said}, where something else than a Ray cluster answers; {right}")


def _answers(host: str, port: int) -> bool:
    """Whether a server of gRPC listens there. Raises `OSError` where nothing does."""
    # Ray goes to another of this machine's addresses where it is told the loopback.
    here = host in ("localhost", "127.0.0.1", "::1")
    try:
        connection = socket.create_connection((host, port), timeout=ANSWER_S)
    except OSError:
        if not here:
            raise
        own = ray.util.get_node_ip_address()
        connection = socket.create_connection((own, port), timeout=ANSWER_S)
    with connection:
        if os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"):
            return True
        connection.sendall(_PREFACE)
        head = connection.recv(4)
        return len(head) == 4 and head[3] == _SETTINGS
