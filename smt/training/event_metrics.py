"""What is measured of one event, and of one value."""

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


class ValueMetrics(Spec):
    """One value's figures on the test window.

    Attributes:
        normalized_deviance: Lower is better; 1 is predicting the training window's mean there.
        deviance: Mean Tweedie deviance of `power`, in the label's unit to the power 2 - p.
        power: p.
        rank_correlation: Of predictions and labels (Spearman's); 0 where either is constant.
        calibration: Predicted over observed sum.
        base_mean: The label's mean in the training window.
    """

    normalized_deviance: float
    deviance: float
    power: float
    rank_correlation: float
    calibration: float
    base_mean: PositiveFloat
