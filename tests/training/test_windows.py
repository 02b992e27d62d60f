import numpy as np
import pyarrow as pa
import pytest

import smt.training.windows as windows_module
from smt.data import Log, Range, open_log
from smt.data.columns import Id, Weight
from smt.data.schema import Schema
from smt.errors import InputError
from smt.training import train
from smt.training.windows import model_windows, read_groups

FILTERS = [{}, {"surface": (0, 2)}, {"hour": Range(at_least=8), "region": 1}]


def literal_rows(table, where):
    keep = np.ones(len(table), bool)
    for name, condition in where.items():
        values = table[name].to_numpy()
        if isinstance(condition, Range):
            keep &= values >= condition.at_least
        else:
            keep &= np.isin(values, condition)
    return keep


@pytest.mark.parametrize("where", FILTERS)
@pytest.mark.parametrize("on_disk", [False, True])
def test_rows_and_base_rates_are_those_of_the_filter_in_the_training_window(
    small_log, small_log_path, small_model, where, on_disk
):
    model = small_model.model_copy(update={"filter": where, "events": ("click", "view")})
    windows = model_windows(model, open_log(small_log_path) if on_disk else small_log)
    keep = literal_rows(small_log.train, where)
    assert windows.rows == keep.sum()
    assert list(windows.base_rates) == ["click", "view"]
    times = small_log.train["time"].to_numpy()[keep]
    assert windows.end_ms == times.max()
    assert windows.rows_after(int(times[-40])) == (times > times[-40]).sum() > 0
    surfaces = small_log.train["surface"].to_numpy()[keep]
    assert windows.surface_counts.tolist() == [(surfaces == code).sum() for code in range(5)]
    for event in model.events:
        rate = windows.base_rates[event]
        assert rate == pytest.approx(small_log.train[event].to_numpy()[keep].mean())
        assert rate != pytest.approx(small_log.test[event].to_numpy().mean(), rel=1e-4)


def test_tables_are_filtered_once_and_datasets_while_they_are_read(
    small_log, small_log_path, small_model
):
    where = {"surface": (0, 2)}
    model = small_model.model_copy(update={"filter": where})
    in_memory = model_windows(model, small_log)
    assert in_memory.where is None
    assert len(in_memory.log.train) == in_memory.rows
    assert len(in_memory.log.test) == literal_rows(small_log.test, where).sum()
    on_disk = open_log(small_log_path)
    assert model_windows(model, on_disk).where == where
    assert model_windows(model, on_disk).log is on_disk


def test_base_rates_are_weighted_where_the_log_has_weights(small_log, small_model):
    weights = np.random.default_rng(0).gamma(2.0, size=len(small_log.train)).astype("float32")
    schema = Schema(columns={**small_log.schema.columns, "w": Weight()})
    train = small_log.train.append_column("w", pa.array(weights))
    windows = model_windows(small_model, Log(schema, train, train, ""))
    clicks = small_log.train["click"].to_numpy()
    assert windows.base_rates["click"] == pytest.approx((weights @ clicks) / weights.sum())
    assert windows.base_rates["click"] != pytest.approx(clicks.mean(), rel=1e-6)


@pytest.mark.parametrize("where", FILTERS)
@pytest.mark.parametrize("on_disk", [False, True])
def test_groups_are_the_users_of_the_filters_test_rows_though_the_model_reads_no_user(
    small_log, small_log_path, small_model, where, on_disk
):
    model = small_model.model_copy(update={"filter": where, "features": ("item",)})
    groups = read_groups(model, open_log(small_log_path) if on_disk else small_log)
    keep = literal_rows(small_log.test, where)
    np.testing.assert_array_equal(groups, small_log.test["user"].to_numpy()[keep])
    assert groups.dtype == np.int64


def test_a_log_without_clusters_has_no_groups(small_log, small_model):
    plain = Id(num_ids=300, side="user")
    schema = Schema(columns={**small_log.schema.columns, "user": plain})
    assert read_groups(small_model, Log(schema, small_log.train, small_log.test, "")) is None


def test_test_rows_of_one_user_are_refused(small_log, small_model):
    users, rows = np.unique(small_log.test["user"].to_numpy(), return_counts=True)
    most = int(users[rows.argmax()])
    model = small_model.model_copy(update={"filter": {"user": most}})
    message = f"model 'click/all': all {rows.max()} judged rows have the same 'user'"
    with pytest.raises(InputError, match=message):
        read_groups(model, small_log)
    other = small_model.model_copy(update={"filter": {"user": (most, int(users[rows.argmin()]))}})
    assert len(set(read_groups(other, small_log))) == 2


def test_test_rows_without_an_id_are_no_cluster(small_log, small_model):
    users = np.zeros(len(small_log.test), np.int64)
    place = small_log.test.column_names.index("user")
    test = small_log.test.set_column(place, "user", pa.array(users))
    found = read_groups(small_model, Log(small_log.schema, small_log.train, test, ""))
    assert not found.any()


@pytest.mark.parametrize("where", FILTERS)
def test_what_is_known_of_late_events_is_the_same_however_the_rows_come(
    small_log_path, small_log, small_model, where, monkeypatch
):
    model = small_model.model_copy(update={"filter": where, "events": ("click", "conversion")})
    columns = (small_log.train[name].to_numpy() for name in ("conversion", "conversion_delay"))
    happened, waits = (column[literal_rows(small_log.train, where)] for column in columns)
    times = small_log.train["time"].to_numpy()[literal_rows(small_log.train, where)]
    expected = (happened == 1) & (times + waits <= times.max())
    assert 0 < expected.sum() < happened.sum()
    for rows in (windows_module.COUNT_ROWS, 100):
        monkeypatch.setattr(windows_module, "COUNT_ROWS", rows)
        for log in (small_log, open_log(small_log_path)):
            windows = model_windows(model, log)
            found = [labels["conversion"] for labels, _ in windows.known(model.events)]
            np.testing.assert_array_equal(np.concatenate(found), expected)
            assert windows.known_rate("conversion") == pytest.approx(expected.mean(), rel=1e-12)
            assert windows.known_rate("click") == windows.base_rates["click"]


def test_rows_without_any_weight_are_refused(small_log, small_model):
    schema = Schema(columns={**small_log.schema.columns, "w": Weight()})
    train = small_log.train.append_column("w", pa.array(np.zeros(len(small_log.train), "f4")))
    with pytest.raises(InputError, match=r"'click/all': all [\d,]+ training rows have a 'w' of 0"):
        model_windows(small_model, Log(schema, train, train, ""))


@pytest.mark.parametrize("which", ["training", "test"])
@pytest.mark.parametrize("stranger", [-1, 300])
def test_an_id_in_memory_outside_its_range_is_refused(small_log, small_model, which, stranger):
    window = small_log.train if which == "training" else small_log.test
    place = window.column_names.index("user")
    users = window["user"].to_numpy().copy()
    users[-1] = stranger
    changed = window.set_column(place, "user", pa.array(users))
    windows = (changed, small_log.test) if which == "training" else (small_log.train, changed)
    message = rf"column 'user' holds the id {stranger}, which is outside \[0, 300\)"
    with pytest.raises(InputError, match=message):
        model_windows(small_model, Log(small_log.schema, *windows, ""))


def test_test_rows_without_any_weight_are_refused_before_training(
    small_log, small_model, small_template
):
    schema = Schema(columns={**small_log.schema.columns, "w": Weight()})
    train_rows = small_log.train.append_column("w", pa.array(np.ones(len(small_log.train), "f4")))
    test = small_log.test.append_column("w", pa.array(np.zeros(len(small_log.test), "f4")))
    with pytest.raises(InputError, match=r"'click/all': all [\d,]+ judged rows have a 'w' of 0"):
        train(small_template, small_model, Log(schema, train_rows, test, ""))
