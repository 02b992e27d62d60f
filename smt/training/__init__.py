"""One evaluation: train one network and judge it."""

from smt.training.learner import DivergedError
from smt.training.metrics import EventMetrics, normalized_entropy, paired_delta
from smt.training.train import Outcome, Trained, train, train_network
from smt.training.workers import LOCAL, Workers

__all__ = [
    "LOCAL",
    "DivergedError",
    "EventMetrics",
    "Outcome",
    "Trained",
    "Workers",
    "normalized_entropy",
    "paired_delta",
    "train",
    "train_network",
]
