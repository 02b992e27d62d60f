"""A log that the object store has no room for is streamed, and nothing else changes."""

import io

import pytest
import ray
from rich.console import Console

import smt.execution.share_logs
from smt.data import write_log
from smt.errors import InputError
from smt.execution.cluster import ClusterPlan, connect
from smt.execution.dispatcher import start_dispatcher
from smt.execution.evaluation import Task
from smt.execution.share_logs import find_streamed, require_everywhere, share_logs
from smt.fleet import Fleet, load_fleet, open_logs
from smt.model_iteration import instantiate, launch_fleet
from smt.template import catalogue

# Minutes on two cores, which other tests need more.
pytestmark = pytest.mark.slow

TEMPLATE = catalogue["sparsenn_small"]


@pytest.fixture(scope="module")
def on_disk(cluster, fleet_file, tmp_path_factory):
    """The tiny fleet's last model, on the same log but in a folder."""
    connect()
    (simulated,) = open_logs(load_fleet(fleet_file).models).values()
    path = tmp_path_factory.mktemp("logs") / "log"
    write_log(path, simulated.schema, simulated.train, simulated.test)
    return load_fleet(fleet_file).models[-1].model_copy(update={"log": str(path)})


def numbers(record):
    return {key: value for key, value in record.items() if key not in ("seconds", "cost")}


def test_an_evaluation_finds_the_same_numbers_from_disk_as_from_the_store(on_disk, tmp_path):
    logs = open_logs([on_disk])
    found, said = [], []
    for room in (0, None):
        lines = io.StringIO()
        streamed = find_streamed(logs, [on_disk], room=room)
        shared = share_logs(logs, [on_disk], streamed, Console(file=lines, width=80))
        said.append(lines.getvalue())
        folder = str(tmp_path / str(room))
        capacity = ClusterPlan(pool=1, runs=0)
        templates = {on_disk.name: TEMPLATE}
        dispatcher = start_dispatcher(folder, f"{folder}/baselines", templates, shared, capacity)
        task = Task(template=TEMPLATE, model=on_disk, seed=1, log_digest="log")
        found.append(ray.get(dispatcher.baseline.remote(task.to_dict())))
        ray.get(dispatcher.stop.remote())
        ray.kill(dispatcher)
    assert found[0]["failure"] is None
    assert numbers(found[0]) == numbers(found[1])
    assert said[0].startswith(f"{on_disk.log}: streamed from disk, as it takes 0.0")
    assert said[0].count("\n") == 1
    assert said[1] == ""


def test_a_launch_makes_the_same_model_from_a_streamed_log(on_disk, tmp_path, monkeypatch):
    fleet = Fleet(name="one", models=(on_disk,))
    launch = launch_fleet(fleet, "sparsenn_small", baseline="none")
    quiet = Console(file=io.StringIO())
    (stored,) = instantiate(fleet, launch, out=tmp_path / "stored", console=quiet)
    monkeypatch.setattr(smt.execution.share_logs, "STORE_SHARE", 0.0)
    lines = io.StringIO()
    console = Console(file=lines)
    (streamed,) = instantiate(fleet, launch, out=tmp_path / "streamed", console=console)
    assert streamed.outcome == "ships"
    assert "streamed from disk" in lines.getvalue()
    fields = ("key", "finding", "ne", "metrics", "train_rows", "judged_rows", "constant_ne")
    for field in fields:
        found, expected = (getattr(each.evidence, field) for each in (streamed, stored))
        assert found == expected, field


def test_a_log_that_a_node_lacks_is_refused_with_the_node(cluster, small_log, tmp_path):
    connect()
    log = write_log(tmp_path / "log", small_log.schema, small_log.train, small_log.test)
    require_everywhere(log)
    (tmp_path / "log" / "test" / "part-0.parquet").unlink()
    with pytest.raises(InputError, match=r"test/part-0\.parquet: .* not on node [\d.]+; .*s3://"):
        require_everywhere(log)


def test_a_launch_whose_log_a_node_lacks_writes_nothing(on_disk, tmp_path, monkeypatch):
    monkeypatch.setattr(smt.execution.share_logs, "STORE_SHARE", 0.0)
    monkeypatch.setattr(smt.execution.share_logs, "_missing", lambda files: next(iter(files)))
    fleet = Fleet(name="one", models=(on_disk,))
    launch = launch_fleet(fleet, "sparsenn_small", baseline="none")
    with pytest.raises(InputError, match="not on node"):
        instantiate(fleet, launch, out=tmp_path / "out", console=Console(file=io.StringIO()))
    assert not (tmp_path / "out").exists()
