"""One evaluation: train one network and judge it."""

from typing import TYPE_CHECKING

from smt.lazy import lazy_names
from smt.training.event_metrics import EventMetrics, ValueMetrics

if TYPE_CHECKING:
    from smt.training.learner import DivergedError
    from smt.training.metrics import normalized_entropy, paired_delta
    from smt.training.network_training import Outcome, Trained, train, train_network
    from smt.training.workers import LOCAL, Workers

__all__ = [
    "LOCAL",
    "DivergedError",
    "EventMetrics",
    "Outcome",
    "Trained",
    "ValueMetrics",
    "Workers",
    "normalized_entropy",
    "paired_delta",
    "train",
    "train_network",
]

__getattr__ = lazy_names(
    __name__,
    {
        "smt.training.learner": ("DivergedError",),
        "smt.training.metrics": ("normalized_entropy", "paired_delta"),
        "smt.training.network_training": ("Outcome", "Trained", "train", "train_network"),
        "smt.training.workers": ("LOCAL", "Workers"),
    },
)
