"""A cluster whose nodes come when something waits for them and go after it: `pytest -m slow`.

Ray's own autoscaler decides; nodes are processes of this machine (Ray's fake node provider).
"""

import re
from contextlib import suppress

import psutil
import pytest
import yaml
from disturbance import driver, wait_for
from launches import rows_of
from ray._common.network_utils import find_free_port
from ray.autoscaler._private.fake_multi_node.node_provider import (
    FAKE_HEAD_NODE_ID,
    FakeMultiNodeProvider,
)
from ray.cluster_utils import Cluster
from ray.util import get_node_ip_address
from scripts import FLEET

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SCRIPT = "instantiate.py"


def config(port):
    """A head without CPUs, and at most two nodes of two CPUs each."""
    groups = {
        "ray.head.default": {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0},
        "cpu": {
            "resources": {"CPU": 2, "object_store_memory": 150 * 2**20},
            "node_config": {},
            "min_workers": 0,
            "max_workers": 2,
        },
    }
    return {
        "cluster_name": "growing",
        "max_workers": 2,
        "upscaling_speed": 2.0,
        "idle_timeout_minutes": 0.1,
        "provider": {
            "type": "external",
            "module": f"{FakeMultiNodeProvider.__module__}.{FakeMultiNodeProvider.__name__}",
            "use_node_id_as_ip": True,
            "launch_multiple": True,
            "head_node_id": FAKE_HEAD_NODE_ID,
            "disable_node_updaters": True,
            "disable_launch_config_check": True,
            "gcs_address": f"{get_node_ip_address()}:{port}",
        },
        "available_node_types": groups,
        "head_node_type": "ray.head.default",
        # Of a machine that is set up; these are processes.
        "auth": {},
        "docker": {},
        "file_mounts": {},
        "cluster_synced_files": [],
        "initialization_commands": [],
        "setup_commands": [],
        "head_setup_commands": [],
        "worker_setup_commands": [],
        "head_start_ray_commands": [],
        "worker_start_ray_commands": [],
    }


@pytest.fixture(scope="module")
def growing(tmp_path_factory):
    port = find_free_port()
    path = tmp_path_factory.mktemp("growing") / "cluster.yaml"
    path.write_text(yaml.safe_dump(config(port)))
    head = {
        "num_cpus": 0,
        "include_dashboard": False,
        "object_store_memory": 150 * 2**20,
        "gcs_server_port": port,
        "autoscaling_config": str(path),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_FAKE_CLUSTER", "1")
        patch.setenv("AUTOSCALER_UPDATE_INTERVAL_S", "1")
        patch.setenv("RAY_OVERRIDE_NODE_ID_FOR_TESTING", FAKE_HEAD_NODE_ID)
        patch.setenv("RAY_CLOUD_INSTANCE_ID", FAKE_HEAD_NODE_ID)
        # What `ray up` starts; `Cluster` would not.
        patch.setenv("RAY_enable_autoscaler_v2", "1")
        cluster = Cluster(initialize_head=True, head_node_args=head)
    (monitor,) = cluster.head_node.all_processes["monitor"]
    yield cluster
    # Nodes that it added are its children, and would stay.
    added = psutil.Process(monitor.process.pid).children(recursive=True)
    cluster.shutdown()
    for process in added:
        with suppress(psutil.NoSuchProcess):
            process.kill()


@pytest.fixture
def on_growing(growing, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", growing.address)
    return growing


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    fleet = tmp_path_factory.mktemp("fleet") / "fleet.yaml"
    fleet.write_text(FLEET)
    version = ("--template", "sparsenn_small", "--version", "1", "--baseline", "none")
    return [*map(str, ("--fleet", fleet, *version))]


def nodes_beside_the_head(cluster):
    return sum(node["Alive"] for node in cluster.global_state.node_table()) - 1


@pytest.mark.parametrize(
    "more",
    [("--warm-workers", 2), ("--workers", 2, "--strategy", "fsdp", "--concurrent-runs", 2)],
    ids=["warm", "wide"],
)
def test_a_cluster_grows_from_nothing_for_a_launch_and_shrinks_after_it(
    more, on_growing, options, tmp_path
):
    wait_for(lambda: nodes_beside_the_head(on_growing) == 0)
    with driver(SCRIPT, "--out", tmp_path / "out", *options, *more) as started:
        wait_for(lambda: nodes_beside_the_head(on_growing) > 0 or started.poll() is not None)
        _, said = started.communicate(timeout=400)
    assert started.returncode == 0, said
    assert [row["outcome"] for row in rows_of(tmp_path / "out")] == ["ships"] * 3
    wait_for(lambda: nodes_beside_the_head(on_growing) == 0)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ((), "the cluster has none now. .* say how many workers to wait for: warm_workers"),
        (("--workers", 2), "has 0 CPUs. .* say how many runs to wait for: concurrent_runs"),
    ],
)
def test_nothing_grows_unless_it_is_said_how_many_wait(more, said, on_growing, options, tmp_path):
    with driver(SCRIPT, "--out", tmp_path / "out", *options, *more) as started:
        _, error = started.communicate(timeout=60)
    assert started.returncode == 2
    assert re.search(said, error), error
    assert not (tmp_path / "out").exists()
    assert nodes_beside_the_head(on_growing) == 0
