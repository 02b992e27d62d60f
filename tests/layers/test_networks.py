"""The two paradigms, and what is only there in training."""

import math

import pytest
import torch
from made_batches import batch_of, changed, rows_of
from plain_templates import PLAIN
from torch.nn.functional import linear
from torch.special import expit

from smt.layers.examples import Examples
from smt.layers.initialize import initialize
from smt.template import build

FEATURES = (
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
    "hour",
)
EVENTS = ("click", "like")
OF_ITEM = {
    "item": 7,
    "category": 3,
    "item_price": 0.5,
    "item_tags": [1, 2],
    "item_content": [0.5] * 16,
}
OF_USER = {
    "user": 5,
    "segment": 2,
    "user_age": -0.5,
    "user_interests": [],
    "hour": 4,
    "history": [3],
    "history_events": [1],
    "history_times": [0],
}


@pytest.fixture(scope="module")
def model(small_model):
    return small_model.model_copy(update={"features": FEATURES, "events": EVENTS})


@pytest.fixture(scope="module")
def make(model, small_log):
    """(paradigm, values by part) -> an initialised network."""

    def network(paradigm="sparsenn", **parts):
        template = PLAIN[f"{paradigm}_small"]
        for part, values in parts.items():
            template = template.change(part, **values)
        built = build(template, model, small_log.schema)
        initialize(built, 0)
        return built.eval()

    return network


@pytest.fixture(scope="module")
def rows(small_log):
    return rows_of(small_log, 6)


def of(batch):
    return Examples.of(batch, training=False)


HSTU = {"kind": "hstu", "layers": 1, "heads": 1, "time_buckets": 24}
DECOUPLED = {"features": {"sequence": HSTU, "event_steps": 24}}


def test_a_users_vectors_depend_on_nothing_of_the_item_and_the_items_on_nothing_else(
    make, small_log, rows
):
    network = make("decoupled_sparsenn", **DECOUPLED)
    plain = of(batch_of(network, small_log, rows))
    user, item = network.user_vectors(plain), network.item_vectors(plain)
    assert user.shape == item.shape == (6, 2, 16)
    for name, value in OF_ITEM.items():
        other = of(batch_of(network, small_log, changed(rows, **{name: value})))
        assert torch.equal(network.user_vectors(other), user)
        assert not torch.equal(network.item_vectors(other), item), name
    for names in (("user",), ("segment",), ("user_age",), ("user_interests",), ("hour",)):
        values = {name: OF_USER[name] for name in names}
        other = of(batch_of(network, small_log, changed(rows, **values)))
        assert torch.equal(network.item_vectors(other), item)
        assert not torch.equal(network.user_vectors(other), user), names
    for moved in (OF_USER, {"time": rows[0]["time"] + 10**10}):
        other = of(batch_of(network, small_log, changed(rows, **moved)))
        assert torch.equal(network.item_vectors(other), item)
        assert not torch.equal(network.user_vectors(other), user)


def test_scores_are_dot_products_of_vectors_computed_ahead(make, small_log, rows):
    network = make("decoupled_sparsenn")
    with torch.no_grad():
        network.logits.log_scale.copy_(torch.tensor([0.3, -0.2]))
        network.logits.bias.copy_(torch.tensor([-2.0, 1.0]))
    batch = batch_of(network, small_log, rows)
    users = network.user_vectors(of(batch)).double()
    items = network.item_vectors(of(batch)).double()
    found = network(batch)
    corpus = network.logits.score(users.float(), items.float())
    for b in range(6):
        for i in range(6):
            for e, (scale, bias) in enumerate([(0.3, -2.0), (-0.2, 1.0)]):
                product = sum(u * v for u, v in zip(users[b, e], items[i, e], strict=True))
                expected = math.exp(scale) * product.item() / math.sqrt(16) + bias
                assert corpus[b, i, e].item() == pytest.approx(expected, abs=1e-5)
                if b == i:
                    assert found[b, e].item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("paradigm", ["sparsenn", "decoupled_sparsenn"])
def test_a_row_is_predicted_alike_alone_and_among_others(paradigm, make, small_log, rows):
    network = make(paradigm)
    together = network(batch_of(network, small_log, rows))
    alone = torch.cat([network(batch_of(network, small_log, [row])) for row in rows])
    torch.testing.assert_close(alone, together)


@pytest.mark.parametrize("paradigm", ["sparsenn", "decoupled_sparsenn"])
def test_auxiliary_events_are_predicted_in_training_only(paradigm, make, small_log, rows):
    network = make(paradigm, data={"auxiliary": {"source": "events", "count": 2, "weight": 0.1}})
    plain = make(paradigm)
    assert (network.events, network.auxiliary) == (EVENTS, ("view", "long_view"))
    batch = batch_of(network, small_log, rows)
    assert batch.labels.shape == (6, 4)
    assert network(batch).shape == (6, 2)
    torch.testing.assert_close(network(batch), plain(batch_of(plain, small_log, rows)))
    assert network.train()(batch).shape == (6, 4)


def test_a_chain_multiplies_probabilities_in_training_and_when_predicting(make, small_log, rows):
    network = make(architecture={"entire_space": True})
    assert network.labels == (*EVENTS, "view")
    with torch.no_grad():
        network.bias.copy_(torch.tensor([0.5, -1.0, 0.2]))
    batch = batch_of(network, small_log, rows)
    own = expit(network.meet(of(batch))[0].double())
    expected = torch.stack([own[:, 0] * own[:, 2], own[:, 1] * own[:, 2], own[:, 2]], dim=1)
    torch.testing.assert_close(expit(network(batch).double()), expected[:, :2])
    examples = of(batch)
    torch.testing.assert_close(expit(network.compute(examples)[0].double()), expected)


NUMERIC = {"data": {"auxiliary": {"source": "numeric", "count": 2, "weight": 0.1}}}


@pytest.mark.parametrize("paradigm", ["sparsenn", "decoupled_sparsenn"])
def test_numeric_targets_are_standardised_and_their_errors_the_last_column(
    paradigm, model, small_log, rows, make
):
    enough = model.model_copy(update={"features": (*FEATURES, "item_quality")})
    template = PLAIN[f"{paradigm}_small"].change("data", **NUMERIC["data"])
    network = build(template, enough, small_log.schema)
    initialize(network, 0)
    rows = [dict(row) for row in rows]
    rows[1]["user_age"] = float("nan")
    batch = batch_of(network, small_log, rows)
    hidden = network.eval().compute(of(batch))[1]
    assert network(batch).shape == (6, 2)
    predicted = linear(hidden, network.targets.predict.weight, network.targets.predict.bias)
    expected = torch.zeros(6, dtype=torch.float64)
    for place, name in enumerate(("user_age", "item_price")):
        values = torch.tensor([row[name] for row in rows], dtype=torch.float64)
        there = values[~values.isnan()]
        standard = (values - there.mean()) / there.std(unbiased=False)
        error = (predicted[:, place].double() - standard) ** 2
        expected += torch.where(values.isnan(), 0.0, error) / 2
    found = network.targets.train().errors(hidden, of(batch))
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-5)
    assert network.train()(batch).shape == (6, 3)


def test_predictions_do_not_depend_on_numeric_targets(model, small_log, rows):
    enough = model.model_copy(update={"features": (*FEATURES, "item_quality")})
    template = PLAIN["sparsenn_small"].change("data", **NUMERIC["data"])
    template = template.change("features", buckets={"count": 1, "buckets": 3})
    network = build(template, enough, small_log.schema).eval()
    plain = network(batch_of(network, small_log, rows))
    for values in ({"user_age": 3.0}, {"item_price": 3.0}):
        assert torch.equal(network(batch_of(network, small_log, changed(rows, **values))), plain)
    moved = network(batch_of(network, small_log, changed(rows, item_quality=3.0)))
    assert not torch.equal(moved, plain)


@pytest.mark.parametrize("paradigm", ["sparsenn", "decoupled_sparsenn"])
@pytest.mark.parametrize("correction", [0.0, -1.5])
def test_a_network_starts_at_its_rates_less_the_correction(paradigm, correction, make):
    network = make(paradigm)
    network.start_at({"click": 0.1, "like": 0.0}, correction)
    assert expit(network.bias + correction).tolist() == pytest.approx([0.1, 1e-7], rel=1e-4)


def test_an_event_whose_parent_never_happened_starts_near_zero(make):
    network = make(architecture={"entire_space": True})
    network.start_at({"click": 0.0, "like": 0.0, "view": 0.0})
    assert expit(network.bias.double()).tolist() == pytest.approx([1e-7] * 3, rel=1e-4)
