"""One Ray cluster a session, a tiny fleet, and one finished run that tests look at."""

import io
import runpy
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
import ray
from ray.cluster_utils import Cluster

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "experiments" / "generalize.py"
FLEET = """
name: tiny
log: {simulator: {rows: 6000, num_users: 300, num_items: 200}}
stages:
  ranking: {features: [user, item, advertiser, user_age, item_price, item_tags, history]}
  retrieval: {features: [user, item, category], limits: {flops: 30000}}
surfaces:
  all: {}
  feed: {filter: {surface: 0}}
data_constraints:
  full: {}
models:
- {name: view-all, stage: ranking, events: [view], surface: all, data_constraint: full, weight: 3}
- {name: click-retrieval, stage: retrieval, events: [click], surface: all, data_constraint: full}
- {name: view-feed, stage: ranking, events: [view, click], surface: feed, data_constraint: full}
"""
ARGUMENTS = ["--trials", "3", "--representatives", "3", "--techniques", "label_smoothing", "dcn_v2"]


@dataclass(frozen=True)
class Run:
    out: Path
    stdout: str


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


@pytest.fixture(scope="session")
def cluster(nodes: Cluster) -> str:
    """Its address."""
    return str(nodes.address)


@pytest.fixture(scope="session")
def fleet_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fleet") / "tiny.yaml"
    path.write_text(FLEET)
    return path


def command(fleet: Path, out: Path, *options: str) -> list[str]:
    return [sys.executable, str(SCRIPT), "--fleet", str(fleet), "--out", str(out), *options]


def run_script(name: str, *arguments: str | Path) -> None:
    """Run a script of experiments/ in this process, which has loaded everything already."""
    script = str(SCRIPT.with_name(name))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [script, *map(str, arguments)])
        runpy.run_path(script, run_name="__main__")


def generalize(fleet: Path, out: Path, *options: str) -> Run:
    """A run of generalize.py."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        run_script(SCRIPT.name, "--fleet", fleet, "--out", out, *options)
    return Run(out, printed.getvalue())


@pytest.fixture(scope="session")
def finished_run(cluster: str, fleet_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """An undisturbed run of two techniques, three trials each, on three models."""
    out = tmp_path_factory.mktemp("runs") / "undisturbed"
    return generalize(fleet_file, out, *ARGUMENTS)
