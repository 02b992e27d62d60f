import numpy as np
import pyarrow as pa
import pytest

from smt.data import write_log
from smt.data.columns import Weight
from smt.data.schema import Schema
from smt.data.simulator import Simulator, SimulatorSpec
from smt.errors import InputError
from smt.fleet import (
    Fleet,
    ModelSpec,
    SimulatedLog,
    load_logs,
    log_name,
    log_schema,
    model_columns,
    open_fleet,
    open_logs,
)


@pytest.fixture
def make(small_log_path):
    def make_model(name="m", **changes):
        values = {"events": ("click",), "features": ("user", "history"), **changes}
        values.setdefault("log", str(small_log_path))
        return ModelSpec(name=name, stage="ranking", surface="s", data_constraint="d", **values)

    return make_model


def test_a_log_that_models_share_is_opened_once(make, small_log_path):
    logs = open_logs([make("a"), make("b", events=("like",), filter={"surface": (0, 1)})])
    assert list(logs) == [str(small_log_path)]


def test_a_simulated_log_is_made_and_named_by_its_content(make):
    specs = [SimulatorSpec(rows=500, num_users=50, num_items=40, seed=seed) for seed in (0, 0, 1)]
    names = [log_name(SimulatedLog(simulator=spec)) for spec in specs]
    assert names[0] == names[1] != names[2]
    model = make(log=SimulatedLog(simulator=specs[0]), events=("view",))
    logs = open_logs([model])
    assert isinstance(logs[names[0]].train, pa.Table)


def test_columns_by_which_predictions_are_joined_are_the_logs_and_are_loaded(make):
    model = make(incumbent={"predictions": "p.parquet", "on": ("item", "time")})
    logs = open_logs([model])
    (log,) = load_logs(logs, [model]).values()
    assert "item" in log.test.column_names
    for wrong in ("itm", "item_price"):
        lost = make(incumbent={"predictions": "p.parquet", "on": ("user", wrong)})
        with pytest.raises(InputError, match=f"model 'm': unknown id or time in 'on' '{wrong}'"):
            open_logs([lost])


def test_only_the_columns_that_models_need_are_loaded_and_each_once(make, small_log_path):
    models = [make("a", filter={"region": 0}), make("b", events=("like",), features=("user",))]
    logs = open_logs(models)
    log = load_logs(logs, models)[str(small_log_path)]
    of_models = ["user", "history", "history_events", "history_times", "region"]
    # A template may learn from any event, at its delay, and weigh rows by time and surface.
    events = log.schema.events
    truths = [f"{event}_truth" for event in events]
    of_templates = [*events, *truths, "conversion_delay", "time", "surface"]
    assert sorted(log.train.column_names) == sorted([*of_models, *of_templates])
    assert log.test.column_names == log.train.column_names
    (alone,) = load_logs(logs, models[1:]).values()
    assert sorted(alone.train.column_names) == sorted(["user", *of_templates])


def test_the_weight_of_rows_is_loaded_with_them(make, small_log):
    schema = Schema(columns={**small_log.schema.columns, "w": Weight()})
    assert "w" in model_columns(make(), schema)


def test_a_logs_schema_is_known_without_its_rows(monkeypatch, small_log_path, small_log):
    monkeypatch.delattr(Simulator, "log")
    spec = SimulatorSpec(rows=4_000, num_users=300, num_items=200)
    assert log_schema(SimulatedLog(simulator=spec)) == small_log.schema
    assert log_schema(str(small_log_path)) == small_log.schema


def test_logs_that_no_model_uses_are_not_loaded(make):
    simulated = SimulatedLog(simulator=SimulatorSpec(rows=500, num_users=50, num_items=40))
    models = [make("a"), make("b", log=simulated, events=("view",))]
    assert list(load_logs(open_logs(models), models[:1])) == [models[0].log]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"events": ("clik",)}, r"model 'bad': unknown event 'clik'; did you mean 'click'"),
        ({"features": ("usr",)}, r"model 'bad': unknown feature 'usr'; did you mean 'user'"),
        ({"features": ("time",)}, "model 'bad': unknown feature 'time'"),
        ({"filter": {"srface": 1}}, "model 'bad': filter on unknown column 'srface'"),
        (
            {"filter": {"surface": 99, "hour": 3}},
            r"model 'bad': its filter \(surface = 99 and hour = 3\) leaves no rows in the training",
        ),
        (
            {"events": ("view",), "filter": {"click": 1}},
            r"model 'bad': event 'view' always happens .* \(click = 1\)",
        ),
        (
            {"filter": {"view": 0}},
            r"model 'bad': event 'click' never happens .* \(view = 0\)",
        ),
    ],
)
def test_a_model_that_does_not_fit_its_log_is_named(make, changes, message):
    with pytest.raises(InputError, match=message):
        open_logs([make("good"), make("bad", **changes)])


def test_a_filter_that_leaves_no_test_rows_is_refused(make, small_log):
    last = small_log.train["time"][-1].as_py()
    model = make("late", filter={"time": {"below": last}})
    with pytest.raises(InputError, match=r"model 'late': .* leaves no rows in the test window"):
        open_logs([model])


def test_what_clusters_rows_is_loaded_though_no_feature_is_made_of_it(make, small_log_path):
    models = [make(features=("item",))]
    log = load_logs(open_logs(models), models)[str(small_log_path)]
    assert log.schema.cluster == "user"
    assert {"user", "item"} <= {*log.test.column_names}


@pytest.mark.parametrize("window", ["training", "test"])
def test_rows_without_any_weight_are_refused_for_the_model_that_has_them(
    make, small_log, tmp_path, window
):
    schema = Schema(columns={**small_log.schema.columns, "w": Weight()})
    windows = {}
    for name, rows in (("training", small_log.train), ("test", small_log.test)):
        feed = rows["surface"].to_numpy() == 0
        weights = np.where(feed, 0, 1) if name == window else np.ones(len(rows))
        windows[name] = rows.append_column("w", pa.array(weights.astype("f4")))
    write_log(tmp_path / "log", schema, windows["training"], windows["test"])
    others = make("others", log=str(tmp_path / "log"), filter={"surface": 1})
    open_logs([others, make("all", log=str(tmp_path / "log"))])
    feed = make("feed", log=str(tmp_path / "log"), filter={"surface": 0})
    expected = rf"model 'feed': all [\d,]+ rows of the {window} window .* have a 'w' of 0"
    with pytest.raises(InputError, match=expected):
        open_logs([others, feed])


def test_an_event_that_happens_in_rows_without_weight_alone_is_refused(make, small_log, tmp_path):
    schema = Schema(columns={**small_log.schema.columns, "w": Weight()})
    windows = [
        rows.append_column("w", pa.array(1 - rows["click"].to_numpy().astype("f4")))
        for rows in (small_log.train, small_log.test)
    ]
    write_log(tmp_path / "log", schema, *windows)
    with pytest.raises(InputError, match=r"event 'click' never happens .* of any weight"):
        open_logs([make(log=str(tmp_path / "log"))])


def test_a_model_that_cannot_be_trained_on_its_rows_is_left_out_of_its_fleet_with_the_reason(make):
    models = (
        make("good", filter={"surface": (0, 1)}),
        make("empty", filter={"surface": 99}),
        make("never", filter={"view": 0}),
    )
    opened = open_fleet(Fleet(name="f", models=models))
    assert [model.name for model in opened.fleet.models] == ["good"]
    assert list(opened.unfit) == ["empty", "never"]
    empty, never = opened.remarks
    assert empty == (
        "model 'empty' is left out: its filter (surface = 99) leaves no rows in the training window"
    )
    assert never.startswith(
        "model 'never' is left out: event 'click' never happens in the training"
    )


def test_a_fleets_event_rates_are_those_of_each_models_own_training_rows(make, small_log):
    several = make("several", events=("click", "like"))
    own = make("own", events=("like",), filter={"surface": 1, "region": (0, 2)})
    opened = open_fleet(Fleet(name="f", models=(several, own)))
    train = {name: small_log.train[name].to_numpy() for name in ("click", "like")}
    rows = (small_log.train["surface"].to_numpy() == 1) & np.isin(
        small_log.train["region"].to_numpy(), (0, 2)
    )
    rates = [model.event_rates for model in opened.fleet.models]
    assert rates == [
        pytest.approx([train["click"].mean(), train["like"].mean()]),
        pytest.approx([train["like"][rows].mean()]),
    ]


def test_a_fleet_none_of_whose_models_with_traffic_can_be_trained_is_refused(make):
    models = (make("empty", filter={"surface": 99}), make("idle", weight=0.0))
    with pytest.raises(InputError, match=r"no model that has traffic .* model 'empty': its filter"):
        open_fleet(Fleet(name="f", models=models))


def test_a_value_may_be_above_0_in_all_rows_of_a_model_but_not_in_none():
    log = SimulatedLog(
        simulator=SimulatorSpec(rows=3_000, num_users=100, num_items=80, watch_time=True)
    )
    viewed = ModelSpec(
        name="viewed",
        stage="ranking",
        events=("watch_time",),
        surface="all",
        data_constraint="full",
        log=log,
        features=("user", "item"),
        filter={"view": 1},
    )
    (opened,) = open_logs([viewed]).values()
    assert "watch_time" in opened.schema.events
    (known,) = open_fleet(Fleet(name="f", models=(viewed,))).fleet.models
    assert known.event_rates is not None
    assert 0.99 < known.event_rates[0] < 1
    unseen = viewed.model_copy(update={"filter": {"view": 0}})
    with pytest.raises(InputError, match=r"event 'watch_time' never happens .* \(view = 0\)"):
        open_logs([unseen])
