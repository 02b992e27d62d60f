"""Tweedie's unit deviance of powers in (1, 2), which values are judged by.

That of a compound Poisson-gamma law, which has a mass at 0 (Jørgensen, JRSS B 1987). As the Bregman
divergence of the convex `potential` its expectation is least at the true mean, whatever the law is
(Gneiting, JASA 2011). Numbers are all of scikit-learn's `mean_tweedie_deviance`.
"""

from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

# What makes tensors loads torch itself.
if TYPE_CHECKING:
    from torch import Tensor

Numbers = TypeVar("Numbers", "Tensor", NDArray[np.float64])


def potential(labels: Numbers, power: float) -> Numbers:
    """The convex function of which the deviance is the divergence; at most 0."""
    above, below = 2 - power, power - 1
    return -2 / (above * below) * labels**above


def deviance(labels: Numbers, means: Numbers, power: float) -> Numbers:
    """How far labels of 0 and more are from predicted means above 0; any shape."""
    above, below = 2 - power, power - 1
    linear = means**above / above + labels * means**-below / below
    return potential(labels, power) + 2 * linear
