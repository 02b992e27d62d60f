"""A small log with every kind of feature, in memory and on disk, and a model of it."""

import pytest
import torch
from hypothesis import settings
from scripts import FLEET
from xdist.scheduler import LoadScopeScheduling

from smt.data import write_log
from smt.data.simulator import Simulator, SimulatorSpec
from smt.fleet import ModelSpec, ServingLimits
from smt.template import load_version

torch.set_num_threads(1)
# How long an example takes is a matter of what else the machine does.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


class FilesTogether(LoadScopeScheduling):
    """Where processes share the tests, a file stays in one, and so does the cluster."""

    def _split_scope(self, nodeid):
        file = nodeid.split("::")[0]
        return "cluster" if "end_to_end" in file else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return FilesTogether(config, log)


@pytest.fixture(scope="session")
def small_simulator():
    return Simulator(SimulatorSpec(rows=4_000, num_users=300, num_items=200))


@pytest.fixture(scope="session")
def small_log(small_simulator):
    return small_simulator.log()


@pytest.fixture(scope="session")
def small_log_path(small_log, tmp_path_factory):
    """The small log on disk, in row groups of 256 rows."""
    path = tmp_path_factory.mktemp("small") / "log"
    write_log(path, small_log.schema, small_log.train, small_log.test, row_group_rows=256)
    return path


@pytest.fixture(scope="session")
def small_model(small_log):
    return ModelSpec(
        name="click/all",
        stage="ranking",
        events=("click",),
        surface="all",
        data_constraint="full",
        log="small",
        features=small_log.schema.features,
    )


@pytest.fixture(scope="session")
def lean_model(small_model):
    """Features of every type: one, and two where something is made of pairs."""
    return small_model.model_copy(
        update={
            "features": (
                "user",
                "item",
                "segment",
                "category",
                "user_age",
                "item_price",
                "user_interests",
                "item_tags",
                "item_content",
                "history",
                "surface",
            )
        }
    )


@pytest.fixture(scope="session")
def fleet_file(tmp_path_factory):
    """The tiny fleet that scripts are tried on."""
    path = tmp_path_factory.mktemp("fleet") / "tiny.yaml"
    path.write_text(FLEET)
    return path


@pytest.fixture(scope="session")
def small_template():
    """Judged frozen: what is trained on is then the log's training window, no more."""
    return load_version("sparsenn_small", 1).change("training", batch_size=256, judge="frozen")


@pytest.fixture
def wide(small_template):
    """Needs more FLOPs and more bytes than the small template."""
    return small_template.change("architecture", embedding_dim=32)


@pytest.fixture
def member(small_model):
    """A model of the small log with limits, by its name."""

    def make(name, *, features=("user", "item"), events=("click",), weight=1.0, **limits):
        update = {
            "name": name,
            "features": features,
            "events": events,
            "weight": weight,
            "limits": ServingLimits(**limits),
        }
        return small_model.model_copy(update=update)

    return make
