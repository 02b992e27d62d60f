"""Hyperparameter spaces: a dict from name to Float, Int or Choice."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from smt.errors import InputError
from smt.spec import Spec, suggest


class Float(Spec):
    """A real number in [low, high]; `log` searches its logarithm."""

    kind: Literal["float"] = "float"
    low: float
    high: float
    log: bool = False

    def __init__(self, low: float, high: float, log: bool = False, **kind: Any) -> None:
        super().__init__(**{"low": low, "high": high, "log": log, **kind})

    @model_validator(mode="after")
    def _bounds(self) -> "Float":
        _check_bounds(self)
        return self

    def holds(self, value: object) -> bool:
        """Whether the value is in the domain."""
        return _is_number(value) and self.low <= value <= self.high  # type: ignore[operator]

    def __str__(self) -> str:
        return f"a number in [{self.low:g}, {self.high:g}]"


class Int(Spec):
    """A whole number in [low, high]; `log` searches its logarithm."""

    kind: Literal["int"] = "int"
    low: int
    high: int
    log: bool = False

    def __init__(self, low: int, high: int, log: bool = False, **kind: Any) -> None:
        super().__init__(**{"low": low, "high": high, "log": log, **kind})

    @model_validator(mode="after")
    def _bounds(self) -> "Int":
        _check_bounds(self)
        return self

    def holds(self, value: object) -> bool:
        """Whether the value is in the domain."""
        return (
            isinstance(value, int)
            and not isinstance(value, bool)
            and self.low <= value <= self.high
        )

    def __str__(self) -> str:
        return f"a whole number in [{self.low}, {self.high}]"


class Choice(Spec):
    """One of several values, in no order."""

    kind: Literal["choice"] = "choice"
    values: tuple[bool | int | float | str, ...] = Field(min_length=1)

    def __init__(self, values: Any, **kind: Any) -> None:
        super().__init__(**{"values": tuple(values), **kind})

    @model_validator(mode="after")
    def _distinct(self) -> "Choice":
        if len(set(self.values)) != len(self.values):
            raise ValueError(f"choices repeat: {list(self.values)}")
        return self

    def holds(self, value: object) -> bool:
        """Whether the value is one of the choices."""
        return any(value == each and type(value) is type(each) for each in self.values)

    def __str__(self) -> str:
        return f"one of {list(self.values)}"


Domain = Float | Int | Choice
AnyDomain = Annotated[Domain, Field(discriminator="kind")]
Space = Mapping[str, Domain]
Theta = dict[str, Any]


def check_theta(theta: Mapping[str, object], space: Space, owner: str) -> None:
    """Raise `InputError` where θ is not a point of the space; `owner` opens the message."""
    for name in theta:
        if name not in space:
            raise InputError(f"{owner}: unknown hyperparameter '{name}'; {suggest(name, [*space])}")
    for name, domain in space.items():
        if name not in theta:
            raise InputError(f"{owner}: hyperparameter '{name}' is missing; it is {domain}")
        if not domain.holds(theta[name]):
            raise InputError(f"{owner}: {name} = {theta[name]!r} is outside its domain, {domain}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_bounds(domain: Float | Int) -> None:
    if not domain.low < domain.high:
        raise ValueError(f"low {domain.low} must be below high {domain.high}")
    if domain.log and domain.low <= 0:
        raise ValueError(f"a log scale needs low above 0, not {domain.low}")
