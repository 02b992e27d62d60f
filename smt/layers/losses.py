"""What networks' outputs say of events of each kind, and the proper losses that judge them.

Both are Bregman divergences phi(y) - phi(m) - phi'(m)(y - m) of a label y from a predicted mean m:
0 where the label is predicted exactly, and least in expectation at the true mean, and there alone
(Savage 1971; Gneiting, JASA 2011). What both are divided by is the loss, over the training window,
of predicting that window's mean label: of cross entropy, the entropy of the event's rate.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logit
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from smt.data.deviance import deviance, potential
from smt.errors import InputError

Floats = NDArray[np.float64]

LARGEST_LOG = 80.0
"""Of a mean that is predicted, on either side of 0: float32 holds it and its inverse."""


class EventLoss(Protocol):
    """What is done to the outputs and labels of one kind of event; all of any shape.

    Attributes:
        name: What it is called, normalised by a `Background`.
        recalibrates: Whether a number added to outputs undoes that rows where nothing happened
            were left out (He et al. 2014, Eq. 4).
        means: Which means may be predicted, in words.
    """

    name: ClassVar[str]
    recalibrates: ClassVar[bool]
    means: ClassVar[str]

    def predictable(self, means: Floats) -> NDArray[np.bool_]:
        """Which means may be predicted."""

    def scores(self, outputs: Tensor) -> Tensor:
        """What is served: the mean label that is predicted."""

    def start(self, means: Tensor) -> Tensor:
        """The outputs that predict these means, moved inside what may be predicted."""

    def constants(self, means: Floats) -> Floats:
        """The outputs that predict just these means."""

    def shifted(self, means: Tensor, by: float) -> Tensor:
        """The means once `by` is added to the outputs."""

    def training_losses(self, outputs: Tensor, labels: Tensor, units: Tensor) -> Tensor:
        """What is minimised: linear in labels, which may be softened, or above what is seen.

        Args:
            units: The events' mean labels in the training window, `[E]`; 1 where that is 0.
        """

    def errors(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """What `losses` are, with a gradient."""

    def losses(self, outputs: Floats, labels: Floats) -> Floats:
        """By what predictions are judged, and importances measured."""

    def potential(self, labels: Floats) -> Floats:
        """The convex function phi of labels."""

    def normaliser(self, mean: float, observed: float) -> float:
        """The mean loss of predicting the mean of labels whose mean phi was `observed`.

        Raises:
            InputError: It is 0, as all labels are the same.
        """

    def prior(self, sums: Tensor, rows: Tensor) -> Tensor:
        """The mean label of all rows so far, of which there may be none."""

    def lifts(self, means: Tensor, prior: Tensor) -> Tensor:
        """How far means are above the prior's, as outputs count."""

    def comparable(self, scores: Tensor) -> Tensor:
        """Numbers whose differences are those of scores, in units of what rounding does to them."""


@dataclass(frozen=True)
class CrossEntropy:
    """Of events of 0 and 1: outputs are logits, losses nats, phi the negative entropy."""

    name: ClassVar[str] = "NE"
    recalibrates: ClassVar[bool] = True
    means: ClassVar[str] = "in (0, 1)"

    def predictable(self, means: Floats) -> NDArray[np.bool_]:
        """Probabilities of what is not certain."""
        return np.asarray((means > 0) & (means < 1))

    def scores(self, outputs: Tensor) -> Tensor:
        """Probabilities."""
        return torch.sigmoid(outputs)

    def start(self, means: Tensor) -> Tensor:
        """Logits."""
        return torch.logit(means.clamp(1e-7, 1 - 1e-7))

    def constants(self, means: Floats) -> Floats:
        """Logits, infinite of 0 and 1."""
        return np.asarray(logit(means))

    def shifted(self, means: Tensor, by: float) -> Tensor:
        """Of log-odds that `by` is added to."""
        return torch.sigmoid(torch.logit(means) + by)

    def training_losses(self, outputs: Tensor, labels: Tensor, units: Tensor) -> Tensor:
        """Cross entropy, whatever the rates."""
        return binary_cross_entropy_with_logits(outputs, labels, reduction="none")

    def errors(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Cross entropy."""
        return binary_cross_entropy_with_logits(outputs, labels, reduction="none")

    def losses(self, outputs: Floats, labels: Floats) -> Floats:
        """Cross entropy, stable at any size; expected, where labels are probabilities."""
        return np.asarray(np.logaddexp(0.0, outputs) - labels * outputs)

    def potential(self, labels: Floats) -> Floats:
        """0, of what did or did not happen."""
        return np.zeros_like(labels)

    def normaliser(self, mean: float, observed: float) -> float:
        """The entropy of an event of this rate."""
        return entropy(mean)

    def prior(self, sums: Tensor, rows: Tensor) -> Tensor:
        """A rate inside (0, 1)."""
        return (sums + 1.0) / (rows + 2.0)

    def lifts(self, means: Tensor, prior: Tensor) -> Tensor:
        """Differences of logits."""
        return torch.logit(means, eps=1e-6) - torch.logit(prior, eps=1e-6)

    def comparable(self, scores: Tensor) -> Tensor:
        """Probabilities as they are."""
        return scores


@dataclass(frozen=True)
class TweedieDeviance:
    """Of values: outputs are logs of means, losses unit deviances of a power in (1, 2).

    See `smt.data.deviance`: it judges means, whatever the law of the values is.
    """

    power: float

    name: ClassVar[str] = "normalized deviance"
    recalibrates: ClassVar[bool] = False
    means: ClassVar[str] = "above 0"

    def predictable(self, means: Floats) -> NDArray[np.bool_]:
        """All of which there is a logarithm."""
        return np.asarray((means > 0) & np.isfinite(means))

    def scores(self, outputs: Tensor) -> Tensor:
        """Means in the label's units: finite, and above 0."""
        return outputs.clamp(-LARGEST_LOG, LARGEST_LOG).exp()

    def start(self, means: Tensor) -> Tensor:
        """Logs; of 0, which has none, that of 1."""
        return torch.where(means > 0, means, 1.0).log().clamp(-LARGEST_LOG, LARGEST_LOG)

    def constants(self, means: Floats) -> Floats:
        """Logs."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.clip(np.log(means), -LARGEST_LOG, LARGEST_LOG))

    def shifted(self, means: Tensor, by: float) -> Tensor:
        """Of logs that `by` is added to."""
        return means * math.exp(by)

    def training_losses(self, outputs: Tensor, labels: Tensor, units: Tensor) -> Tensor:
        """Half the deviance of labels counted in `units`, but for what no output changes.

        A deviance grows with the label's unit to the power 2 - p. In units of the mean, seconds and
        milliseconds have the same gradients, near those of logits: 1 - y at the start.
        """
        logs = outputs - units.log()
        above, below = 2 - self.power, self.power - 1
        return (above * logs).exp() / above + labels / units * (-below * logs).exp() / below

    def errors(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Unit deviances."""
        return deviance(labels, self.scores(outputs), self.power)

    def losses(self, outputs: Floats, labels: Floats) -> Floats:
        """Unit deviances; where labels are expected ones, those beyond the events' floors."""
        means = np.exp(np.clip(outputs, -LARGEST_LOG, LARGEST_LOG))
        return deviance(labels, means, self.power)

    def potential(self, labels: Floats) -> Floats:
        """Below 0."""
        return potential(np.asarray(labels, dtype=np.float64), self.power)

    def normaliser(self, mean: float, observed: float) -> float:
        """The mean deviance of the mean."""
        convex = float(potential(np.array(mean), self.power))
        loss = observed - convex
        if not loss > -1e-9 * convex:
            raise InputError(
                f"a value that is {mean:g} in all rows has no deviance to normalise by"
            )
        return loss

    def prior(self, sums: Tensor, rows: Tensor) -> Tensor:
        """0 before the first row."""
        return sums / rows.clamp(min=1.0)

    def lifts(self, means: Tensor, prior: Tensor) -> Tensor:
        """Logs of ratios; 0 before there was anything."""
        least = torch.finfo(means.dtype).tiny
        return means.clamp(min=least).log() - prior.clamp(min=least).log()

    def comparable(self, scores: Tensor) -> Tensor:
        """Logs, which are rounded by a share of their size: a fourth of them up to 1, as the slope
        of a probability is, and a fourth of their own logs from there on.
        """
        logs = scores.double().log()
        sizes = logs.abs()
        return logs.sign() * torch.where(sizes < 1, sizes, 1 + sizes.clamp(min=1.0).log()) / 4


@dataclass(frozen=True)
class Background:
    """What a training window tells of an event, which its losses are normalised by.

    Attributes:
        mean: Its weighted mean label: of an event of 0 and 1, its rate.
        potential: The weighted mean of its labels' `potential`.
    """

    kind: EventLoss
    mean: float
    potential: float = 0.0

    @property
    def loss(self) -> float:
        """Of predicting the mean for every row of the window. Raises `InputError` where it is 0."""
        return self.kind.normaliser(self.mean, self.potential)


def entropy(rate: float) -> float:
    """Entropy, in nats, of an event of this rate; infinite information at 0 and 1 is refused."""
    if not 0 < rate < 1:
        raise InputError(f"an event of rate {rate:g} has no entropy to normalise by")
    return float(-rate * np.log(rate) - (1 - rate) * np.log1p(-rate))
