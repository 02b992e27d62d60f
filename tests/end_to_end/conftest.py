"""One Ray cluster a session, a tiny fleet, and one finished run that tests look at."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import ray
from ray._private.node import Node
from ray.cluster_utils import Cluster
from scripts import ARGUMENTS, FLEET, Run, generalize


@pytest.fixture(scope="session")
def nodes() -> Iterator[Cluster]:
    """A cluster of one node of two CPUs that scripts find too."""
    head = {"num_cpus": 2, "include_dashboard": False, "object_store_memory": 256 * 2**20}
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
def fleet_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fleet") / "tiny.yaml"
    path.write_text(FLEET)
    return path


@pytest.fixture(scope="session")
def finished_run(cluster: str, fleet_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """An undisturbed run of two techniques, three trials each, on three models."""
    out = tmp_path_factory.mktemp("runs") / "undisturbed"
    return generalize(fleet_file, out, *ARGUMENTS)
