"""One Ray cluster a session, a tiny fleet, and one finished run that tests look at."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
from ray._private.node import Node
from ray.cluster_utils import Cluster
from scripts import ARGUMENTS, Run, generalize

from smt.execution.cluster import connect
from smt.fleet import ModelSpec, load_fleet, load_logs, open_logs


@pytest.fixture(scope="session")
def nodes() -> Iterator[Cluster]:
    """A cluster of one node of two CPUs that scripts find too."""
    head = {
        "num_cpus": 2,
        "include_dashboard": False,
        "include_log_monitor": False,
        "object_store_memory": 256 * 2**20,
    }
    nodes = Cluster(initialize_head=True, head_node_args=head)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ADDRESS", nodes.address)
        yield nodes
    ray.shutdown()
    nodes.shutdown()


@pytest.fixture
def add_node(nodes: Cluster) -> Iterator[Callable[[int], Node]]:
    """(CPUs) -> a node more; those that a test does not lose are gone after it."""
    added = []

    def add(cpus: int) -> Node:
        added.append(nodes.add_node(num_cpus=cpus))
        return added[-1]

    yield add
    for node in added:
        if node in nodes.list_all_nodes():
            nodes.remove_node(node)


@pytest.fixture(scope="session")
def cluster(nodes: Cluster) -> str:
    """Its address."""
    return str(nodes.address)


@pytest.fixture(scope="session")
def finished_run(cluster: str, fleet_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """An undisturbed run of two techniques, three trials each, on three models."""
    out = tmp_path_factory.mktemp("runs") / "undisturbed"
    return generalize(fleet_file, out, *ARGUMENTS)


@pytest.fixture(scope="session")
def shared(cluster: str, fleet_file: Path) -> tuple[tuple[ModelSpec, ...], dict[str, list[Any]]]:
    """The fleet's models and references to its logs."""
    connect()
    fleet = load_fleet(fleet_file)
    logs = load_logs(open_logs(fleet.models), fleet.models)
    return fleet.models, {name: [ray.put(log)] for name, log in logs.items()}
