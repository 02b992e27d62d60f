"""Networks that are judged while they learn, against networks trained anew for every batch."""

import shutil
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch

from smt.data import Schema, open_log
from smt.data.recut import recut
from smt.errors import InputError
from smt.layers.losses import CrossEntropy
from smt.layers.networks import Network
from smt.template.data import ConversionWindow, Distillation, PastRates
from smt.training import DivergedError, Workers, train
from smt.training.judged_rows import judged_rows
from smt.training.network_training import Saving, train_network
from smt.training.rows import check_workers

SIZE = 250


@pytest.fixture
def same_start(monkeypatch):
    """Networks start from the same bias, however many rows their base rates are told from."""
    start_at = Network.start_at
    monkeypatch.setattr(
        Network,
        "start_at",
        lambda self, rates, correction=0.0: start_at(self, dict.fromkeys(rates, 0.1), correction),
    )


@pytest.fixture(scope="module")
def progressive(small_template):
    return small_template.change("training", judge="progressive", batch_size=SIZE)


CHANGES = {
    "as it is": [],
    "averaged": [("training", {"ema_decay": 0.9})],
    "counting": [("data", {"past_rates": PastRates(count=2, prior_count=3.0)})],
    "taught": [
        ("data", {"distillation": Distillation(teacher="sparsenn_small", version=1, weight=0.3)})
    ],
    "of few rows": [("data", {"train_rows": 1_200})],
}


def changed(template, changes):
    for part, fields in changes:
        template = template.change(part, **fields)
    return template


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES.keys())
def test_a_batch_is_predicted_by_a_network_trained_on_the_rows_before_it(
    changes, progressive, lean_model, small_log, same_start
):
    template = changed(progressive, changes)
    rows = judged_rows(template, lean_model, small_log)
    judged = train_network(template, lean_model, small_log).judged()
    times = rows.log.test[small_log.schema.timestamp].to_numpy()
    assert len(judged.logits) == len(times)
    for place in (0, 3 * SIZE, len(times) // SIZE * SIZE - SIZE):
        until = recut(small_log, int(times[place]))
        frozen = template.change("training", judge="frozen")
        if template.data.train_rows is not None:
            frozen = frozen.change("data", train_rows=rows.history + place)
        literal = train_network(frozen, lean_model, until).judged()
        batch = slice(place, place + SIZE)
        np.testing.assert_allclose(judged.logits[batch], literal.logits[:SIZE], atol=1e-5)
        assert np.array_equal(judged.labels[batch], literal.labels[:SIZE])


def test_judging_does_not_disturb_training(progressive, lean_model, small_log, same_start):
    template = progressive.change("training", ema_decay=0.9)
    judged = train_network(template, lean_model, small_log)
    everything = pa.concat_tables([small_log.train, small_log.test])
    once = train_network(
        template.change("training", judge="frozen"),
        lean_model,
        replace(small_log, train=everything),
    )
    assert judged.rows == once.rows == len(everything)
    for name, value in once.reads.state_dict().items():
        assert torch.equal(value, judged.reads.state_dict()[name]), name


def test_a_log_on_disk_is_judged_as_in_memory(progressive, small_model, small_log, small_log_path):
    in_memory = train(progressive, small_model, small_log)
    on_disk = train(progressive, small_model, open_log(small_log_path))
    assert np.array_equal(in_memory.losses, on_disk.losses)
    assert np.array_equal(in_memory.groups, on_disk.groups)


def test_rows_of_the_model_alone_are_judged(progressive, small_model, small_log, small_log_path):
    model = small_model.model_copy(update={"filter": {"surface": 1}})
    in_memory, on_disk = (
        train(progressive, model, log) for log in (small_log, open_log(small_log_path))
    )
    count = sum(
        int((window["surface"].to_numpy() == 1).sum())
        for window in (small_log.train, small_log.test)
    )
    assert in_memory.train_rows == count
    assert len(in_memory.losses) == pytest.approx(count / 2, abs=1)
    assert np.array_equal(in_memory.losses, on_disk.losses)


def test_negatives_that_are_not_learned_from_are_judged_and_recalibrated(
    progressive, small_model, small_log
):
    template = progressive.change("data", negative_rate=0.2).change("training", batch_size=64)
    outcome = train(template, small_model, small_log)
    assert len(outcome.losses) == 2_000
    assert outcome.train_rows < 1_600
    assert outcome.metrics["click"].calibration == pytest.approx(1.0, abs=0.15)


def test_the_base_rate_is_that_of_the_rows_before_the_judged_ones(
    progressive, small_model, small_log
):
    outcome = train(progressive, small_model, small_log)
    assert outcome.metrics["click"].base_rate == small_log.train["click"].to_numpy()[:2_000].mean()


def test_late_labels_are_judged_by_what_finally_happened(progressive, small_model, late_log):
    model = small_model.model_copy(update={"events": ("conversion",)})
    window = ConversionWindow(hours=24, correction="drop")
    template = progressive.change("data", conversion_window=window)
    trained = train_network(template, model, late_log)
    rows = judged_rows(template, model, late_log)
    judged = rows.log.test["conversion"].to_numpy()
    assert np.array_equal(trained.judged().labels[:, 0], judged)
    # No row of the last day is learned from, as the log ends before its window closes.
    assert trained.rows < len(late_log.train) + len(late_log.test)


def test_rows_are_clustered_over_the_whole_judged_stretch(progressive, small_model, small_log):
    outcome = train(progressive, small_model, small_log)
    users = np.concatenate([w["user"].to_numpy() for w in (small_log.train, small_log.test)])
    assert np.array_equal(outcome.groups, users[2_000:])


@pytest.mark.parametrize("every", [5, 11])
def test_an_interrupted_training_is_judged_as_an_undisturbed_one(
    every, progressive, lean_model, small_log, tmp_path
):
    template = progressive.change("training", ema_decay=0.9)
    saved = []

    def keep(share):
        saved.append(shutil.copytree(share, tmp_path / str(len(saved))))

    undisturbed = train_network(template, lean_model, small_log, saving=Saving(every, keep))
    gone_on = train_network(
        template, lean_model, small_log, saving=Saving(every, lambda share: None, saved[0])
    )
    assert np.array_equal(gone_on.judged().logits, undisturbed.judged().logits)
    assert np.array_equal(gone_on.judged().labels, undisturbed.judged().labels)


def test_an_infinite_value_is_found_where_it_is_judged(progressive, small_model, small_log):
    values = small_log.test["item_price"].to_numpy().copy()
    values[-1] = np.inf
    place = small_log.test.column_names.index("item_price")
    field = small_log.test.schema.field("item_price")
    test = small_log.test.set_column(place, field, pa.array(values, field.type))
    with pytest.raises(DivergedError, match="'item_price' in the judged rows is not finite"):
        train(progressive, small_model, replace(small_log, test=test))


def test_a_batch_that_does_not_divide_among_workers_is_refused(progressive):
    with pytest.raises(InputError, match="batch_size 250 does not divide among 4 workers"):
        check_workers(progressive, Workers(0, 4))


def test_the_truth_is_the_loss_that_is_expected_over_labels(progressive, small_model, small_log):
    seen = train_network(progressive, small_model, small_log).judged()
    told = train_network(
        progressive.change("training", judge="truth"), small_model, small_log
    ).judged()
    assert np.array_equal(told.logits, seen.logits)
    rows = judged_rows(progressive, small_model, small_log)
    truth = rows.log.test["click_truth"].to_numpy()
    assert np.array_equal(told.labels[:, 0], truth)
    rng = np.random.default_rng(0)
    drawn = np.mean(
        [
            CrossEntropy().losses(seen.logits[:, 0], rng.random(len(truth)) < truth)
            for _ in range(4_000)
        ]
    )
    expected = CrossEntropy().losses(told.logits, told.labels).mean()
    assert drawn == pytest.approx(expected, rel=2e-3)


def test_a_log_without_the_truth_cannot_be_judged_by_it(progressive, small_model, small_log):
    columns = {
        name: column.model_copy(update={"truth": None}) if name == "click" else column
        for name, column in small_log.schema.columns.items()
    }
    log = replace(small_log, schema=Schema(columns=columns))
    with pytest.raises(InputError, match="true probability of 'click' is not known"):
        train(progressive.change("training", judge="truth"), small_model, log)
