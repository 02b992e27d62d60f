"""One evaluation: train one network and judge it."""

from smt.training.metrics import EventMetrics, normalized_entropy, paired_delta
from smt.training.parallel import LOCAL, Workers
from smt.training.train import DivergedError, Outcome, train

__all__ = [
    "LOCAL",
    "DivergedError",
    "EventMetrics",
    "Outcome",
    "Workers",
    "normalized_entropy",
    "paired_delta",
    "train",
]
