"""Networks at their start, and a log whose conversions come late."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from smt.data import Log
from smt.data.columns import Weight
from smt.data.schema import Schema
from smt.training import LOCAL
from smt.training.course import start_course
from smt.training.judged_rows import judged_rows

DAY_MS = 86_400_000


@pytest.fixture(scope="session")
def start(lean_model, small_log):
    """(template, ...) -> the course of a network, before its first step."""

    def begin(template, *, model=lean_model, log=small_log, seed=0, workers=LOCAL):
        rows = judged_rows(template, model, log)
        return start_course(template, model, rows, seed=seed, workers=workers)

    return begin


@pytest.fixture(scope="session")
def with_column():
    """(log, name, values of the training rows) -> the log with the column replaced."""

    def replaced(log, name, values):
        place = log.train.column_names.index(name)
        field = log.train.schema.field(name)
        column = pa.array(values, field.type)
        return replace(log, train=log.train.set_column(place, field, column))

    return replaced


@pytest.fixture(scope="session")
def late_log(small_log, with_column):
    """Every click converts, after three days on average, in a window of eleven."""
    clicks = small_log.train["click"].to_numpy()
    waits = np.random.default_rng(0).exponential(3 * DAY_MS, len(clicks)).astype(np.int64)
    log = with_column(small_log, "conversion", clicks)
    return with_column(log, "conversion_delay", np.where(clicks == 1, waits, 0))


@pytest.fixture(scope="session")
def weighted_log(small_log):
    """(weights of the training rows, of the test rows) -> the small log with them."""

    def weigh(train_weights, test_weights):
        schema = Schema(columns={**small_log.schema.columns, "w": Weight()})
        train, test = (
            window.append_column("w", pa.array(weights, pa.float32()))
            for window, weights in (
                (small_log.train, train_weights),
                (small_log.test, test_weights),
            )
        )
        return Log(schema, train, test, "")

    return weigh
