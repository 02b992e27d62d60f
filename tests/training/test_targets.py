"""Labels and weights that training sees, against the rows one by one."""

from bisect import bisect_right

import numpy as np
import pytest
import torch

from smt.errors import InputError
from smt.template.data import Auxiliary, ConversionWindow
from smt.training.network_training import train_network

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
CORRECTIONS = ("drop", "none", "weighted")


def everything(course):
    """Labels and weights of all rows."""
    examples = [example[1:] for example in course.examples]
    return tuple(torch.cat(each).numpy() for each in zip(*examples, strict=True))


def delayed_rows(log, event="conversion"):
    """For each row: its label, its delay, and how long it has been watched."""
    table = log.train
    times = table["time"].to_numpy()
    delays = table["conversion_delay"].to_numpy()
    return list(zip(table[event].to_numpy(), delays, times[-1] - times, strict=True))


def test_labels_are_the_logs_and_weigh_one(start, small_template, lean_model, small_log):
    model = lean_model.model_copy(update={"events": ("view", "hide")})
    labels, weights = everything(start(small_template, model=model))
    table = small_log.train
    assert np.array_equal(labels, np.stack([table["view"], table["hide"]], axis=1))
    assert (weights == 1).all()


def test_a_delayed_event_is_known_up_to_the_windows_end(
    start, small_template, lean_model, late_log
):
    model = lean_model.model_copy(update={"events": ("conversion", "view")})
    labels, weights = everything(start(small_template, model=model, log=late_log))
    expected = [float(y == 1 and delay <= watched) for y, delay, watched in delayed_rows(late_log)]
    assert labels[:, 0].tolist() == expected
    assert 0 < sum(expected) < 0.9 * late_log.train["conversion"].to_numpy().sum()
    assert labels[:, 1].tolist() == late_log.train["view"].to_pylist()
    assert (weights == 1).all()


@pytest.mark.parametrize("correction", CORRECTIONS)
def test_a_conversion_windows_correction_reaches_labels_and_weights(
    correction, start, small_template, lean_model, late_log
):
    hours = 72.5
    window = ConversionWindow(hours=hours, correction=correction)
    template = small_template.change("data", conversion_window=window)
    model = lean_model.model_copy(update={"events": ("conversion", "view")})
    labels, weights = everything(start(template, model=model, log=late_log))
    rows = delayed_rows(late_log)
    limit = round(hours * HOUR_MS)
    ripe = sorted(d for y, d, watched in rows if y == 1 and watched >= limit and d <= limit)
    seen_weights = set()
    for row, (y, delay, watched) in enumerate(rows):
        label, weight = float(y == 1 and delay <= min(limit, watched)), 1.0
        if watched < limit and correction == "drop":
            weight = 0.0
        if watched < limit and correction == "weighted":
            seen = bisect_right(ripe, watched) / len(ripe)
            label, weight = (label / seen, 1.0) if seen >= 0.1 else (0.0, 0.0)
        assert labels[row, 0] == pytest.approx(label, rel=1e-5)
        assert weights[row, 0] == weight
        seen_weights.add(weight)
    assert seen_weights == ({1.0} if correction == "none" else {0.0, 1.0})
    assert (labels[:, 0].max() > 1) == (correction == "weighted")
    assert labels[:, 1].tolist() == late_log.train["view"].to_pylist()
    assert (weights[:, 1] == 1).all()


def test_the_logs_own_weights_multiply_all_others(start, small_template, lean_model, weighted_log):
    rows = np.random.default_rng(0).gamma(1.0, size=3_200)
    log = weighted_log(rows, np.ones(800))
    course = start(small_template.change("data", recency_half_life=2.0), log=log)
    times = log.train["time"].to_numpy()
    expected = rows * 0.5 ** ((times[-1] - times) / (2.0 * DAY_MS))
    np.testing.assert_allclose(everything(course)[1][:, 0], expected, rtol=1e-5)


@pytest.mark.parametrize("power", [0.5, 1.0])
def test_rows_of_a_surface_weigh_its_share_to_a_negative_power(
    power, start, small_template, small_log
):
    course = start(small_template.change("data", surface_balance=power))
    surfaces = small_log.train["surface"].to_numpy()
    shares = np.array([np.mean(surfaces == surface) for surface in surfaces])
    expected = shares**-power / np.mean(shares**-power)
    np.testing.assert_allclose(everything(course)[1][:, 0], expected, rtol=1e-5)


def test_surfaces_count_by_the_models_own_rows(start, small_template, lean_model, small_log):
    model = lean_model.model_copy(update={"filter": {"surface": (1, 3)}})
    course = start(small_template.change("data", surface_balance=1.0), model=model)
    surfaces = small_log.train["surface"].to_numpy()
    surfaces = surfaces[np.isin(surfaces, (1, 3))]
    weights = everything(course)[1][:, 0]
    totals = [weights[surfaces == each].sum() for each in (1, 3)]
    assert totals == pytest.approx([len(surfaces) / 2] * 2, rel=1e-5)


def test_smoothed_labels_move_towards_the_base_rate(start, small_template, lean_model, small_log):
    model = lean_model.model_copy(update={"events": ("view", "click")})
    course = start(small_template.change("data", label_smoothing=0.2), model=model)
    plain = np.stack([small_log.train[event].to_numpy() for event in model.events], axis=1)
    np.testing.assert_allclose(
        everything(course)[0], 0.8 * plain + 0.2 * plain.mean(axis=0), rtol=1e-5
    )


@pytest.mark.parametrize("events", [("view",), ("click", "view"), ("conversion",)])
@pytest.mark.parametrize("window", [None, ConversionWindow(hours=48, correction="weighted")])
def test_negatives_left_out_are_made_up_for_whatever_the_labels(
    events, window, start, small_template, lean_model, late_log
):
    """The best constant prediction of what is left is that of all rows, over many draws."""
    model = lean_model.model_copy(update={"events": events, "features": ("hour",)})
    all_rows = small_template.change("data", conversion_window=window)
    labels, weights = everything(start(all_rows, model=model, log=late_log))
    best = (weights * labels).sum(axis=0) / weights.sum(axis=0)
    positives, totals, counts = 0.0, 0.0, []
    for seed in range(25):
        fewer = all_rows.change("data", negative_rate=0.3)
        course = start(fewer, model=model, log=late_log, seed=seed)
        labels, weights = everything(course)
        positives, totals = positives + (weights * labels).sum(0), totals + weights.sum(0)
        counts.append(course.rows)
    assert max(counts) < 3_000
    share = positives / totals
    found = 1 / (1 + (1 - share) / share / np.exp(course.correction))
    np.testing.assert_allclose(found, best, rtol=0.02)
    weighed = len(events) > 1 or (window is not None and events == ("conversion",))
    assert (course.correction == 0) == weighed


def test_a_single_events_smoothed_labels_keep_the_rate_of_the_kept_rows(
    start, small_template, lean_model
):
    template = small_template.change("data", negative_rate=0.3)
    model = lean_model.model_copy(update={"events": ("view",)})
    plain = everything(start(template, model=model))[0].mean()
    smooth = template.change("data", label_smoothing=0.5)
    assert everything(start(smooth, model=model))[0].mean() == pytest.approx(plain, rel=0.03)


TEMPLATES = {
    "plain": {},
    **{
        each: {"conversion_window": ConversionWindow(hours=48, correction=each)}
        for each in CORRECTIONS
    },
    "smoothed": {"label_smoothing": 0.1},
    "downsampled": {"negative_rate": 0.5},
    "past rates": {"past_rates": {"count": 2, "prior_count": 10.0}},
    "auxiliary": {"auxiliary": Auxiliary(source="events", count=5, weight=0.5)},
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_what_happened_after_the_windows_end_changes_nothing(
    name, small_template, lean_model, late_log, with_column
):
    template = small_template.change("data", train_rows=1_500, **TEMPLATES[name])
    template = template.change("architecture", entire_space=name == "plain")
    events = ("click",) if name == "auxiliary" else ("conversion",)
    model = lean_model.model_copy(update={"events": events, "features": ("user", "hour")})
    table = late_log.train
    delays, times = table["conversion_delay"].to_numpy(), table["time"].to_numpy()
    later = delays > times[-1] - times
    assert later.sum() > 50
    labels = np.where(later, 0, table["conversion"].to_numpy())
    forgotten = with_column(late_log, "conversion", labels)
    forgotten = with_column(forgotten, "conversion_delay", np.where(later, 0, delays))
    first, second = (
        train_network(template, model, log).network.state_dict() for log in (late_log, forgotten)
    )
    for key in first:
        assert torch.equal(first[key], second[key]), key


def test_a_window_that_never_closed_cannot_be_corrected(
    start, small_template, lean_model, late_log
):
    window = ConversionWindow(hours=24 * 30, correction="weighted")
    template = small_template.change("data", conversion_window=window)
    model = lean_model.model_copy(update={"events": ("conversion",)})
    with pytest.raises(InputError, match=r"no conversion window of 720 hours with 'conversion'"):
        start(template, model=model, log=late_log)


def test_a_conversion_window_leaves_events_without_delays_alone(start, small_template):
    window = ConversionWindow(hours=1, correction="drop")
    plain, windowed = (
        everything(start(each))
        for each in (small_template, small_template.change("data", conversion_window=window))
    )
    assert np.array_equal(plain, windowed)
