"""The kinds of columns that a log has, and of features that are made of them."""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, PositiveInt, model_validator

from smt.spec import Spec

Side = Literal["user", "item", "context"]
"""Whom a feature describes: the tower of a two-tower network that it belongs to."""


class Numeric(Spec):
    """A float32 value; NaN where it is missing."""

    kind: Literal["numeric"] = "numeric"
    side: Side = "context"


class Id(Spec):
    """One categorical id, int64 in [0, num_ids).

    `cluster`: rows with the same id are not independent; standard errors are clustered by it.
    Rows of id 0 have none, and are independent.
    """

    kind: Literal["id"] = "id"
    num_ids: PositiveInt
    cluster: bool = False
    side: Side = "context"


class IdList(Spec):
    """A list of ids, each int64 in [0, num_ids), of any length including zero.

    `of` names the column of ids whose ids these are, so that both may share a table.
    """

    kind: Literal["id_list"] = "id_list"
    num_ids: PositiveInt
    of: str | None = None
    side: Side = "context"


class Embedding(Spec):
    """A vector of `dim` float32 values made elsewhere (a fixed-size Arrow list)."""

    kind: Literal["embedding"] = "embedding"
    dim: PositiveInt
    side: Side = "context"


class Sequence(Spec):
    """A list of ids in order, the most recent first.

    `events` and `timestamps` name Parquet columns of lists of the same lengths: the
    event code (int64, in [0, num_events) where that is given) and the time (int64,
    milliseconds) of each step. `of` names the column of ids whose ids the steps are.
    """

    kind: Literal["sequence"] = "sequence"
    num_ids: PositiveInt
    of: str | None = None
    events: str | None = None
    num_events: PositiveInt | None = None
    timestamps: str | None = None
    side: Side = "context"

    @model_validator(mode="after")
    def _events_are_named(self) -> "Sequence":
        if self.num_events is not None and self.events is None:
            raise ValueError("'num_events' says how many codes 'events' has; name that column too")
        return self


class Event(Spec):
    """A label: int8, 1 where the event happened, else 0.

    `after` names an event without which this one does not happen (a conversion after a
    click). `delay` names a Parquet column, int64: the milliseconds from the impression to
    the event, 0 where it did not happen.
    """

    kind: Literal["event"] = "event"
    after: str | None = None
    delay: str | None = None


class Surface(Spec):
    """Where the impression happened: int64 in [0, num_ids). Usable as an id feature."""

    kind: Literal["surface"] = "surface"
    num_ids: PositiveInt
    names: tuple[str, ...] | None = None
    side: Side = "context"


class DataConstraint(Spec):
    """What data rules apply to the row (a region …): int64 code. Usable as an id feature."""

    kind: Literal["data_constraint"] = "data_constraint"
    num_ids: PositiveInt
    names: tuple[str, ...] | None = None
    side: Side = "context"


class Timestamp(Spec):
    """When the impression happened: int64 milliseconds since the epoch, UTC."""

    kind: Literal["timestamp"] = "timestamp"


class Weight(Spec):
    """Importance of the row in training and evaluation, float32, not negative."""

    kind: Literal["weight"] = "weight"


class Propensity(Spec):
    """Probability with which the logging policy showed the item, float32 in (0, 1]."""

    kind: Literal["propensity"] = "propensity"


StoredColumn = (
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
    | Propensity
)


class Cross(Spec):
    """The pair of two single ids as one, hashed to [0, num_ids). Not stored in the log."""

    kind: Literal["cross"] = "cross"
    of: tuple[str, str]
    num_ids: PositiveInt


class Bucket(Spec):
    """A numeric value as the id of the interval it falls in. Not stored in the log."""

    kind: Literal["bucket"] = "bucket"
    of: str
    boundaries: tuple[float, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _boundaries_increase(self) -> "Bucket":
        if any(left >= right for left, right in pairwise(self.boundaries)):
            raise ValueError("'boundaries' must be strictly increasing")
        return self

    @property
    def num_ids(self) -> int:
        """One id an interval, and one for missing values."""
        return len(self.boundaries) + 2


Column = Annotated[StoredColumn | Cross | Bucket, Field(discriminator="kind")]
SINGLE_ID_KINDS = (Id, Surface, DataConstraint)
ID_LIST_KINDS = (IdList, Sequence)
TRANSFORM_KINDS = (Cross, Bucket)
"""Features that a network computes from others; no log has a column of them."""
FEATURE_KINDS = (Numeric, Embedding, *SINGLE_ID_KINDS, *ID_LIST_KINDS, *TRANSFORM_KINDS)
