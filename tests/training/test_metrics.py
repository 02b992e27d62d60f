import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.metrics import log_loss, roc_auc_score
from torchrec.metrics.ne import compute_cross_entropy, compute_ne

from smt.errors import InputError
from smt.layers.losses import CrossEntropy, entropy
from smt.training import normalized_entropy, paired_delta
from smt.training.metrics import event_metrics


def draw(seed, n=4000):
    rng = np.random.default_rng(seed)
    logits = rng.normal(-1, 1, n)
    labels = (rng.random(n) < expit(logits + 0.3 * rng.normal(size=n))).astype(float)
    return logits, labels, rng.gamma(2.0, size=n)


@pytest.mark.parametrize("weighted", [False, True])
def test_normalized_entropy_is_torchrecs_where_the_base_rate_is_the_same(weighted):
    logits, labels, weights = draw(0)
    weights = weights if weighted else np.ones_like(weights)
    tensors = [torch.from_numpy(each) for each in (labels, expit(logits), weights)]
    eta = 1e-12
    positive = (tensors[2] * tensors[0]).sum()
    peer = compute_ne(
        compute_cross_entropy(*tensors, eta).sum(),
        tensors[2].sum(),
        positive,
        tensors[2].sum() - positive,
        eta,
    )
    found = normalized_entropy(
        expit(logits),
        labels,
        base_rate=float(np.average(labels, weights=weights)),
        weights=weights if weighted else None,
    )
    assert found == pytest.approx(float(peer), rel=1e-12)


def test_predicting_the_training_windows_rate_gives_one_where_the_rate_stays():
    labels = np.array([1.0] * 20 + [0.0] * 80)
    assert normalized_entropy(np.full(100, 0.2), labels, base_rate=0.2) == pytest.approx(1.0)


def test_the_training_windows_rate_normalises_and_not_the_test_windows():
    logits, labels, weights = draw(1)
    loss = log_loss(labels, expit(logits))
    for rate in (0.01, 0.3):
        expected = loss / -(rate * np.log(rate) + (1 - rate) * np.log(1 - rate))
        assert normalized_entropy(expit(logits), labels, base_rate=rate) == pytest.approx(expected)
        found = event_metrics(logits, labels, rate, np.ones_like(weights))
        assert found.ne == pytest.approx(expected)
        assert found.base_rate == rate


def test_log_loss_auc_and_calibration_are_sklearns_and_the_plain_ratio():
    logits, labels, weights = draw(2)
    found = event_metrics(logits, labels, 0.3, weights)
    chances = expit(logits)
    assert found.log_loss == pytest.approx(log_loss(labels, chances, sample_weight=weights))
    assert found.auc == pytest.approx(roc_auc_score(labels, chances, sample_weight=weights))
    assert found.calibration == pytest.approx((weights @ chances) / (weights @ labels))
    shifted = event_metrics(logits + 1, labels, 0.3, weights)
    assert shifted.auc == pytest.approx(found.auc)
    assert shifted.calibration > found.calibration


@given(st.floats(-30, 30), st.sampled_from([0.0, 1.0]))
def test_example_losses_are_the_cross_entropy(logit, label):
    chance = 1 / (1 + np.exp(-np.longdouble(logit)))
    wrong = 1 / (1 + np.exp(np.longdouble(logit)))
    expected = -np.log(chance if label else wrong)
    found = CrossEntropy().losses(np.array([logit]), np.array([label]))[0]
    assert found == pytest.approx(float(expected), rel=1e-9, abs=1e-12)


def test_example_losses_stay_finite_at_any_size():
    found = CrossEntropy().losses(np.array([-1e4, 1e4, 1e4]), np.array([1.0, 0.0, 1.0]))
    assert found.tolist() == [1e4, 1e4, 0.0]


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, float("nan")])
def test_a_rate_without_entropy_is_refused(rate):
    with pytest.raises(InputError, match="has no entropy to normalise by"):
        entropy(rate)


def two_networks(seed, n):
    rng = np.random.default_rng(seed)
    hard = rng.gamma(1.0, size=n)
    base = hard + 0.1 * rng.gamma(2.0, size=n)
    return base, hard * rng.normal(0.6, 0.1, n) + 0.1 * rng.gamma(2.0, size=n)


def test_delta_is_the_relative_change_of_the_mean_in_percent():
    base, candidate = two_networks(0, 500)
    delta, _ = paired_delta(base, candidate)
    assert delta == pytest.approx(100 * (base.mean() - candidate.mean()) / base.mean())
    assert paired_delta([2.0, 2.0], [1.0, 2.0])[0] == pytest.approx(25.0)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_standard_error_is_that_of_a_bootstrap_over_examples(seed):
    base, candidate = two_networks(seed, 2000)
    rng = np.random.default_rng(100 + seed)
    draws = rng.integers(0, len(base), (2000, len(base)))
    deltas = 100 * (1 - candidate[draws].mean(axis=1) / base[draws].mean(axis=1))
    assert paired_delta(base, candidate)[1] == pytest.approx(deltas.std(), rel=0.1)


def test_standard_error_covers_the_true_delta_as_often_as_it_says():
    truth = 100 * (1 - (0.6 + 0.2) / 1.2)
    hits = 0
    for seed in range(400):
        delta, sem = paired_delta(*two_networks(seed, 400))
        hits += abs(delta - truth) < 1.96 * sem
    assert 0.92 < hits / 400 < 0.98


def test_pairing_cancels_the_noise_that_both_networks_share():
    base, candidate = two_networks(5, 4000)
    shuffled = np.random.default_rng(0).permutation(candidate)
    assert paired_delta(base, candidate)[1] < paired_delta(base, shuffled)[1] / 3


def test_identical_losses_have_delta_and_error_of_exactly_zero():
    base, _ = two_networks(0, 100)
    assert paired_delta(base, base) == (0.0, 0.0)


def test_losses_that_hold_their_weights_give_the_change_of_the_weighted_ne():
    logits, labels, weights = draw(3)
    scale = weights / weights.mean() / entropy(0.3)
    before = event_metrics(logits, labels, 0.3, weights).ne
    after = event_metrics(logits * 0.9, labels, 0.3, weights).ne
    delta, _ = paired_delta(
        CrossEntropy().losses(logits, labels) * scale,
        CrossEntropy().losses(logits * 0.9, labels) * scale,
    )
    assert delta == pytest.approx(100 * (before - after) / before)


def test_losses_of_other_examples_are_refused():
    with pytest.raises(ValueError, match="not the same examples"):
        paired_delta([1.0, 2.0], [1.0])


def users_networks(seed, users=200):
    """Losses under two networks, where what one gains on an example depends on its user."""
    rng = np.random.default_rng(seed)
    user = rng.permutation(np.repeat(rng.integers(10**9, size=users), rng.integers(1, 30, users)))
    _, member = np.unique(user, return_inverse=True)
    base = rng.gamma(2.0, size=len(user))
    gain = rng.normal(0.2, 0.3, users)[member] + rng.normal(0, 0.1, len(user))
    return base, base - gain, user


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_clustered_error_of_many_groups_is_that_of_a_loop_over_groups(seed):
    base, candidate, user = users_networks(seed, users=3000)
    squares = 0.0
    for name in set(user.tolist()):
        held = user == name
        squares += (base[held] * candidate.sum() / base.sum() - candidate[held]).sum() ** 2
    delta, sem = paired_delta(base, candidate, user)
    assert delta == paired_delta(base, candidate)[0]
    assert sem == pytest.approx(100 * np.sqrt(squares) / base.sum(), rel=2e-3)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_clustered_error_is_that_of_a_bootstrap_over_users(seed):
    base, candidate, user = users_networks(seed)
    _, member = np.unique(user, return_inverse=True)
    before, after = (np.bincount(member, weights=each) for each in (base, candidate))
    draws = np.random.default_rng(100 + seed).integers(0, len(before), (4000, len(before)))
    deltas = 100 * (1 - after[draws].sum(axis=1) / before[draws].sum(axis=1))
    sem = paired_delta(base, candidate, user)[1]
    assert sem == pytest.approx(deltas.std(), rel=0.06)
    assert paired_delta(base, candidate)[1] < sem / 2


def test_only_the_clustered_error_covers_the_true_delta_where_users_repeat():
    hits = np.zeros(2)
    for seed in range(400):
        base, candidate, user = users_networks(1000 + seed)
        for place, groups in enumerate((user, None)):
            delta, sem = paired_delta(base, candidate, groups)
            hits[place] += abs(delta - 10.0) < 1.96 * sem
    assert 0.92 < hits[0] / 400 < 0.98
    assert hits[1] / 400 < 0.7


def test_groups_of_one_and_examples_without_an_id_give_the_plain_error():
    base, candidate = two_networks(0, 50)
    plain = paired_delta(base, candidate)
    assert paired_delta(base, candidate, np.arange(50)[::-1]) == pytest.approx(plain)
    assert paired_delta(base, candidate, np.zeros(50, np.int64)) == plain
    assert paired_delta(base, base, np.arange(50) // 2) == (0.0, 0.0)


def test_examples_of_no_weight_change_nothing():
    base, candidate, user = users_networks(0)
    nothing, others = np.zeros(30), np.arange(30) + 10**10
    with_them = (np.concatenate(pair) for pair in ((base, nothing), (candidate, nothing)))
    found = paired_delta(*with_them, np.concatenate([user, others]))
    assert found == pytest.approx(paired_delta(base, candidate, user))


def test_examples_of_one_group_or_groups_of_other_examples_are_refused():
    with pytest.raises(InputError, match="all examples are of one group"):
        paired_delta([1.0, 2.0], [1.0, 1.0], np.array([7, 7]))
    with pytest.raises(ValueError, match="not a group an example"):
        paired_delta([1.0, 2.0], [1.0, 1.0], np.array([1]))


def test_figures_under_probabilities_are_those_expected_over_labels():
    logits, _, weights = draw(3, n=500)
    truth = expit(logits * 0.7 - 0.2)
    rng = np.random.default_rng(1)
    drawn = [
        event_metrics(logits, (rng.random(500) < truth).astype(float), 0.3, weights)
        for _ in range(400)
    ]
    told = event_metrics(logits, truth, 0.3, weights)
    for name in ("ne", "log_loss", "auc"):
        mean = np.mean([getattr(metrics, name) for metrics in drawn])
        assert getattr(told, name) == pytest.approx(mean, rel=5e-3)
    assert told.calibration == pytest.approx(
        (weights @ expit(logits)) / (weights @ truth), rel=1e-9
    )
