"""The losses of both kinds of events against scikit-learn's, and what makes them proper."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import d2_tweedie_score, log_loss, mean_tweedie_deviance

from smt.data.schema import Schema
from smt.errors import InputError
from smt.layers.event_losses import EventLosses, losses_of
from smt.layers.losses import LARGEST_LOG, Background, CrossEntropy, TweedieDeviance

POWERS = [1.1, 1.5, 1.9]
MIXED = EventLosses((CrossEntropy(), TweedieDeviance(1.5), CrossEntropy(), TweedieDeviance(1.2)))
AMOUNTS = st.floats(0, 1e6, allow_subnormal=False)


def drawn(seed=0, n=2_000):
    """Values with a mass at 0 and a heavy tail, and logs of predicted means."""
    rng = np.random.default_rng(seed)
    values = np.exp(rng.normal(1.0, 1.5, n)) * (rng.random(n) < 0.4)
    return values, np.log(values.mean()) + rng.normal(0, 0.8, n)


@pytest.mark.parametrize("power", POWERS)
def test_the_loss_of_a_value_is_scikit_learns_deviance(power):
    values, logs = drawn()
    weights = np.random.default_rng(1).random(len(values))
    found = np.average(TweedieDeviance(power).losses(logs, values), weights=weights)
    expected = mean_tweedie_deviance(values, np.exp(logs), power=power, sample_weight=weights)
    assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("power", POWERS)
def test_the_normalised_loss_is_what_scikit_learns_d2_leaves(power):
    values, logs = drawn()
    kind = TweedieDeviance(power)
    background = Background(kind, values.mean(), kind.potential(values).mean())
    found = kind.losses(logs, values).mean() / background.loss
    assert found == pytest.approx(1 - d2_tweedie_score(values, np.exp(logs), power=power))


def test_the_normalised_loss_of_an_event_is_its_log_loss_over_that_of_its_rate():
    rng = np.random.default_rng(0)
    labels, logits = (rng.random(500) < 0.2).astype(float), rng.normal(size=500)
    background = Background(CrossEntropy(), labels.mean())
    chances = torch.sigmoid(torch.from_numpy(logits)).numpy()
    constant = log_loss(labels, np.full(500, labels.mean()))
    assert background.loss == pytest.approx(constant)
    assert CrossEntropy().losses(logits, labels).mean() == pytest.approx(log_loss(labels, chances))


@given(value=st.floats(1e-6, 1e6), power=st.sampled_from(POWERS), log=st.floats(-30, 30))
def test_a_value_has_no_loss_where_it_is_predicted_and_some_elsewhere(value, power, log):
    kind = TweedieDeviance(power)
    values = np.array([value])
    at = kind.losses(kind.constants(values), values)[0]
    scale = 1 + abs(kind.potential(values)[0])
    assert abs(at) < 1e-9 * scale
    assert kind.losses(np.array([log]), values)[0] > -1e-9 * scale


@pytest.mark.parametrize("power", POWERS)
def test_the_expected_loss_of_a_value_is_least_at_its_mean(power):
    values, _ = drawn()
    best = np.log(values.mean())
    losses = [TweedieDeviance(power).losses(np.array(best + by), values).mean() for by in STEPS]
    assert np.argmin(losses) == list(STEPS).index(0.0)


STEPS = (-0.5, -0.1, -0.01, 0.0, 0.01, 0.1, 0.5)


@given(outputs=st.floats(-12, 12), label=AMOUNTS, unit=st.floats(1e-3, 1e6))
def test_what_is_minimised_has_the_gradient_of_the_deviance_in_units_of_the_mean(
    outputs, label, unit
):
    kind = TweedieDeviance(1.5)
    logs = torch.tensor([np.log(unit) + outputs], dtype=torch.float64, requires_grad=True)
    labels, units = (torch.tensor([each], dtype=torch.float64) for each in (label, unit))
    (minimised,) = torch.autograd.grad(kind.training_losses(logs, labels, units).sum(), logs)
    (judged,) = torch.autograd.grad(kind.errors(logs, labels).sum(), logs)
    assert minimised.item() == pytest.approx(judged.item() / 2 / unit**0.5, rel=1e-6, abs=1e-6)


@given(outputs=st.floats(-5, 5), first=AMOUNTS, second=AMOUNTS, share=st.floats(0, 1))
def test_what_is_minimised_is_linear_in_the_label(outputs, first, second, share):
    kind, ones = TweedieDeviance(1.5), torch.ones(1, dtype=torch.float64)

    def loss(label):
        return kind.training_losses(ones * outputs, ones * label, ones).item()

    mixed = loss(share * first + (1 - share) * second)
    assert mixed == pytest.approx(share * loss(first) + (1 - share) * loss(second), rel=1e-9)


def test_events_of_mixed_kind_have_each_their_own_loss():
    rng = np.random.default_rng(0)
    outputs, labels = (
        torch.from_numpy(rng.normal(size=(7, 4))),
        torch.from_numpy(rng.random((7, 4))),
    )
    units = torch.tensor([0.3, 2.0, 0.1, 5.0], dtype=torch.float64)
    weights = torch.from_numpy(rng.random((7, 4)))
    losses = MIXED.training_losses(outputs, labels, units)
    for place, kind in enumerate(MIXED.kinds):
        column = (each[:, place] for each in (outputs, labels))
        assert torch.equal(losses[:, place], kind.training_losses(*column, units[place]))
        assert torch.equal(MIXED.scores(outputs)[:, place], kind.scores(outputs[:, place]))
        judged = MIXED.losses(outputs.numpy(), labels.numpy())[:, place]
        np.testing.assert_allclose(judged, MIXED.errors(outputs, labels)[:, place])
    summed = MIXED.weighed_training_loss(outputs, labels, weights, units)
    assert summed.item() == pytest.approx((losses * weights).sum().item())


@pytest.mark.parametrize("kind", [CrossEntropy(), TweedieDeviance(1.5)])
def test_the_start_scores_the_means_and_a_shift_is_one_of_outputs(kind):
    means = torch.tensor([0.01, 0.3, 0.9], dtype=torch.float64)
    torch.testing.assert_close(kind.scores(kind.start(means)), means)
    np.testing.assert_allclose(kind.start(means).numpy(), kind.constants(means.numpy()))
    torch.testing.assert_close(kind.shifted(means, 0.7), kind.scores(kind.start(means) + 0.7))


def test_a_served_mean_is_finite_whatever_the_output():
    outputs = torch.tensor([-np.inf, -1e30, 0.0, 1e30, np.inf], dtype=torch.float32)
    scores = TweedieDeviance(1.5).scores(outputs)
    assert scores.isfinite().all()
    assert (scores > 0).all()
    assert scores[-1].log().item() == pytest.approx(LARGEST_LOG)


def test_equal_shares_of_a_mean_are_equally_far_apart_whatever_the_unit():
    kind, seconds = TweedieDeviance(1.5), torch.tensor([1.1, 2.0], dtype=torch.float64)
    apart = kind.comparable(seconds * (1 + 1e-6)) - kind.comparable(seconds)
    np.testing.assert_allclose(apart.numpy(), 1e-6 / 4, rtol=1e-3)
    large = seconds * 1e6
    apart = kind.comparable(large * (1 + 1e-6)) - kind.comparable(large)
    np.testing.assert_allclose(apart.numpy(), 1e-6 / 4 / large.log().numpy(), rtol=1e-3)


@pytest.mark.parametrize("value", [0.0, 3.7])
def test_a_value_that_is_always_the_same_has_nothing_to_normalise_by(value):
    kind = TweedieDeviance(1.5)
    background = Background(kind, value, kind.potential(np.array(value)).item())
    with pytest.raises(InputError, match="in all rows has no deviance to normalise by"):
        _ = background.loss


def test_a_schema_says_the_kind_and_power_of_each_label():
    columns = {"time": {"kind": "timestamp"}, "click": {"kind": "event"}}
    columns |= {"watched": {"kind": "value"}, "paid": {"kind": "value", "power": 1.2}}
    schema = Schema.parse({"columns": columns}, source="here")
    assert losses_of(schema, ["paid", "click", "watched"]).kinds == (
        TweedieDeviance(1.2),
        CrossEntropy(),
        TweedieDeviance(1.5),
    )
