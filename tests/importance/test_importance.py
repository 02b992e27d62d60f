from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from smt.data import Log, open_log
from smt.data.columns import Cross, Event, Id, Numeric, Timestamp
from smt.data.schema import Schema
from smt.data.simulator import Simulator, SimulatorSpec
from smt.errors import InputError
from smt.fleet import ModelSpec
from smt.importance.measure import (
    feature_importance,
    features_of,
    gradient_importance,
    hold_out,
    permutation_importance,
)
from smt.results.importance import ImportanceSettings
from smt.template import build
from smt.template.inputs import resolve_inputs
from smt.training import normalized_entropy, paired_delta, train_network
from smt.training.predict import judge, predict

CAUSAL = ("surface", "advertiser", "item_price", "item_duration")
NOISE = ("noise", "noise_id")


@pytest.fixture(scope="module")
def noisy_log():
    """The simulator's log with a number and an id that nothing depends on."""
    log = Simulator(SimulatorSpec(rows=16_000, num_users=300, num_items=200)).log()
    schema = Schema(columns={**log.schema.columns, "noise": Numeric(), "noise_id": Id(num_ids=9)})
    generator = np.random.default_rng(3)

    def add(table):
        table = table.append_column(
            "noise", pa.array(generator.normal(size=len(table)), pa.float32())
        )
        return table.append_column("noise_id", pa.array(generator.integers(9, size=len(table))))

    return Log(schema, add(log.train), add(log.test), "noisy")


@pytest.fixture(scope="module")
def noisy_model(small_model):
    return small_model.model_copy(update={"features": (*CAUSAL, *NOISE)})


@pytest.fixture(scope="module")
def found(small_template, noisy_model, noisy_log):
    """Both methods' rows, with many permutations."""
    table = feature_importance(
        small_template, noisy_model, noisy_log, ImportanceSettings(method="both", repeats=5)
    )
    return table.to_pylist()


@pytest.fixture(scope="module")
def trained(small_template, small_model, small_log):
    """A network that reads every kind of feature, and the events and times of steps."""
    template = small_template.change("features", event_steps=8)
    return train_network(template, small_model, small_log)


def importance(rows, method="permutation"):
    return {row["feature"]: row["importance"] for row in rows if row["method"] == method}


@pytest.mark.parametrize("method", ["permutation", "gradient"])
def test_noise_ranks_below_what_the_event_depends_on(found, method):
    values = importance(found, method)
    assert set(values) == {*CAUSAL, *NOISE}
    assert values["noise"] < values["item_price"]
    assert values["noise_id"] < min(values["surface"], values["advertiser"])


def test_permuting_noise_is_within_its_error_of_nothing_and_a_cause_is_not(found):
    rows = {row["feature"]: row for row in found if row["method"] == "permutation"}
    for name in NOISE:
        assert abs(rows[name]["importance"]) < 3 * rows[name]["sem"]
    assert rows["surface"]["importance"] > 2 * rows["surface"]["sem"]


def test_rows_say_what_was_measured(found, noisy_model):
    types = {row["feature"]: row["type"] for row in found}
    assert types["item_price"] == types["noise"] == "numeric"
    assert types["surface"] == types["noise_id"] == "id"
    assert {row["model"] for row in found} == {noisy_model.name}
    assert {tuple(row["events"]) for row in found} == {noisy_model.events}
    assert {row["seed"] for row in found} == {0}
    assert len({round(row["ne"], 6) for row in found}) == 1


@pytest.mark.parametrize(
    ("feature", "columns"),
    [
        ("user_age", ["user_age"]),
        ("item", ["item"]),
        ("item_tags", ["item_tags"]),
        ("item_content", ["item_content"]),
        ("history", ["history", "history_events", "history_times"]),
    ],
)
def test_permutation_equals_a_row_by_row_version(trained, small_model, feature, columns):
    rows = permutation_importance(
        trained, small_model, ImportanceSettings(rows=300, seed=5)
    ).to_pylist()
    by_feature = {row["feature"]: row for row in rows}
    test = trained.windows.log.test
    sample = [place * len(test) // 300 for place in range(300)]
    order = np.random.default_rng(5).permutation(300)
    permuted = [
        {
            name: test[name][sample[order[row] if name in columns else row]].as_py()
            for name in test.column_names
        }
        for row in range(300)
    ]
    assert nes(trained, test.take(sample)) == pytest.approx(by_feature[feature]["ne"])
    before, after = (
        by_feature[feature]["ne"],
        nes(trained, pa.Table.from_pylist(permuted, schema=test.schema)),
    )
    expected = 100 * (after - before) / before
    assert by_feature[feature]["importance"] == pytest.approx(expected, abs=1e-4)
    assert expected != 0


def test_the_error_of_permutation_is_clustered_by_the_user_that_a_row_was_logged_with(
    trained, small_model
):
    rows = permutation_importance(
        trained, small_model, ImportanceSettings(rows=300, seed=5)
    ).to_pylist()
    test = trained.windows.log.test
    sample = test.take([place * len(test) // 300 for place in range(300)])
    order = np.random.default_rng(5).permutation(300)
    place = sample.column_names.index("user")
    mixed = sample.set_column(place, sample.field("user"), sample["user"].take(order))
    before, after = (
        judge(predictions(trained, table), trained.windows.backgrounds(["click"]))[1]
        for table in (sample, mixed)
    )
    expected = paired_delta(before, after, sample["user"].to_numpy())[1]
    (found,) = (row["sem"] for row in rows if row["feature"] == "user")
    assert found == pytest.approx(expected, rel=1e-6)
    assert found != pytest.approx(paired_delta(before, after)[1], rel=1e-3)


def test_rows_that_repeat_within_a_cluster_leave_the_error_of_gradients_as_it_is(
    small_template, small_log, lean_model
):
    named = {"user": Id(num_ids=300), "row": Id(num_ids=4_000, cluster=True)}
    schema = Schema(columns={**small_log.schema.columns, **named})
    numbered = [
        window.append_column("row", pa.array(np.arange(len(window))))
        for window in (small_log.train, small_log.test)
    ]
    template = small_template.change("data", train_rows=512)
    trained = train_network(template, lean_model, Log(schema, *numbered, "numbered"))
    repeated = pa.concat_tables([numbered[1]] * 4)
    windows = replace(trained.windows, log=replace(trained.windows.log, test=repeated))
    once, often = (
        gradient_importance(each, lean_model, ImportanceSettings()).to_pylist()
        for each in (trained, replace(trained, windows=windows))
    )
    for alone, together in zip(once, often, strict=True):
        assert together["sem"] == pytest.approx(alone["sem"], rel=1e-4)
        assert together["importance"] == pytest.approx(alone["importance"], rel=1e-4)


def predictions(trained, table):
    windows = replace(trained.windows, log=replace(trained.windows.log, test=table))
    cpu = next(trained.reads.parameters()).device
    return predict(trained.network, trained.reads, windows, trained.correction, cpu)


def nes(trained, table):
    windows = trained.windows
    found = predictions(trained, table)
    return normalized_entropy(
        1 / (1 + np.exp(-found.logits[:, 0])),
        found.labels[:, 0],
        base_rate=windows.base_rates["click"],
    )


def test_a_window_on_disk_gives_what_it_gives_in_memory(
    small_template, small_model, small_log, small_log_path
):
    in_memory, on_disk = (
        permutation_importance(
            train_network(small_template, small_model, log),
            small_model,
            ImportanceSettings(rows=200),
        )
        for log in (small_log, open_log(small_log_path))
    )
    assert in_memory.equals(on_disk)


def test_what_the_network_does_not_read_is_not_listed_and_changes_nothing(
    small_template, small_model, small_log
):
    model = small_model.model_copy(update={"features": ("user", "item_price")})
    trained = train_network(small_template, model, small_log)
    found = permutation_importance(trained, model, ImportanceSettings())
    assert found["feature"].to_pylist() == ["item_price", "user"]
    test = small_log.test
    shuffled = test.set_column(
        test.column_names.index("item"), "item", test["item"].take(np.arange(len(test))[::-1])
    )
    windows = replace(trained.windows, log=replace(trained.windows.log, test=shuffled))
    assert permutation_importance(
        replace(trained, windows=windows), model, ImportanceSettings()
    ).equals(found)


def test_a_feature_that_is_a_label_is_not_listed(small_template, small_model, small_log):
    template = small_template.change(
        "data", auxiliary={"source": "numeric", "count": 1, "weight": 0.1}
    )
    trained = train_network(template, small_model, small_log)
    numeric = [name for name in small_model.features if name in small_log.schema.names(Numeric)]
    assert numeric[0] in trained.reads.features
    assert set(small_model.features) - {*features_of(trained.reads)} == {numeric[0]}


def test_gradients_leave_the_network_as_it_was(trained, small_model):
    before = {name: value.clone() for name, value in trained.reads.state_dict().items()}
    first = gradient_importance(trained, small_model, ImportanceSettings())
    assert all(bool((before[n] == v).all()) for n, v in trained.reads.state_dict().items())
    assert gradient_importance(trained, small_model, ImportanceSettings()).equals(first)
    assert (
        permutation_importance(trained, small_model, ImportanceSettings(rows=50))["ne"][0].as_py()
        > 0
    )


def test_the_same_seed_gives_the_same_table(small_template, small_model, small_log):
    first, second = (
        feature_importance(small_template, small_model, small_log, ImportanceSettings(seed=4))
        for _ in range(2)
    )
    assert first.equals(second)


def test_features_that_the_template_leaves_out_are_measured(small_template, small_model, small_log):
    template = small_template.change("features", selection={"id": 1, "numeric": 1})
    found = feature_importance(template, small_model, small_log, ImportanceSettings(rows=50))
    assert set(found["feature"].to_pylist()) == {*small_model.features}


@pytest.fixture(scope="module")
def parity_log():
    """An event that depends on two ids together, and on neither alone."""
    columns = {
        "left": Id(num_ids=2),
        "right": Id(num_ids=2),
        "both": Cross(of=("left", "right"), num_ids=64),
        "click": Event(),
        "time": Timestamp(),
    }
    generator = np.random.default_rng(0)
    left, right = generator.integers(2, size=(2, 4000))
    odds = np.where(left == right, 0.8, 0.2)
    table = pa.table(
        {
            "left": left,
            "right": right,
            "click": (generator.random(4000) < odds).astype(np.int8),
            "time": np.arange(4000),
        }
    )
    return Log(Schema(columns=columns), table.slice(0, 3000), table.slice(3000), "parity")


def test_a_cross_is_shuffled_alone(small_template, parity_log):
    model = ModelSpec(
        name="parity",
        stage="ranking",
        events=("click",),
        surface="all",
        data_constraint="full",
        log="parity",
        features=("left", "right", "both"),
    )
    template = small_template.change("training", batch_size=64, table_rate=0.3)
    trained = train_network(template, model, parity_log)
    rows = permutation_importance(trained, model, ImportanceSettings()).to_pylist()
    assert {row["feature"]: row["type"] for row in rows}["both"] == "transform"
    values = importance(rows)
    assert values["both"] > 10
    assert permutation_importance(trained, model, ImportanceSettings()).to_pylist() == rows


def test_what_is_held_out_is_the_end_of_the_models_own_training_rows(small_model, small_log):
    model = small_model.model_copy(update={"filter": {"surface": 0}})
    log = hold_out(model, small_log, share=0.25)
    own = pa.compute.field("surface") == 0
    mine, train, test = (each.filter(own) for each in (small_log.train, log.train, log.test))
    assert train.num_rows + test.num_rows == mine.num_rows
    assert test.num_rows == pytest.approx(0.25 * mine.num_rows, abs=5)
    for name in ("time", "item", "history"):
        assert [*train[name].to_pylist(), *test[name].to_pylist()] == mine[name].to_pylist()
    assert log.digest != small_log.digest


def test_an_event_that_never_happens_where_it_is_measured_is_refused(small_model, small_log):
    train = small_log.train
    place = train.column_names.index("click")
    never = pa.array(np.zeros(len(train)), pa.int8())
    log = replace(small_log, train=train.set_column(place, train.field("click"), never))
    with pytest.raises(InputError, match=r"'click/all': event 'click' never happens in the first"):
        hold_out(small_model, log)


def test_a_template_selects_the_most_important_of_a_type(
    small_template, noisy_model, noisy_log, found, tmp_path
):
    file = tmp_path / "importance.parquet"
    pq.write_table(pa.Table.from_pylist([r for r in found if r["method"] == "permutation"]), file)
    template = small_template.change(
        "features", selection={"importance": str(file), "id": 2, "numeric": 1}
    )
    inputs = resolve_inputs(template, noisy_model, noisy_log.schema)
    values = importance(found)
    best = sorted(("surface", "advertiser", "noise_id"), key=lambda name: -values[name])
    assert inputs.ids == tuple(name for name in noisy_model.features if name in best[:2])
    assert inputs.numeric == (
        max(("item_price", "item_duration", "noise"), key=lambda name: values[name]),
    )
    assert not {*NOISE} & {*inputs.names}
    small, whole = (
        build(each, noisy_model, noisy_log.schema).tower.representation.num_tokens
        for each in (template, small_template)
    )
    assert (small, whole) == (3, 4)
