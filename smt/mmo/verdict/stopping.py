"""When fresh seeds have told enough of a θ, by a test that may be looked at after every seed."""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtri
from scipy.stats import multivariate_normal

# Seeds of the first look: one alone says nothing of the noise between seeds.
FIRST_LOOK = 2
# Chance below which a thing is held to be out of the question.
UNLIKELY = 0.05


def seeds_at_looks(most: int) -> tuple[int, ...]:
    """After how many seeds a candidate is looked at, of at most so many."""
    return tuple(range(min(FIRST_LOOK, most), most + 1))


@lru_cache
def critical_value(most: int, level: float) -> float:
    """c: with no effect, mean > c · sem at any of the looks has at most chance `level`.

    Pocock's boundary (Biometrika 1977), one-sided, over looks at 2, 3 ... `most` seeds: means of
    n and k > n independent seeds have correlation sqrt(n / k). Seeds that share their rows'
    noise are correlated more, which makes a crossing rarer (Slepian's inequality), so that the
    error holds at whichever look one stops. Of a single look, the normal quantile.
    """
    looks = np.array(seeds_at_looks(most), dtype=np.float64)
    single = float(ndtri(1 - level))
    if len(looks) == 1:
        return single
    correlation = np.sqrt(np.minimum.outer(looks, looks) / np.maximum.outer(looks, looks))

    def excess(c: float) -> float:
        inside = multivariate_normal.cdf(np.full(len(looks), c), cov=correlation, rng=0)
        return float(1 - inside - level)

    return float(brentq(excess, single, float(ndtri(1 - level / len(looks))), xtol=1e-4))


class Promise(NamedTuple):
    """μ over all seeds, and its standard error, percent."""

    mean: float
    sem: float


def promise(mean: float, sem: float, rows: float, *, seeds: int, most: int) -> Promise:
    """The best that the remaining seeds can bring, short of what is unlikely.

    Args:
        mean, sem: μ after `seeds` of them, and its standard error, percent.
        rows: The part of `sem` that more seeds leave as it is.
    """
    moved = sem * math.sqrt(1 - seeds / most)
    of_seeds = max(sem**2 - rows**2, 0.0)
    shrunk = math.sqrt(sem**2 - of_seeds * (1 - seeds / most))
    return Promise(mean + float(ndtri(1 - UNLIKELY)) * moved, shrunk)
