"""Where training starts: initial values, base rates, and the examples that follow."""

import numpy as np
import pytest
import torch
from torch.special import expit

from smt.data import Range, open_log
from smt.techniques import catalogue
from smt.template.architecture import Cross, Dot, Parallel

DAY_MS = 86_400_000
# They change what is read, or in how many rows at once.
OTHER_ROWS = ("negative_downsampling", "smaller_batches")
FITTING = [name for name in sorted(catalogue) if "sparsenn" in catalogue[name].paradigms]
TECHNIQUES = pytest.mark.parametrize("name", FITTING)


def apply(name, template):
    technique = catalogue[name]
    theta = {
        key: domain.values[-1] if hasattr(domain, "values") else domain.low
        for key, domain in technique.space.items()
    }
    return technique.apply(template, theta)


@pytest.fixture(scope="module")
def started(start, small_template):
    return start(small_template, seed=3).network.state_dict()


@pytest.fixture(scope="module")
def read(start, small_template, lean_model):
    batches = [example[0] for example in start(small_template).examples]
    assert sum(map(len, batches)) == 3_200
    return batches


@TECHNIQUES
def test_a_technique_starts_from_the_baselines_values_wherever_both_have_them(
    name, started, start, small_template
):
    after = start(apply(name, small_template), seed=3).network.state_dict()
    shared = [key for key in started if key in after and started[key].shape == after[key].shape]
    assert "logits.bias" in shared or name in ("entire_space", "auxiliary_events")
    drawn = [key for key in shared if started[key].unique().numel() > 1]
    assert drawn
    for key in shared:
        if key != "logits.bias" or name not in ("negative_downsampling", "entire_space"):
            assert torch.equal(started[key], after[key]), key


def test_another_seed_starts_from_other_values(started, start, small_template):
    other = start(small_template, seed=4).network.state_dict()
    drawn = [key for key in started if started[key].unique().numel() > 1]
    assert not any(torch.equal(started[key], other[key]) for key in drawn)


@pytest.mark.parametrize("name", [each for each in FITTING if each not in OTHER_ROWS])
def test_a_technique_sees_the_baselines_examples_in_the_same_order(
    name, read, start, small_template
):
    theirs = [example[0] for example in start(apply(name, small_template)).examples]
    for ours, other in zip(read, theirs, strict=True):
        assert torch.equal(ours.labels[:, 0], other.labels[:, 0])
        for feature in {*ours.ids.keys()} & {*other.ids.keys()}:
            assert torch.equal(ours.ids[feature].values(), other.ids[feature].values())
        for feature in ours.id_lists.keys() & other.id_lists.keys():
            assert torch.equal(ours.id_lists[feature].values(), other.id_lists[feature].values())


def test_examples_are_the_logs_rows_in_its_order(read, small_log):
    items = torch.cat([batch.ids["item"].values() for batch in read])
    assert items.tolist() == small_log.train["item"].to_pylist()
    assert [len(batch) for batch in read] == [256] * 12 + [128]


def blank(network):
    """What the network says where what it reads does not count."""
    with torch.no_grad():
        network.logits.weight.zero_()
    return network


@pytest.mark.parametrize("events", [("click",), ("view", "hide", "like")])
def test_the_first_predictions_are_the_base_rates(
    events, start, small_template, lean_model, small_log
):
    course = start(small_template, model=lean_model.model_copy(update={"events": events}))
    batch = next(course.examples)[0]
    predicted = expit(blank(course.network).eval()(batch).double())
    rates = [small_log.train[event].to_numpy().mean() for event in events]
    torch.testing.assert_close(
        predicted, torch.tensor(rates).expand_as(predicted), rtol=1e-5, atol=0
    )


def test_in_an_entire_space_the_chained_predictions_start_at_the_base_rates(
    start, small_template, lean_model, late_log
):
    template = small_template.change("architecture", entire_space=True)
    model = lean_model.model_copy(update={"events": ("conversion", "hide")})
    course = start(template, model=model, log=late_log)
    network = blank(course.network)
    assert network.events == ("conversion", "hide")
    assert network.auxiliary == ("view", "click")
    table = late_log.train
    times = table["time"].to_numpy()
    known = table["conversion"].to_numpy() * (
        table["conversion_delay"].to_numpy() <= times[-1] - times
    )
    assert 0 < known.sum() < table["conversion"].to_numpy().sum()
    rates = [known.mean(), *(table[name].to_numpy().mean() for name in ("hide", "view", "click"))]
    batch = next(course.examples)[0]
    training = expit(network.train()(batch).double())
    torch.testing.assert_close(training, torch.tensor(rates).expand_as(training), rtol=1e-5, atol=0)
    # Of what was not chained, the product is.
    own = expit(network.bias.double())
    assert (own[0] * own[3] * own[2]).item() == pytest.approx(rates[0], rel=1e-5)
    assert network.eval()(batch).shape == (len(batch), 2)


@pytest.mark.parametrize("asked", [100, 3000, 10**6])
def test_train_rows_keeps_the_latest_rows(asked, start, small_template, small_log):
    course = start(small_template.change("data", train_rows=asked))
    kept = min(asked, len(small_log.train))
    assert course.rows == kept
    items = torch.cat([batch.ids["item"].values() for batch, *_ in course.examples])
    assert items.tolist() == small_log.train["item"].to_pylist()[-kept:]


@pytest.mark.parametrize("days", [0.5, 2.0, 1000.0])
def test_window_days_keeps_the_rows_since_then(days, start, small_template, small_log):
    course = start(small_template.change("training", window_days=days))
    times = small_log.train["time"].to_numpy()
    expected = small_log.train["item"].to_numpy()[times > times[-1] - days * DAY_MS]
    items = torch.cat([batch.ids["item"].values() for batch, *_ in course.examples])
    assert items.tolist() == expected.tolist()
    assert len(items) == course.rows > 0


def test_the_narrower_of_train_rows_and_window_days_holds(start, small_template, small_log):
    template = small_template.change("training", window_days=2.0)
    of_days = start(template).rows
    for rows in (of_days - 1, of_days + 1):
        course = start(template.change("data", train_rows=rows))
        assert course.rows == min(rows, of_days)


def test_passes_read_the_rows_again_in_the_same_order(start, small_template):
    template = small_template.change("data", train_rows=300).change("training", passes=3)
    course = start(template)
    sizes, items = [], []
    for batch, *_ in course.examples:
        sizes.append(len(batch))
        items += batch.ids["item"].values().tolist()
    assert sizes == [256, 44] * 3
    assert course.learner.steps == 6
    assert items == items[:300] * 3


@pytest.mark.parametrize("where", [{}, {"surface": (0, 1), "hour": Range(at_least=5)}])
@pytest.mark.parametrize("negative_rate", [1.0, 0.4])
def test_a_log_on_disk_gives_the_examples_of_the_same_log_in_memory(
    where, negative_rate, start, small_template, lean_model, small_log, small_log_path
):
    model = lean_model.model_copy(update={"filter": where})
    template = (
        small_template.change("data", train_rows=1000, negative_rate=negative_rate)
        .change("training", batch_size=128)
        .change("features", numeric={"kind": "piecewise_linear", "bins": 4, "tokens": 1})
    )
    courses = [
        start(template, model=model, log=each) for each in (small_log, open_log(small_log_path))
    ]
    values = [course.network.state_dict() for course in courses]
    assert all(torch.equal(values[0][key], values[1][key]) for key in values[0])
    for ours, theirs in zip(*(course.examples for course in courses), strict=True):
        assert torch.equal(ours[0].ids.values(), theirs[0].ids.values())
        assert torch.equal(ours[1], theirs[1])
        assert torch.equal(ours[2], theirs[2])


def test_bins_are_fitted_to_the_rows_that_are_trained_on(start, small_template, small_log):
    template = small_template.change(
        "features",
        numeric={"kind": "piecewise_linear", "bins": 4, "tokens": 1},
        buckets={"count": 2, "buckets": 5},
    ).change("data", train_rows=500)
    representation = start(template).network.tower.representation
    table = small_log.train.slice(len(small_log.train) - 500)
    for place, name in enumerate(("user_age", "item_price")):
        values = table[name].to_numpy()
        values = values[~np.isnan(values)]
        np.testing.assert_allclose(
            representation.numeric.boundaries[place], np.quantile(values, np.linspace(0, 1, 5))
        )
        np.testing.assert_allclose(
            representation.ids.quantile_buckets.boundaries[place],
            np.quantile(values, [0.2, 0.4, 0.6, 0.8]),
            rtol=1e-6,
        )


def test_a_stack_shares_the_first_interactions_values_with_a_shorter_one(start, small_template):
    short = small_template.change("architecture", interactions=(Cross(layers=1, rank=4),))
    long = small_template.change(
        "architecture", interactions=(Cross(layers=1, rank=4), Parallel(members=(Dot(),)))
    )
    first, second = (start(each, seed=1).network.state_dict() for each in (short, long))
    crossed = [key for key in first if ".interactions." in key]
    assert crossed
    assert all(torch.equal(first[key], second[key]) for key in crossed)
