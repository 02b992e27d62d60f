import importlib

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch import nn

from smt.data import Log, Range, open_log
from smt.data.schema import Schema, Weight
from smt.data.simulator import Simulator, SimulatorSpec
from smt.errors import InputError
from smt.fleet import ServingLimits
from smt.layers.tables import PooledTables
from smt.techniques import catalogue
from smt.template import count_flops
from smt.template.template import WarmupCosine
from smt.training import DivergedError, Workers, paired_delta, train
from smt.training.metrics import entropy, example_losses

# The package exports a function of the module's name.
training = importlib.import_module("smt.training.train")

POINTS = {
    "dcn_v2": {"layers": 2, "rank": 16, "keep_dot": True},
    "layer_norm_residual_mlp": {"width": 64, "depth": 2},
    "position_weighted_pooling": {"max_positions": 8, "half_life": 5.0},
    "frequency_gated_ids": {"prior_count": 2.0},
    "lr_warmup_cosine": {"warmup": 0.1, "peak": 2.0, "final": 0.1},
    "label_smoothing": {"smoothing": 0.05},
}
TECHNIQUES = pytest.mark.parametrize("name", sorted(POINTS))


class ReachedError(Exception):
    pass


@pytest.fixture(scope="module")
def baseline(small_template, small_model, small_log):
    return train(small_template, small_model, small_log)


@pytest.fixture
def starting_values(monkeypatch, small_model, small_log):
    """(template, seed) -> every value of the network that training starts from."""

    def find(template, seed=0):
        def stop(network, *rest):
            values.update({k: v.detach().clone() for k, v in network.state_dict().items()})
            raise ReachedError

        values = {}
        monkeypatch.setattr(training, "_fit", stop)
        with pytest.raises(ReachedError):
            train(template, small_model, small_log, seed=seed)
        return values

    return find


@pytest.fixture
def read_examples(monkeypatch):
    """What was read: a list of windows, each a list of batches."""
    windows = []
    read = training.read_batches

    def spy(*args, **options):
        batches = []
        windows.append(batches)
        for batch in read(*args, **options):
            batches.append(batch)
            yield batch

    monkeypatch.setattr(training, "read_batches", spy)
    return windows


@pytest.fixture
def trained_network(monkeypatch):
    """A list that holds the network of the latest `train`, and its values before."""
    kept = []
    put = training.parallelize

    def spy(network, *rest):
        kept[:] = [network, {k: v.detach().clone() for k, v in network.state_dict().items()}]
        return put(network, *rest)

    monkeypatch.setattr(training, "parallelize", spy)
    return kept


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


@TECHNIQUES
def test_a_technique_starts_from_the_baselines_values_wherever_both_have_them(
    name, starting_values, small_template
):
    before = starting_values(small_template, seed=3)
    after = starting_values(catalogue[name].apply(small_template, POINTS[name]), seed=3)
    shared = [key for key in before if key in after and before[key].shape == after[key].shape]
    assert sum("embedding_bags" in key for key in shared) == 13
    assert {"head.weight", "head.bias"} & set(shared)
    for key in shared:
        assert torch.equal(before[key], after[key]), key
    other = starting_values(small_template, seed=4)
    tables = [key for key in shared if "embedding_bags" in key]
    assert not any(torch.equal(before[key], other[key]) for key in tables)


@TECHNIQUES
def test_a_technique_sees_the_baselines_examples_in_the_same_order(
    name, read_examples, small_template, small_model, small_log
):
    for template in (small_template, catalogue[name].apply(small_template, POINTS[name])):
        train(template, small_model, small_log)
    base_train, base_test, other_train, other_test = read_examples
    for ours, theirs in ((base_train, other_train), (base_test, other_test)):
        for left, right in zip(ours, theirs, strict=True):
            assert torch.equal(left.ids.values(), right.ids.values())
            assert torch.equal(left.labels, right.labels)
            assert torch.equal(left.numeric.nan_to_num(), right.numeric.nan_to_num())
            assert torch.equal(
                left.id_lists["history"].values(), right.id_lists["history"].values()
            )
    items = torch.cat([batch.ids["item"].values() for batch in base_train])
    assert items.tolist() == small_log.train["item"].to_pylist()


@TECHNIQUES
def test_a_technique_changes_what_is_learnt(name, baseline, small_template, small_model, small_log):
    found = train(catalogue[name].apply(small_template, POINTS[name]), small_model, small_log)
    assert np.isfinite(found.losses).all()
    assert not np.array_equal(found.losses, baseline.losses)


def test_the_first_prediction_is_the_base_rate(starting_values, small_template, small_log):
    bias = starting_values(small_template)["head.bias"]
    rate = small_log.train["click"].to_numpy().mean()
    assert torch.sigmoid(bias).item() == pytest.approx(rate, rel=1e-5)


@pytest.mark.parametrize("name", ["frequency_gated_ids", None])
def test_tables_never_have_a_dense_gradient_and_only_touched_rows_change(
    name, trained_network, small_template, small_model, small_log
):
    template = small_template.change("data", train_rows=256)
    if name is not None:
        template = catalogue[name].apply(template, POINTS[name])
    train(template, small_model, small_log)
    network, before = trained_network
    pooled = [module for module in network.modules() if isinstance(module, PooledTables)]
    assert len(pooled) == 2
    for tables in pooled:
        assert all(weight.grad is None for weight in tables.tables.parameters())
        assert all(weight.grad is None for weight in tables.tables.state_dict().values())
    assert network.head.weight.grad is not None
    seen = small_log.train.slice(len(small_log.train) - 256)
    after = network.state_dict()
    for feature, where, ids in (
        ("user", "ids", seen["user"].to_pylist()),
        ("item", "ids", seen["item"].to_pylist()),
        ("history", "id_lists", [each for row in seen["history"].to_pylist() for each in row]),
    ):
        key = f"representation.{where}.tables.embedding_bags.{feature}.weight"
        changed = (before[key] != after[key]).any(dim=1)
        assert set(changed.nonzero().flatten().tolist()) == set(ids)
        assert len(set(ids)) < len(changed)


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


@pytest.mark.parametrize("asked", [100, 3000, 10**6])
def test_train_rows_keeps_the_latest_rows(
    asked, read_examples, small_template, small_model, small_log
):
    outcome = train(small_template.change("data", train_rows=asked), small_model, small_log)
    kept = min(asked, len(small_log.train))
    assert outcome.train_rows == kept
    items = torch.cat([batch.ids["item"].values() for batch in read_examples[0]])
    assert items.tolist() == small_log.train["item"].to_pylist()[-kept:]


def test_label_smoothing_moves_labels_towards_the_base_rate_in_training_only(
    monkeypatch, read_examples, small_template, small_model, small_log
):
    seen = []
    weigh = training._weighted_loss
    monkeypatch.setattr(
        training,
        "_weighted_loss",
        lambda logits, labels, *rest: seen.append(labels) or weigh(logits, labels, *rest),
    )
    model = small_model.model_copy(update={"events": ("view", "click")})
    train(small_template.change("data", label_smoothing=0.2), model, small_log)
    rates = np.array([small_log.train[event].to_numpy().mean() for event in model.events])
    for labels, batch in zip(seen, read_examples[0], strict=True):
        expected = 0.8 * batch.labels.numpy() + 0.2 * rates
        np.testing.assert_allclose(labels.numpy(), expected, rtol=1e-5)
    assert set(torch.cat([batch.labels for batch in read_examples[1]]).unique().tolist()) == {0, 1}


def test_a_schedule_scales_the_rates_of_both_parts(small_template, small_model, small_log):
    double = WarmupCosine(warmup=0.0, peak=2.0, final=1.0)
    scheduled = small_template.change("training", schedule=double)
    faster = small_template.change("training", dense_rate=0.004, table_rate=0.1)
    first, second = (train(each, small_model, small_log) for each in (scheduled, faster))
    assert np.array_equal(first.losses, second.losses)


def test_ne_is_the_mean_over_events_and_of_the_losses(small_template, small_model, small_log):
    model = small_model.model_copy(update={"events": ("view", "click")})
    found = train(small_template, model, small_log)
    assert list(found.metrics) == ["view", "click"]
    mean = np.mean([each.ne for each in found.metrics.values()])
    assert found.ne == pytest.approx(mean, rel=1e-6)
    assert found.losses.dtype == np.float32
    assert found.losses.mean(dtype=np.float64) == found.ne
    assert len(found.losses) == len(small_log.test)


def weighted_log(log, train_weights, test_weights):
    schema = Schema(columns={**log.schema.columns, "w": Weight()})
    train_rows = log.train.append_column("w", pa.array(train_weights, pa.float32()))
    test_rows = log.test.append_column("w", pa.array(test_weights, pa.float32()))
    return Log(schema, train_rows, test_rows, "")


def test_equal_weights_change_nothing_but_rounding(
    baseline, small_template, small_model, small_log
):
    sizes = len(small_log.train), len(small_log.test)
    log = weighted_log(small_log, *(np.full(size, 3.0) for size in sizes))
    assert train(small_template, small_model, log).ne == pytest.approx(baseline.ne, rel=1e-3)


def test_test_rows_count_by_their_weight(baseline, small_template, small_model, small_log):
    weights = np.random.default_rng(0).gamma(1.0, size=len(small_log.test))
    log = weighted_log(small_log, np.ones(len(small_log.train)), weights)
    found = train(small_template, small_model, log)
    assert found.ne == pytest.approx(np.average(baseline.losses, weights=weights), rel=1e-4)
    assert found.metrics["click"].ne == pytest.approx(found.ne, rel=1e-6)


def test_training_rows_of_weight_zero_teach_nothing(small_template, small_model, small_log):
    half = len(small_log.train) // 2
    weights = np.r_[np.zeros(half), np.ones(len(small_log.train) - half)]
    log = weighted_log(small_log, weights, np.ones(len(small_log.test)))
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
    floor = example_losses(np.log(truth) - np.log1p(-truth), labels)
    floor /= entropy(found.metrics["view"].base_rate)
    gain, sem = paired_delta(floor, found.losses)
    assert gain < 3 * sem
    assert found.ne > floor.mean() - 0.01


def test_modules_are_in_evaluation_mode_when_they_are_judged(
    trained_network, small_template, small_model, small_log
):
    train(small_template, small_model, small_log)
    network, _ = trained_network
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm1d)]
    assert [int(norm.num_batches_tracked) for norm in norms] == [13]
    assert not network.training
