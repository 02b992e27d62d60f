"""Which rows are judged, which are learned from, and in what order."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smt.errors import InputError
from smt.template.data import ConversionWindow
from smt.training import LOCAL, Workers
from smt.training.judged_rows import judged_rows, learned_rows, waiting_ms
from smt.training.windows import model_windows

HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def progressive(small_template):
    return small_template.change("training", judge="progressive", batch_size=64)


def times(window, log):
    return window[log.schema.timestamp].to_numpy()


def test_the_last_half_of_all_rows_is_judged(progressive, small_model, small_log):
    rows = judged_rows(progressive, small_model, small_log)
    assert (len(rows.log.train), len(rows.log.test)) == (2_000, 2_000)
    assert rows.history == 2_000


def test_all_of_the_test_window_is_judged_however_small_the_share(
    progressive, small_model, small_log
):
    template = progressive.change("training", judge_share=0.01)
    rows = judged_rows(template, small_model, small_log)
    assert np.array_equal(times(rows.log.test, small_log), times(small_log.test, small_log))


def test_rows_that_the_template_does_not_read_are_neither_judged_nor_learned_from(
    progressive, small_model, small_log
):
    template = progressive.change("data", train_rows=1_000)
    rows = judged_rows(template, small_model, small_log)
    read = 1_000 + len(small_log.test)
    assert len(rows.log.test) == read // 2
    assert rows.history == read - read // 2


def test_frozen_weights_are_judged_by_the_test_window(small_template, small_model, small_log):
    rows = judged_rows(small_template, small_model, small_log)
    assert rows.log is small_log
    assert rows.history is None


def test_several_passes_are_refused(progressive, small_model, small_log):
    template = progressive.change("training", passes=2)
    with pytest.raises(InputError, match="passes is 2; make one pass, or set judge to 'frozen'"):
        judged_rows(template, small_model, small_log)


def test_a_log_of_one_moment_cannot_be_judged(progressive, small_model, small_log):
    name = small_log.schema.timestamp
    place = small_log.train.column_names.index(name)
    train, test = (
        window.set_column(place, window.field(name), pa.array([5] * len(window)))
        for window in (small_log.train, small_log.test)
    )
    with pytest.raises(InputError, match="too few distinct values"):
        judged_rows(progressive, small_model, replace(small_log, train=train, test=test))


def late(template, hours):
    window = ConversionWindow(hours=hours, correction="none")
    return template.change("data", conversion_window=window)


def test_rows_wait_until_their_conversion_window_has_closed(progressive, small_model, late_log):
    windows = model_windows(small_model, late_log)
    assert waiting_ms(late(progressive, 7), windows, ["click", "conversion"]) == 7 * HOUR_MS
    assert waiting_ms(late(progressive, 7), windows, ["click"]) == 0


def test_without_a_window_rows_wait_for_nearly_all_known_delays(progressive, small_model, late_log):
    rows = judged_rows(progressive, small_model, late_log)
    windows = model_windows(small_model, rows.log, ("conversion",))
    wait = waiting_ms(progressive, windows, ["conversion"])
    known = times(rows.log.train, late_log) + rows.log.train["conversion_delay"].to_numpy()
    happened = rows.log.train["conversion"].to_numpy() == 1
    delays = rows.log.train["conversion_delay"].to_numpy()[happened & (known <= windows.end_ms)]
    assert np.mean(delays <= wait) == pytest.approx(0.95, abs=0.01)


@settings(max_examples=25)
@given(
    share=st.floats(0.25, 0.8),
    hours=st.floats(0.01, 40),
    negative_rate=st.sampled_from([1.0, 0.3]),
    size=st.sampled_from([32, 100, 700]),
)
def test_no_row_is_predicted_by_what_was_not_known_before_it(
    share, hours, negative_rate, size, progressive, small_model, late_log
):
    model = small_model.model_copy(update={"events": ("conversion",)})
    template = late(progressive, hours).change("data", negative_rate=negative_rate)
    template = template.change("training", judge_share=share, batch_size=size)
    rows = judged_rows(template, model, late_log)
    windows = model_windows(model, rows.log, model.events)
    wait = waiting_ms(template, windows, model.events)
    learned = learned_rows(
        template, windows, rows.history, wait, events=model.events, seed=0, workers=LOCAL
    )
    judged = times(rows.log.test, late_log)
    steps = [
        times(part.window, late_log)[part.skip :][slice(None) if part.kept is None else part.kept]
        for part in learned.parts
    ]
    step_times = [
        part[start : start + size] for part in steps for start in range(0, len(part), size)
    ]
    assert len(step_times) == len(learned.due)
    assert (np.diff(learned.due) >= 0).all()
    # A row is learned from once its label is known, which later rows alone are told of.
    for due, of_step in zip(learned.due, step_times, strict=True):
        assert (judged[due:] > of_step.max() + wait).all()
    everything = np.concatenate([times(rows.log.train, late_log), judged])
    known = everything[everything + wait <= judged[-1]]
    if negative_rate == 1:
        assert np.array_equal(np.concatenate(steps), known)
    else:
        assert 0.2 < sum(map(len, steps)) / len(known) < 0.6


def test_a_window_that_no_row_before_the_judged_ones_survives_is_named(
    progressive, small_model, late_log
):
    model = small_model.model_copy(update={"events": ("conversion",)})
    template = late(progressive, 24 * 365)
    rows = judged_rows(template, model, late_log)
    windows = model_windows(model, rows.log, model.events)
    wait = waiting_ms(template, windows, model.events)
    with pytest.raises(InputError, match="learned from 8760 hours later: lower judge_share"):
        learned_rows(
            template, windows, rows.history, wait, events=model.events, seed=0, workers=LOCAL
        )


def test_several_workers_make_the_same_steps(progressive, small_model, small_log):
    template = progressive.change("training", batch_size=96)
    rows = judged_rows(template, small_model, small_log)
    windows = model_windows(small_model, rows.log)
    learned = learned_rows(
        template, windows, rows.history, 0, events=("click",), seed=0, workers=Workers(0, 2)
    )
    assert [part.count % 96 for part in learned.parts] == [0, 0]
    assert len(learned.due) == 2 * (2_000 // 96)
