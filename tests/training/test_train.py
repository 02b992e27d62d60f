import numpy as np
import pyarrow as pa
import pytest
import torch
from torch import nn

from smt.data import Log, Range, open_log, write_log
from smt.data.simulator import Simulator, SimulatorSpec
from smt.errors import InputError
from smt.fleet import ServingLimits
from smt.layers.losses import CrossEntropy, entropy
from smt.layers.step_tables import StepTables
from smt.layers.tables import PooledTables
from smt.template import Float, count_flops
from smt.training import DivergedError, Workers, paired_delta, train
from smt.training.network_training import train_network

# What reads the ids of sequences one by one, and shares their table with the item's.
STEPS = {"sequence": {"kind": "target_attention", "hidden": (8,)}}


@pytest.fixture(scope="module")
def baseline(small_template, small_model, small_log):
    return train(small_template, small_model, small_log)


def test_the_same_seed_gives_the_same_losses_to_the_last_bit(
    baseline, small_template, small_model, small_log
):
    torch.rand(5)
    again = train(small_template, small_model, small_log)
    assert np.array_equal(again.losses, baseline.losses)
    assert (again.ne, again.metrics) == (baseline.ne, baseline.metrics)


def test_another_seed_gives_other_losses(baseline, small_template, small_model, small_log):
    other = train(small_template, small_model, small_log, seed=1)
    assert (other.losses != baseline.losses).mean() > 0.9


def test_a_loss_that_is_not_finite_ends_training(small_template, small_model, small_log):
    template = small_template.change("training", dense_rate=1e30, batch_size=64)
    with pytest.raises(DivergedError, match=r"training loss is not finite at step \d+ of 50"):
        train(template, small_model, small_log)


@pytest.mark.parametrize(("window", "row"), [("train", 0), ("train", -1), ("test", 5)])
def test_an_infinite_feature_is_found_wherever_it_is(
    window, row, small_template, small_model, small_log
):
    tables = {"train": small_log.train, "test": small_log.test}
    values = tables[window]["item_price"].to_numpy().copy()
    values[row] = np.inf
    position = tables[window].column_names.index("item_price")
    tables[window] = tables[window].set_column(position, "item_price", pa.array(values))
    with pytest.raises(DivergedError, match="not finite"):
        train(small_template, small_model, Log(small_log.schema, **tables, digest=""))


def test_a_vector_that_is_not_finite_is_found_where_it_is_only_judged_by(
    small_template, small_model, small_log
):
    vectors = small_log.test["item_content"].combine_chunks()
    elements = vectors.flatten().to_numpy().copy()
    elements[40] = np.nan
    position = small_log.test.column_names.index("item_content")
    changed = pa.FixedSizeListArray.from_arrays(pa.array(elements), vectors.type.list_size)
    test = small_log.test.set_column(position, "item_content", changed)
    with pytest.raises(DivergedError, match="'item_content' in the judged rows is not finite"):
        train(small_template, small_model, Log(small_log.schema, small_log.train, test, digest=""))


def test_a_network_above_its_models_flops_limit_is_refused_unless_the_template_lets_it(
    small_template, small_model, small_log
):
    flops = count_flops(small_template, small_model, small_log.schema)
    at = small_model.model_copy(update={"limits": ServingLimits(flops=flops)})
    below = small_model.model_copy(update={"limits": ServingLimits(flops=flops - 1)})
    template = small_template.change("data", train_rows=64)
    assert train(template, at, small_log).flops == flops
    with pytest.raises(InputError, match=f"needs {flops:,} FLOPs an example, the limit is"):
        train(template, below, small_log)
    free = template.change("serving", enforce_flops_limit=False)
    assert train(free, below, small_log).flops == flops


@pytest.mark.parametrize("where", [{}, {"surface": (0, 1), "hour": Range(at_least=5)}])
def test_a_log_on_disk_trains_as_the_same_log_in_memory_to_the_last_bit(
    where, small_template, small_model, small_log, small_log_path
):
    model = small_model.model_copy(update={"filter": where})
    template = small_template.change("data", train_rows=1000)
    in_memory = train(template, model, small_log)
    on_disk = train(template, model, open_log(small_log_path))
    assert np.array_equal(in_memory.losses, on_disk.losses)
    assert in_memory.train_rows == on_disk.train_rows == 1000


def test_ne_is_the_mean_over_events_and_of_the_losses(small_template, small_model, small_log):
    model = small_model.model_copy(update={"events": ("view", "click")})
    found = train(small_template, model, small_log)
    assert list(found.metrics) == ["view", "click"]
    mean = np.mean([each.ne for each in found.metrics.values()])
    assert found.ne == pytest.approx(mean, rel=1e-6)
    assert found.losses.dtype == np.float32
    assert found.losses.mean(dtype=np.float64) == found.ne
    assert len(found.losses) == len(small_log.test)


def test_equal_weights_change_nothing_but_rounding(
    baseline, small_template, small_model, small_log, weighted_log
):
    sizes = len(small_log.train), len(small_log.test)
    log = weighted_log(*(np.full(size, 3.0) for size in sizes))
    assert train(small_template, small_model, log).ne == pytest.approx(baseline.ne, rel=1e-3)


def test_test_rows_count_by_their_weight(
    baseline, small_template, small_model, small_log, weighted_log
):
    weights = np.random.default_rng(0).gamma(1.0, size=len(small_log.test))
    log = weighted_log(np.ones(len(small_log.train)), weights)
    found = train(small_template, small_model, log)
    assert found.ne == pytest.approx(np.average(baseline.losses, weights=weights), rel=1e-4)
    assert found.metrics["click"].ne == pytest.approx(found.ne, rel=1e-6)


@pytest.mark.parametrize("on_disk", [False, True])
def test_groups_are_those_of_the_examples_that_lost(
    on_disk, small_template, lean_model, small_log, weighted_log, tmp_path
):
    users = small_log.test["user"].to_numpy()
    log = weighted_log(np.ones(len(small_log.train)), users % 2)
    if on_disk:
        log = write_log(tmp_path / "log", log.schema, log.train, log.test)
    template = small_template.change("data", train_rows=256)
    features = tuple(name for name in lean_model.features if name != "user")
    changes = {"features": features, "filter": {"surface": (0, 1)}}
    found = train(template, lean_model.model_copy(update=changes), log)
    # Only users of odd ids have a weight, so only they have a loss.
    np.testing.assert_array_equal(found.groups % 2, found.losses > 0)
    assert len(found.groups) == (small_log.test["surface"].to_numpy() < 2).sum()


def test_training_rows_of_weight_zero_teach_nothing(
    small_template, small_model, small_log, weighted_log
):
    half = len(small_log.train) // 2
    weights = np.r_[np.zeros(half), np.ones(len(small_log.train) - half)]
    log = weighted_log(weights, np.ones(len(small_log.test)))
    flipped = log.train["click"].to_numpy().copy()
    flipped[:half] = 1 - flipped[:half]
    position = log.train.column_names.index("click")
    train_rows = log.train.set_column(position, log.train.field(position), pa.array(flipped))
    template = small_template.change("training", batch_size=200)
    outcomes = [
        train(template, small_model, Log(log.schema, rows, log.test, ""))
        for rows in (log.train, train_rows)
    ]
    assert np.array_equal(outcomes[0].losses, outcomes[1].losses)
    assert np.isfinite(outcomes[0].losses).all()


def test_a_batch_that_does_not_divide_among_workers_is_refused(
    small_template, small_model, small_log
):
    with pytest.raises(InputError, match="batch_size 256 does not divide among 3 workers"):
        train(small_template, small_model, small_log, workers=Workers(0, 3))


def test_a_window_of_less_than_one_batch_of_all_workers_is_refused(
    small_template, small_model, small_log
):
    template = small_template.change("data", train_rows=200)
    with pytest.raises(InputError, match="fewer rows than one batch of 256 over 2 workers"):
        train(template, small_model, small_log, workers=Workers(0, 2))


def test_a_learned_model_beats_the_base_rate_and_is_not_below_the_bayes_floor(
    small_template, small_model
):
    simulator = Simulator(SimulatorSpec(rows=40_000, num_users=1_000, num_items=400))
    log = simulator.log()
    keys = [log.test[name].to_numpy() for name in ("user", "item", "surface", "time")]
    model = small_model.model_copy(update={"events": ("view",), "features": log.schema.features})
    found = train(small_template, model, log)
    assert found.ne < 0.99
    assert found.metrics["view"].auc > 0.6
    truth = simulator.probabilities(*keys)["view"]
    labels = log.test["view"].to_numpy().astype(float)
    floor = CrossEntropy().losses(np.log(truth) - np.log1p(-truth), labels)
    floor /= entropy(found.metrics["view"].base_rate)
    gain, sem = paired_delta(floor, found.losses)
    assert gain < 3 * sem
    assert found.ne > floor.mean() - 0.01


@pytest.mark.parametrize("features", [{}, {"frequency_gate": 2.0}, STEPS])
def test_tables_never_have_a_dense_gradient_and_only_touched_rows_change(
    features, start, small_template, small_log
):
    template = small_template.change("data", train_rows=256).change("features", **features)
    course = start(template)
    before = {key: value.clone() for key, value in course.network.state_dict().items()}
    (example,) = course.examples
    course.learner.step(0, *example)
    network = course.network
    kinds = (PooledTables, StepTables)
    tables = [module for module in network.modules() if isinstance(module, kinds)]
    assert len(tables) == 2 + (features == STEPS)
    for module in tables:
        assert all(weight.grad is None for weight in module.tables.parameters())
    assert network.logits.weight.grad is not None
    seen = small_log.train.slice(len(small_log.train) - 256)
    after = network.state_dict()
    history = {each for row in seen["history"].to_pylist() for each in row}
    touched = {
        "user": set(seen["user"].to_pylist()),
        "item": set(seen["item"].to_pylist()) | (history if features == STEPS else set()),
        "history": history,
    }
    for feature, ids in touched.items():
        keys = [key for key in before if key.endswith(f".embedding_bags.{feature}.weight")]
        assert len(keys) == (feature != "history" or features != STEPS)
        for key in keys:
            changed = (before[key] != after[key]).any(dim=1)
            assert set(changed.nonzero().flatten().tolist()) == ids
            assert len(ids) < len(changed)


def test_modules_are_in_evaluation_mode_when_they_are_judged(
    small_template, small_model, small_log
):
    trained = train_network(small_template, small_model, small_log)
    norms = [each for each in trained.network.modules() if isinstance(each, nn.BatchNorm1d)]
    assert [int(norm.num_batches_tracked) for norm in norms] == [13]
    assert not trained.network.training
    assert trained.rows == 3_200


NUMERIC = {"kind": "piecewise_linear", "bins": 3, "tokens": 1}
SETTINGS = {
    "plain": {},
    "past rates": {"data": {"past_rates": {"count": 2, "prior_count": 5.0}}},
    "numeric targets": {"data": {"auxiliary": {"source": "numeric", "count": 1, "weight": 0.1}}},
    "piecewise linear": {"features": {"numeric": NUMERIC}},
}


@pytest.mark.parametrize("rows", [1, 257])
@pytest.mark.parametrize("name", SETTINGS)
def test_a_last_batch_of_a_single_row_is_learnt_from(
    name, rows, small_template, lean_model, small_log
):
    template = small_template.change("data", train_rows=rows)
    for part, values in SETTINGS[name].items():
        template = template.change(part, **values)
    model = lean_model.model_copy(update={"features": ("user", "user_age", "item_price")})
    outcome = train(template, model, small_log)
    assert outcome.train_rows == rows
    assert np.isfinite(outcome.losses).all()


def test_a_row_of_the_test_window_is_predicted_alike_whoever_is_beside_it(
    monkeypatch, baseline, small_template, small_model, small_log
):
    monkeypatch.setattr("smt.training.predict.EVALUATION_BATCH", 7)
    again = train(small_template, small_model, small_log)
    np.testing.assert_allclose(again.losses, baseline.losses, rtol=1e-4)


def test_negatives_left_out_leave_predictions_calibrated(small_template, lean_model):
    log = Simulator(SimulatorSpec(rows=12_000, num_users=300, num_items=200)).log()
    template = small_template.change("data", negative_rate=0.2)
    for events in (("view",), ("view", "click")):
        model = lean_model.model_copy(update={"events": events})
        found = train(template, model, log)
        fair = train(small_template, model, log)
        assert found.train_rows < 0.6 * fair.train_rows
        for event in events:
            own, other = found.metrics[event].calibration, fair.metrics[event].calibration
            assert own == pytest.approx(other, abs=0.12)
        assert found.metrics["view"].ne < 1.02


def test_a_model_sets_what_its_template_exposes(small_template, lean_model, small_log):
    exposed = {"training.dense_rate": Float(1e-4, 1e-1)}
    template = small_template.change("data", train_rows=512)
    open_ = template.model_copy(update={"exposed": exposed})
    model = lean_model.model_copy(update={"hyperparameters": {"training.dense_rate": 0.05}})
    changed = train(template.change("training", dense_rate=0.05), lean_model, small_log)
    assert np.array_equal(train(open_, model, small_log).losses, changed.losses)
    assert not np.array_equal(train(open_, lean_model, small_log).losses, changed.losses)
    with pytest.raises(InputError, match=r"'training\.dense_rate' is not exposed by template"):
        train(template, model, small_log)
