"""Learners with hyperparameters to search, and what θ is worth on real tasks against the defaults.

Every Δ is measured by a fit of its own and kept in a file: what is asked for again costs nothing.
"""

import json
import math
import sqlite3
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from search_tasks import Array, RealTask, real_tasks
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.feature_selection import SelectPercentile, f_classif, f_regression
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    StandardScaler,
)

from smt.space import Choice, Float, Int, Space, Theta
from smt.spec import digest

LEAST_PROBABILITY = 1e-7


@dataclass(frozen=True)
class Learner:
    """What is tuned, and what a gain must be worth.

    Attributes:
        make: Builds the estimator of θ for a task: (θ, whether it classifies).
        defaults: θ of what it is compared with; None: the library's own.
        alpha: Percent; losses of 600 rows are not known to 0.05%.
        epsilon: Largest share of the tasks that may regress.
    """

    space: Space
    make: Callable[[Theta, bool], Any]
    defaults: Theta
    alpha: float
    epsilon: float


def make_linear(theta: Theta, classes: bool) -> Any:
    """Scaled, selected and multiplied columns, then ridge or logistic regression."""
    scalers = {
        "none": FunctionTransformer(),
        "standard": StandardScaler(),
        "power": PowerTransformer(),
        "quantile": QuantileTransformer(n_quantiles=100, output_distribution="normal"),
    }
    score = f_classif if classes else f_regression
    penalty = theta["penalty"]
    last = LogisticRegression(C=1 / penalty, max_iter=100) if classes else Ridge(alpha=penalty)
    return make_pipeline(
        scalers[theta["scaler"]],
        SelectPercentile(score, percentile=100 * theta["columns"]),
        PolynomialFeatures(theta["degree"], include_bias=False),
        last,
    )


def make_boosting(theta: Theta, classes: bool) -> Any:
    """scikit-learn's histogram gradient boosting."""
    kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    return kind(early_stopping=False, random_state=0, **theta)


def make_lightgbm(theta: Theta, classes: bool) -> Any:
    """LightGBM, on one thread."""
    from lightgbm import LGBMClassifier, LGBMRegressor

    kind = LGBMClassifier if classes else LGBMRegressor
    return kind(n_jobs=1, verbose=-1, random_state=0, **theta)


LEARNERS = {
    "linear": Learner(
        {
            "scaler": Choice(("none", "standard", "power", "quantile")),
            "columns": Float(0.1, 1.0),
            "degree": Int(1, 2),
            "penalty": Float(1e-4, 1e4, log=True),
        },
        make_linear,
        {"scaler": "none", "columns": 1.0, "degree": 1, "penalty": 1.0},
        alpha=2.0,
        epsilon=0.2,
    ),
    "boosting": Learner(
        {
            "learning_rate": Float(0.005, 1.0, log=True),
            "max_iter": Int(5, 200, log=True),
            "max_leaf_nodes": Int(2, 64, log=True),
            "min_samples_leaf": Int(1, 100, log=True),
            "l2_regularization": Float(1e-4, 100.0, log=True),
            "max_features": Float(0.1, 1.0),
        },
        make_boosting,
        {},
        alpha=1.0,
        epsilon=0.1,
    ),
    "lightgbm": Learner(
        {
            "learning_rate": Float(0.005, 1.0, log=True),
            "n_estimators": Int(5, 300, log=True),
            "num_leaves": Int(2, 128, log=True),
            "min_child_samples": Int(1, 100, log=True),
            "reg_lambda": Float(1e-4, 100.0, log=True),
            "colsample_bytree": Float(0.1, 1.0),
            "extra_trees": Choice((False, True)),
        },
        make_lightgbm,
        {},
        alpha=1.0,
        epsilon=0.2,
    ),
}


def installed_learners() -> tuple[str, ...]:
    """Those that can be built here; LightGBM is an extra."""
    return tuple(name for name in LEARNERS if name != "lightgbm" or find_spec("lightgbm"))


class DeltaCache:
    """Δ of (learner, task, split, θ), in an SQLite file of a folder.

    Attributes:
        fits: How many had to be fitted.
    """

    def __init__(self, folder: str) -> None:
        Path(folder).mkdir(parents=True, exist_ok=True)
        self._file = sqlite3.connect(Path(folder) / "deltas.sqlite", timeout=60)
        self._file.execute("CREATE TABLE IF NOT EXISTS deltas (key TEXT PRIMARY KEY, pair TEXT)")
        self.fits = 0

    def measure(self, learner: str, task: int, split: int, theta: Theta) -> tuple[float, float]:
        """Δ and its standard error, percent; NaN where the fit fails."""
        defaults = LEARNERS[learner].defaults
        key = digest([learner, defaults, real_tasks()[task].name, split, theta])
        row = self._file.execute("SELECT pair FROM deltas WHERE key = ?", (key,)).fetchone()
        if row is None:
            self.fits += 1
            row = (json.dumps(delta(learner, task, split, theta)),)
            with self._file:
                self._file.execute("INSERT OR IGNORE INTO deltas VALUES (?, ?)", (key, *row))
        value, sem = json.loads(row[0])
        return value, sem


def delta(learner: str, task: int, split: int, theta: Theta) -> tuple[float, float]:
    """Δ and its standard error, of pairs of rows, percent; NaN where the fit fails."""
    baseline = _baseline(learner, task, split)
    losses = row_losses(LEARNERS[learner], theta, real_tasks()[task], split)
    if not np.isfinite(losses).all():
        return math.nan, math.nan
    ratio = losses.mean() / baseline.mean()
    sem = (losses - ratio * baseline).std(ddof=1) / math.sqrt(len(losses)) / baseline.mean()
    return float(100 * (1 - ratio)), float(100 * sem)


@cache
def _baseline(learner: str, task: int, split: int) -> Array:
    return row_losses(LEARNERS[learner], LEARNERS[learner].defaults, real_tasks()[task], split)


def row_losses(learner: Learner, theta: Theta, task: RealTask, split: int) -> Array:
    """`[n]` losses of the test rows; NaN where the fit fails."""
    columns, target, test, expected = task.split(split)
    model = learner.make(theta, task.classes)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            model.fit(columns, target)
            guess = model.predict_proba(test)[:, 1] if task.classes else model.predict(test)
        except (ValueError, ArithmeticError):
            return np.full(len(expected), math.nan)
    if not task.classes:
        return np.asarray((guess - expected) ** 2, dtype=np.float64)
    likelihood = np.where(expected > 0, guess, 1 - guess)
    return np.asarray(-np.log(likelihood.clip(LEAST_PROBABILITY)), dtype=np.float64)
