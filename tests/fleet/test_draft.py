import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from smt.data.simulator import Simulator, SimulatorSpec
from smt.fleet import load_fleet
from smt.fleet.draft import draft_models, write_fleet
from smt.fleet.fleet_file import ConstraintEntry, FleetFile, ModelEntry, StageEntry, SurfaceEntry

NAMES = st.sampled_from(
    ["NO", "on", "1", "1e-3", "2024-01-01", "a: b", "a #2", "null", "~", "é", "x\u2028y", "[a", "'"]
) | st.text(min_size=1, max_size=12)


def fleet_of(name: str, log: str, surface: str, constraint: str, event: str, feature: str):
    model = {"stage": "ranking", "surface": surface, "data_constraint": constraint}
    return FleetFile(
        name=name,
        log=log,
        stages={"ranking": StageEntry(features=(feature,))},
        surfaces={surface: SurfaceEntry(filter={feature: 1})},
        data_constraints={constraint: ConstraintEntry(without=(feature,))},
        models=(
            ModelEntry(name=f"{event}/{surface}", events=(event,), **model),
            ModelEntry(name=f"{event} 2", events=(event,), weight=0.001, **model),
        ),
    )


@settings(max_examples=60)
@given(names=st.tuples(*[NAMES] * 6))
def test_a_drafted_fleet_reads_back_as_itself_whatever_its_names(tmp_path_factory, names):
    path = tmp_path_factory.mktemp("fleet") / "fleet.yaml"
    fleet = fleet_of(*names)
    write_fleet(fleet, str(path))
    assert FleetFile.load(path) == fleet


def test_a_drafted_fleet_has_one_model_a_line(tmp_path):
    fleet = fleet_of("Nordics", "/data/log #2", "on", "NO", "click", "user")
    write_fleet(fleet, str(tmp_path / "fleet.yaml"))
    lines = (tmp_path / "fleet.yaml").read_text().splitlines()
    assert lines[:3] == ["name: Nordics", "log: '/data/log #2'", "stages:"]
    assert len(lines) == lines.index("models:") + 1 + len(fleet.models)
    # By any other reader of YAML too.
    assert yaml.safe_load((tmp_path / "fleet.yaml").read_text())["log"] == "/data/log #2"


def test_a_name_that_is_not_quoted_is_read_as_people_mean_it(tmp_path):
    path = tmp_path / "fleet.yaml"
    path.write_text(
        "name: x\nlog: x\nstages: {ranking: {features: [user]}}\nsurfaces: {on: {}}\n"
        "data_constraints: {NO: {}}\nmodels:\n"
        "- {name: 2024-01-01, stage: ranking, events: [yes], surface: on, data_constraint: NO}\n"
    )
    (model,) = load_fleet(path).models
    assert (model.name, model.events, model.surface, model.data_constraint) == (
        "2024-01-01",
        ("yes",),
        "on",
        "NO",
    )


def test_a_value_that_is_above_0_often_enough_has_models_though_it_never_is_0():
    simulated = Simulator(SimulatorSpec(rows=4_000, num_users=100, num_items=80, watch_time=True))
    frame = fleet_of("drafted", "log", "all", "full", "click", "user").model_copy(
        update={
            "surfaces": {"all": SurfaceEntry(), "viewed": SurfaceEntry(filter={"view": 1})},
            "data_constraints": {"full": ConstraintEntry()},
        }
    )
    drafted = draft_models(frame, simulated.log(), min_positives=100)
    names = [model.name for model in drafted.models]
    assert "watch_time/all/ranking/full" in names
    assert "watch_time/viewed/ranking/full" in names
    assert "view/all/ranking/full" in names
    assert "view/viewed/ranking/full" not in names
