"""Hyperparameter spaces: a dict from name to Float, Int or Choice.

A hyperparameter with a condition (`when`) is active, and a part of θ, only where the choices that
it depends on are active and have the values that it asks for.
"""

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from smt.errors import InputError
from smt.spec import Spec, suggest

Value = bool | int | float | str


def _as_tuples(when: object) -> object:
    """A single value stands for a tuple of one."""
    if not isinstance(when, Mapping):
        return when
    return {
        name: tuple(values) if isinstance(values, tuple | list) else (values,)
        for name, values in when.items()
    }


# Choice -> the values at which a hyperparameter is active; of several choices, all must agree.
# None, and then not a part of the plain data, where it always is.
When = Annotated[
    Annotated[
        dict[str, Annotated[tuple[Value, ...], Field(min_length=1)]],
        BeforeValidator(_as_tuples),
        Field(min_length=1),
    ]
    | None,
    Field(exclude_if=lambda when: when is None),
]


class _Range(Spec):
    """The numbers in [low, high]; `log` searches their logarithm."""

    kind: str
    low: float
    high: float
    log: bool = False
    when: When = None

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"low {self.low} must be below high {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"a log scale needs low above 0, not {self.low}")
        return self

    def between(self, low: float, high: float) -> Self:
        """Other ends of the same domain, which is always active."""
        return self.model_validate({**dict(self), "low": low, "high": high, "when": None})

    def holds(self, value: object) -> bool:
        """Whether the value is in the domain."""
        return (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and self.low <= value <= self.high
        )


class Float(_Range):
    """A real number in [low, high]; `log` searches its logarithm."""

    kind: Literal["float"] = "float"

    def __init__(
        self,
        low: float,
        high: float,
        log: bool = False,
        *,
        when: Mapping[str, Any] | None = None,
        **kind: Any,
    ) -> None:
        super().__init__(**{"low": low, "high": high, "log": log, "when": when, **kind})

    def __str__(self) -> str:
        return f"a number in [{self.low:g}, {self.high:g}]"


class Int(_Range):
    """A whole number in [low, high]; `log` searches its logarithm."""

    kind: Literal["int"] = "int"
    low: int
    high: int

    def __init__(
        self,
        low: int,
        high: int,
        log: bool = False,
        *,
        when: Mapping[str, Any] | None = None,
        **kind: Any,
    ) -> None:
        super().__init__(**{"low": low, "high": high, "log": log, "when": when, **kind})

    def holds(self, value: object) -> bool:
        """Whether the value is in the domain."""
        return isinstance(value, int) and super().holds(value)

    def __str__(self) -> str:
        return f"a whole number in [{self.low}, {self.high}]"


class Choice(Spec):
    """One of several values, in no order."""

    kind: Literal["choice"] = "choice"
    values: tuple[Value, ...] = Field(min_length=1)
    when: When = None

    def __init__(self, values: Any, *, when: Mapping[str, Any] | None = None, **kind: Any) -> None:
        super().__init__(**{"values": tuple(values), "when": when, **kind})

    @model_validator(mode="after")
    def _distinct(self) -> "Choice":
        if len(set(self.values)) != len(self.values):
            raise ValueError(f"choices repeat: {list(self.values)}")
        return self

    def holds(self, value: object) -> bool:
        """Whether the value is one of the choices."""
        return _among(value, self.values)

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
    active = drop_inactive(theta, space)
    for name in in_order(space):
        domain = space[name]
        if name in active and not domain.holds(theta[name]):
            raise InputError(f"{owner}: {name} = {theta[name]!r} is outside its domain, {domain}")
        if name not in theta and is_active(domain, active):
            raise InputError(f"{owner}: hyperparameter '{name}' is missing; it is {domain}")
        if name in theta and name not in active:
            raise InputError(
                f"{owner}: hyperparameter '{name}' is not active here, so leave it out; it is "
                f"active {describe_condition(domain)}"
            )


def check_space(space: Space, owner: str) -> None:
    """Raise `InputError` for what is no domain, or a condition that cannot be met.

    `owner` opens the message.
    """
    for name, domain in space.items():
        if not isinstance(domain, Domain):
            raise InputError(
                f"{owner}: hyperparameter '{name}' is {domain!r}; give a Float, an Int or a Choice"
            )
        for parent, values in (domain.when or {}).items():
            _check_condition(f"{owner}: hyperparameter '{name}'", parent, values, space)
    try:
        in_order(space)
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        raise InputError(
            f"{owner}: hyperparameters depend on each other in a circle ({circle}); a condition "
            "must name a choice that can be made before"
        ) from None


def as_written(value: object, domain: Domain) -> object:
    """The number that a text is, where the domain is real: YAML 1.1 reads `1e-3` as a text."""
    if not isinstance(domain, Float) or not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        return value


def widen(domain: Domain, value: Any) -> Domain:
    """The domain without its condition, and with the value in it."""
    if isinstance(domain, Choice):
        return Choice(domain.values if domain.holds(value) else (*domain.values, value))
    return domain.between(min(domain.low, value), max(domain.high, value))


def in_order(space: Space) -> list[str]:
    """The names, choices before what depends on them; those without conditions as they come."""
    return [*TopologicalSorter({name: space[name].when or () for name in space}).static_order()]


def is_active(domain: Domain, active: Mapping[str, object]) -> bool:
    """Whether a hyperparameter is active, given the values of all active ones before it."""
    return all(
        parent in active and _among(active[parent], values)
        for parent, values in (domain.when or {}).items()
    )


def drop_inactive(theta: Mapping[str, Any], space: Space) -> Theta:
    """θ without the hyperparameters of the space that are not active, in θ's order."""
    active: Theta = {}
    for name in in_order(space):
        if name in theta and is_active(space[name], active):
            active[name] = theta[name]
    return {name: theta[name] for name in theta if name in active}


def describe_condition(domain: Domain) -> str:
    """Where it is active: "where kind is 'a' or 'b' and deep is True"; "always"."""
    if domain.when is None:
        return "always"
    return "where " + " and ".join(
        f"{parent} is {' or '.join(map(repr, values))}" for parent, values in domain.when.items()
    )


def _check_condition(owner: str, parent: str, values: tuple[Value, ...], space: Space) -> None:
    if parent not in space:
        raise InputError(
            f"{owner} depends on '{parent}', which is not in its space; {suggest(parent, [*space])}"
        )
    choice = space[parent]
    if not isinstance(choice, Choice):
        raise InputError(
            f"{owner} depends on '{parent}', which is {choice}; a condition must name a Choice"
        )
    for value in values:
        if not choice.holds(value):
            raise InputError(f"{owner} depends on {parent} = {value!r}, which is not {choice}")


def _among(value: object, values: tuple[Value, ...]) -> bool:
    """Whether it is one of the values, of the same type: True is not 1."""
    return any(value == choice and type(value) is type(choice) for choice in values)
