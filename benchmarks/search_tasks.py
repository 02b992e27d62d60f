"""Some twenty prediction tasks from the data sets that scikit-learn ships, nothing downloaded.

Breast cancer, digits, diabetes, wine, iris and the pixels of two photographs, each by several
targets and subsets of its columns: at most 300 training rows, so that noise is as real as the data.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.random import default_rng
from numpy.typing import NDArray
from sklearn import datasets

from smt.spec import digest

Array = NDArray[np.float64]

TRAIN_ROWS, TEST_ROWS = 300, 1500
LEAST_TEST_SHARE = 0.4
PIXELS = 3000
COLUMNS = 16


@dataclass(frozen=True, eq=False)
class RealTask:
    """What to predict from what.

    Attributes:
        columns: `[n, d]`.
        target: `[n]`, numbers, or 0 and 1 where `classes`.
        classes: Whether the loss is the log loss of a probability; else it is the squared error.
    """

    name: str
    columns: Array
    target: Array
    classes: bool

    def split(self, number: int) -> tuple[Array, Array, Array, Array]:
        """Training columns and target, test columns and target; another draw a number."""
        count = len(self.target)
        train = min(TRAIN_ROWS, int(count * (1 - LEAST_TEST_SHARE)))
        rows = default_rng(int(digest([self.name, number]), 16)).permutation(count)
        fit, test = rows[:train], rows[train : train + TEST_ROWS]
        return self.columns[fit], self.target[fit], self.columns[test], self.target[test]


@cache
def real_tasks() -> tuple[RealTask, ...]:
    """All of them, in an order that does not change."""
    return (*_cancer(), *_digits(), *_diabetes(), *_small(), *_photographs())


def _cancer() -> list[RealTask]:
    columns, malignant = datasets.load_breast_cancer(return_X_y=True)
    parts = {"mean": columns[:, :10], "error": columns[:, 10:20], "worst": columns[:, 20:]}
    tasks = [RealTask(f"cancer-{name}", part, malignant, True) for name, part in parts.items()]
    # The largest cell's concavity from the means: skewed, and zero in places.
    return [*tasks, RealTask("cancer-concavity", columns[:, :10], columns[:, 26], False)]


def _digits() -> list[RealTask]:
    pixels, digit = datasets.load_digits(return_X_y=True)
    patches = {
        "top": pixels[:, 8:24],
        "bottom": pixels[:, 40:56],
        "odd": pixels[:, 1::4],
    }
    asked: dict[str, Callable[[Any], Any]] = {
        "top": lambda digit: digit % 2,
        "bottom": lambda digit: digit >= 5,
        "odd": lambda digit: digit == 8,
    }
    tasks = [
        RealTask(f"digits-{name}", patch, asked[name](digit).astype(float), True)
        for name, patch in patches.items()
    ]
    ink = pixels[:, 24:40].sum(1)
    return [*tasks, RealTask("digits-ink", pixels[:, 8:24], ink, False)]


def _diabetes() -> list[RealTask]:
    columns, progress = datasets.load_diabetes(return_X_y=True, scaled=False)
    return [
        RealTask("diabetes", columns, progress, False),
        RealTask("diabetes-high", columns, (progress > 140).astype(float), True),
        RealTask("diabetes-triglycerides", np.delete(columns, 8, 1), columns[:, 8], False),
        RealTask("diabetes-bmi", np.delete(columns, 2, 1), columns[:, 2], False),
    ]


def _small() -> list[RealTask]:
    wine, cultivar = datasets.load_wine(return_X_y=True)
    iris, species = datasets.load_iris(return_X_y=True)
    return [
        RealTask("wine-second", wine[:, :9], (cultivar == 1).astype(float), True),
        RealTask("wine-proline", wine[:, :12], wine[:, 12], False),
        RealTask("iris-versicolor", iris[:, :2], (species == 1).astype(float), True),
        RealTask("iris-width", iris[:, :3], iris[:, 3], False),
    ]


def _photographs() -> list[RealTask]:
    """A pixel's colour, or whether it is bright, from those of pixels near it."""
    tasks = []
    for name, image in zip(("temple", "flower"), datasets.load_sample_images().images, strict=True):
        picture = image.astype(float)
        height, width, _ = picture.shape
        draw = default_rng(0)
        row, column = draw.integers(4, height - 4, PIXELS), draw.integers(4, width - 4, PIXELS)
        near = [picture[row + down, column + right] for down, right in ((-4, 0), (4, 0), (0, -4))]
        columns = np.hstack([*near, picture[row, column - 3], picture[row, column + 4]])
        target = picture[row, column]
        bright = (target[:, 1] > np.median(target[:, 1])).astype(float)
        tasks.append(RealTask(f"{name}-blue", columns, target[:, 2], False))
        tasks.append(RealTask(f"{name}-bright", columns, bright, True))
    return tasks
