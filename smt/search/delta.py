"""A delta: what a change is worth to one model, or why there is no number."""

import math
from collections.abc import Iterable
from typing import Literal, Self

from pydantic import model_validator

from smt.search.regressed import regressed
from smt.spec import Spec

Status = Literal["measured", "failed", "not_evaluated"]


class Delta(Spec):
    """Δ of one model (Eq. 1), with an explicit status.

    Attributes:
        value: Percent, higher is better, where it was measured; None otherwise.
        sem: Standard error of `value`, percent; None where unknown, or not measured.
        reason: Why the evaluation failed, one sentence; None unless it did.
    """

    status: Status
    value: float | None = None
    sem: float | None = None
    reason: str | None = None

    @model_validator(mode="after")
    def _require_what_its_status_means(self) -> Self:
        if (self.value is not None) != (self.status == "measured"):
            raise ValueError(f"a delta that is {self.status} has the value {self.value}")
        if self.sem is not None and self.status != "measured":
            raise ValueError(f"a delta that is {self.status} has no standard error")
        if (self.reason is not None) != (self.status == "failed"):
            raise ValueError(f"a delta that is {self.status} has the reason {self.reason!r}")
        return self

    @classmethod
    def measured(cls, value: float, sem: float | None = None) -> "Delta":
        """Percent, and its standard error; None where that is unknown."""
        return cls(status="measured", value=value, sem=sem)

    @classmethod
    def failed(cls, reason: str) -> "Delta":
        """An evaluation that gave no number: it counts as a regression."""
        return cls(status="failed", reason=reason)

    @classmethod
    def not_evaluated(cls) -> "Delta":
        """Of a model on which nothing was tried."""
        return cls(status="not_evaluated")

    @classmethod
    def of(cls, value: "float | Delta | None", sem: float | None = None) -> "Delta":
        """From a plain number: None was not evaluated, NaN failed, and so did what is infinite."""
        if isinstance(value, Delta):
            return value
        if value is None:
            return cls.not_evaluated()
        if not math.isfinite(value):
            return cls.failed(f"its delta is {value}, which is no finite number")
        return cls.measured(value, None if sem is None or not math.isfinite(sem) else sem)

    @property
    def plain(self) -> float | None:
        """As a number: NaN where it failed, None where it was not evaluated."""
        return math.nan if self.status == "failed" else self.value

    def regressed(self, alpha: float) -> bool:
        """Whether the model is known to have regressed: below -α percent, or failed (Eq. 2)."""
        return regressed(self.plain, alpha)


def all_measured(deltas: Iterable[Delta]) -> bool:
    """Whether every model has a number."""
    return all(delta.status == "measured" for delta in deltas)
