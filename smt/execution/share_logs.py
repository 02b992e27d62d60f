"""How an evaluation gets its log: from Ray's object store, or from disk where it does not fit.

A run calls `share_logs` once. It puts every log where all nodes can read it, and returns references
by `log_name`, each in a box, which Ray does not open. The dispatcher sends a task's along to its
worker, where `smt.execution.train_run.evaluate` gets the `Log`: memory that is mapped, not copied,
or the paths of files that the worker streams.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
from rich.console import Console

from smt.data import Log
from smt.errors import InputError
from smt.fleet import ModelSpec, columns_needed

STORE_SHARE = 0.5
"""Of the smallest node's object store, for logs: losses and models need room too."""
GIB = 2**30


def find_streamed(
    logs: dict[str, Log], models: Iterable[ModelSpec], *, room: int | None = None
) -> dict[str, str]:
    """Logs on disk for which the object store has no room: workers stream them from there.

    Numbers are the same to the last bit. A simulated log has no file, so it is always in the
    store.

    Args:
        logs: By `log_name`, as `smt.fleet.open_logs` returns them.
        models: That will read them.
        room: Bytes for all logs together; `STORE_SHARE` of the smallest node's store where None.

    Returns:
        `log_name` -> why it is streamed, for people.

    Raises:
        InputError: A node of the cluster has no such file.
    """
    room = store_room() if room is None else room
    columns = columns_needed(logs, models)
    sizes = {name: logs[name].memory(needed) for name, needed in columns.items()}
    streamed = choose_streamed(sizes, {name for name in columns if logs[name].files}, room)
    for name in streamed:
        require_everywhere(logs[name])
    return {
        name: f"{name}: streamed from disk, as it takes {sizes[name] / GIB:.2f} GiB and the object "
        f"store has room for {room / GIB:.2f} GiB of logs"
        for name in streamed
    }


def share_logs(
    logs: dict[str, Log],
    models: Iterable[ModelSpec],
    streamed: Mapping[str, str],
    console: Console,
) -> dict[str, list[Any]]:
    """Put the logs that these models need where all workers of the cluster can read them.

    The columns that are needed go to the object store, where every node has them in memory
    once; of a log that is streamed, where its files are.

    Args:
        logs: By `log_name`, as `smt.fleet.open_logs` returns them.
        streamed: As `find_streamed` says; the console says it again.

    Returns:
        By `log_name`, a boxed object reference of a `Log`; logs that no model needs are left out.
    """
    for reason in streamed.values():
        console.print(reason, highlight=False, markup=False, soft_wrap=True)
    # One after the other: no two logs are in this process at once.
    return {
        name: [ray.put(logs[name] if name in streamed else logs[name].load(needed))]
        for name, needed in columns_needed(logs, models).items()
    }


def choose_streamed(sizes: Mapping[str, int], on_disk: set[str], room: int) -> list[str]:
    """Logs that stay on disk: those in memory have room first, then the smallest on disk.

    Args:
        sizes: Log -> bytes in the store.
        on_disk: Those of them that can be streamed.
    """
    left = room - sum(size for name, size in sizes.items() if name not in on_disk)
    streamed = []
    for name in sorted(on_disk, key=lambda name: (sizes[name], name)):
        if sizes[name] <= left:
            left -= sizes[name]
        else:
            streamed.append(name)
    return streamed


def store_room() -> int:
    """Bytes of logs that fit the object store of every node of the cluster."""
    stores = [node["Resources"].get("object_store_memory", 0) for node in _alive()]
    return int(STORE_SHARE * min(stores))


def _alive() -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"]]


def require_everywhere(log: Log) -> None:
    """Raise `InputError` where a node of the cluster lacks a file of a log on a local disk."""
    if not log.on_local_disk:
        return
    nodes = _alive()
    look = ray.remote(num_cpus=0)(_missing)
    asked = [
        look.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        ).remote(log.files)
        for node in nodes
    ]
    for node, missing in zip(nodes, ray.get(asked), strict=True):
        if missing is not None:
            raise InputError(
                f"{missing}: is too big for the object store, and not on node "
                f"{node['NodeManagerAddress']}; keep the log on a shared disk or under s3://, so "
                "that every node can stream it from the same path"
            )


def _missing(files: Iterable[str]) -> str | None:
    return next((file for file in files if not Path(file).is_file()), None)
