from dataclasses import replace

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from smt.data.schema import Schema
from smt.data.simulator import SimulatorSpec
from smt.errors import InputError
from smt.fleet import SimulatedLog, load_fleet
from smt.fleet.draft import draft_models, write_fleet
from smt.fleet.draft_frame import draft_frame
from smt.fleet.fleet_file import (
    ConstraintEntry,
    DraftPlan,
    DraftRule,
    FleetFile,
    FleetFrame,
    ModelEntry,
    StageEntry,
    SurfaceEntry,
    load_frame,
)

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


def frame_of(small_log_path, **plan):
    stages = {"ranking": StageEntry(features=("user", "item"))}
    return FleetFrame(
        name="drafted",
        log=str(small_log_path),
        stages={**stages, "retrieval": StageEntry(features=("user", "item"))},
        surfaces={"all": SurfaceEntry(), "feed": SurfaceEntry(filter={"surface": 0})},
        data_constraints={
            "full": ConstraintEntry(),
            "clicked": ConstraintEntry(filter={"click": 1}),
            "one": ConstraintEntry(filter={"surface": 1}),
        },
        draft=DraftPlan(**plan),
    )


def test_every_combination_with_enough_positives_and_negatives_is_a_model(
    small_log, small_log_path
):
    fleet = draft_models(frame_of(small_log_path, min_positives=50))
    test = small_log.test.to_pandas()
    expected = {}
    for surface, at in (("all", test), ("feed", test[test.surface == 0])):
        for constraint, rows in (
            ("full", at),
            ("clicked", at[at.click == 1]),
            ("one", at[at.surface == 1]),
        ):
            if (surface, constraint) == ("feed", "one"):
                continue
            for event in small_log.schema.events:
                if min(rows[event].sum(), (1 - rows[event]).sum()) >= 50:
                    for stage in ("ranking", "retrieval"):
                        expected[f"{event}/{surface}/{stage}/{constraint}"] = len(rows) / 1000
    assert {model.name: model.weight for model in fleet.models} == expected


def test_a_plan_says_which_events_go_together_and_where(small_log_path):
    rules = (
        DraftRule(events=("click", "like"), stages=("ranking",), data_constraints=("full",)),
        DraftRule(events=("conversion",), surfaces=("all",), data_constraints=("clicked",)),
    )
    fleet = draft_models(frame_of(small_log_path, min_positives=1, models=rules))
    assert [model.name for model in fleet.models] == [
        "click+like/all/ranking/full",
        "click+like/feed/ranking/full",
        "conversion/all/ranking/clicked",
        "conversion/all/retrieval/clicked",
    ]
    assert fleet.models[0].events == ("click", "like")


def test_a_plan_says_what_models_of_its_events_set(small_log_path):
    own = {"training.table_rate": 0.1}
    rules = (
        DraftRule(events=("click", "like"), data_constraints=("full",), hyperparameters=own),
        DraftRule(events=("click",), data_constraints=("full",)),
    )
    fleet = draft_models(frame_of(small_log_path, min_positives=1, models=rules))
    several = [model.hyperparameters for model in fleet.models if len(model.events) > 1]
    alone = [model.hyperparameters for model in fleet.models if len(model.events) == 1]
    assert several == [own] * len(several) != []
    assert alone == [{}] * len(alone) != []


def test_traffic_by_a_power_law_goes_to_models_of_many_rows_more_often(small_log_path):
    ranks = {}
    for seed in range(40):
        plan = {"min_positives": 50, "traffic_exponent": 0.5, "seed": seed}
        models = draft_models(frame_of(small_log_path, **plan)).models
        weights = sorted((model.weight for model in models), reverse=True)
        assert weights == [round(100 / rank**0.5, 3) for rank in range(1, len(models) + 1)]
        for model in models:
            ranks.setdefault(model.surface, []).append(weights.index(model.weight))
    assert np.mean(ranks["all"]) + 2 < np.mean(ranks["feed"])


def test_a_draft_without_models_is_refused_with_what_would_be_right(small_log_path):
    with pytest.raises(InputError, match=r"none of \d+ combinations has 5000 positives .* lower"):
        draft_models(frame_of(small_log_path, min_positives=5000))


def test_a_frame_is_read_from_a_file_with_or_without_models(tmp_path, small_log_path):
    frame = frame_of(small_log_path, min_positives=50)
    (tmp_path / "frame.yaml").write_text(yaml.safe_dump(frame.to_dict()))
    assert load_frame(tmp_path / "frame.yaml") == frame
    write_fleet(draft_models(frame), str(tmp_path / "fleet.yaml"))
    assert load_frame(tmp_path / "fleet.yaml") == frame


def test_a_drafted_frame_has_stages_surfaces_and_constraints_of_its_schema(small_log):
    frame = draft_frame("made", "log", small_log)
    assert [*frame.stages] == ["retrieval", "pre_ranking", "ranking"]
    assert frame.stages["ranking"].features == small_log.schema.features
    assert "history" not in frame.stages["pre_ranking"].features
    assert "user_age" not in frame.stages["retrieval"].features
    assert {*frame.surfaces} == {"all", "feed", "stories", "search", "sidebar", "video"}
    assert "user" in frame.data_constraints["no_user_features"].without
    assert "item" not in frame.data_constraints["no_user_features"].without


def test_a_log_whose_items_have_no_features_has_ranking_alone(small_log):
    columns = {
        name: kind.model_copy(update={"side": "context"}) if hasattr(kind, "side") else kind
        for name, kind in small_log.schema.columns.items()
    }
    frame = draft_frame("made", "log", replace(small_log, schema=Schema(columns=columns)))
    assert [*frame.stages] == ["ranking"]
    assert [*frame.data_constraints] == ["full"]
    assert [rule.template for rule in frame.templates] == ["sparsenn_small"]


def test_a_value_that_is_above_0_often_enough_has_models_though_it_never_is_0():
    simulator = SimulatorSpec(rows=4_000, num_users=100, num_items=80, watch_time=True)
    frame = FleetFrame(
        name="drafted",
        log=SimulatedLog(simulator=simulator),
        stages={"ranking": StageEntry(features=("user", "item"))},
        surfaces={"all": SurfaceEntry(), "viewed": SurfaceEntry(filter={"view": 1})},
        data_constraints={"full": ConstraintEntry()},
        draft=DraftPlan(min_positives=100),
    )
    names = [model.name for model in draft_models(frame).models]
    assert "watch_time/all/ranking/full" in names
    assert "watch_time/viewed/ranking/full" in names
    assert "view/all/ranking/full" in names
    assert "view/viewed/ranking/full" not in names
