"""What is measured of one event."""

from pydantic import PositiveFloat

from smt.spec import Spec


class EventMetrics(Spec):
    """One event's figures on the test window.

    Attributes:
        ne: Normalized entropy, lower is better; 1 is predicting the base rate.
        log_loss: Cross entropy, nats an example.
        auc: Area under the ROC curve.
        calibration: Predicted over observed events.
        base_rate: The event's rate in the training window.
    """

    ne: float
    log_loss: float
    auc: float
    calibration: float
    base_rate: PositiveFloat
