"""What a log's columns are, by kind."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field, PositiveInt, model_validator

from smt.errors import InputError
from smt.spec import Spec, suggest


class Numeric(Spec):
    """A float32 value; NaN where it is missing."""

    kind: Literal["numeric"] = "numeric"


class Id(Spec):
    """One categorical id, int64 in [0, num_ids)."""

    kind: Literal["id"] = "id"
    num_ids: PositiveInt


class IdList(Spec):
    """A list of ids, each int64 in [0, num_ids), of any length including zero."""

    kind: Literal["id_list"] = "id_list"
    num_ids: PositiveInt


class Embedding(Spec):
    """A vector of `dim` float32 values made elsewhere (a fixed-size Arrow list)."""

    kind: Literal["embedding"] = "embedding"
    dim: PositiveInt


class Sequence(Spec):
    """A list of ids in order, the most recent first.

    `events` and `timestamps` name Parquet columns of lists of the same lengths: the
    event code (int64) and the time (int64, milliseconds) of each step.
    """

    kind: Literal["sequence"] = "sequence"
    num_ids: PositiveInt
    events: str | None = None
    timestamps: str | None = None


class Event(Spec):
    """A label: int8, 1 where the event happened, else 0."""

    kind: Literal["event"] = "event"


class Surface(Spec):
    """Where the impression happened: int64 in [0, num_ids). Usable as an id feature."""

    kind: Literal["surface"] = "surface"
    num_ids: PositiveInt
    names: tuple[str, ...] | None = None


class DataConstraint(Spec):
    """What data rules apply to the row (a region …): int64 code. Usable as an id feature."""

    kind: Literal["data_constraint"] = "data_constraint"
    num_ids: PositiveInt
    names: tuple[str, ...] | None = None


class Timestamp(Spec):
    """When the impression happened: int64 milliseconds since the epoch, UTC."""

    kind: Literal["timestamp"] = "timestamp"


class Weight(Spec):
    """Importance of the row in training and evaluation, float32, not negative."""

    kind: Literal["weight"] = "weight"


class Propensity(Spec):
    """Probability with which the logging policy showed the item, float32 in (0, 1]."""

    kind: Literal["propensity"] = "propensity"


Column = Annotated[
    Numeric
    | Id
    | IdList
    | Embedding
    | Sequence
    | Event
    | Surface
    | DataConstraint
    | Timestamp
    | Weight
    | Propensity,
    Field(discriminator="kind"),
]
SINGLE_ID_KINDS = (Id, Surface, DataConstraint)
ID_LIST_KINDS = (IdList, Sequence)
FEATURE_KINDS = (Numeric, Embedding, *SINGLE_ID_KINDS, *ID_LIST_KINDS)


class Schema(Spec):
    """The columns of a log, by name.

    Example:
        >>> schema = Schema(columns={"age": Numeric(), "click": Event(), "time": Timestamp()})
        >>> schema.events
        ('click',)
    """

    columns: dict[str, Column]

    @model_validator(mode="after")
    def _roles_are_unique(self) -> "Schema":
        if len(self.names(Timestamp)) != 1:
            raise ValueError("a schema has exactly one column of kind 'timestamp'")
        for kind in ("surface", "weight", "propensity"):
            if sum(column.kind == kind for column in self.columns.values()) > 1:
                raise ValueError(f"a schema has at most one column of kind '{kind}'")
        return self

    def names(self, *kinds: type[Spec]) -> tuple[str, ...]:
        """Names of the columns of the given kinds, in the schema's order."""
        return tuple(name for name, column in self.columns.items() if isinstance(column, kinds))

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns that a network may read."""
        return self.names(*FEATURE_KINDS)

    @property
    def events(self) -> tuple[str, ...]:
        """Names of the columns that a network may predict."""
        return self.names(Event)

    @property
    def timestamp(self) -> str:
        """Name of the column that orders the log."""
        return self.names(Timestamp)[0]

    @property
    def weight(self) -> str | None:
        """Name of the weight column, if the log has one."""
        names = self.names(Weight)
        return names[0] if names else None

    def require(self, names: Iterable[str], among: tuple[str, ...], what: str) -> None:
        """Raise `InputError` for the first of `names` that is not `among` those that fit."""
        for name in names:
            if name not in among:
                raise InputError(f"unknown {what} '{name}'; {suggest(name, list(among))}")
