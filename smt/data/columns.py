"""The kinds of columns that a log has, and of features that are made of them."""

from itertools import pairwise
from typing import Annotated, Literal, Self, TypeVar
from zoneinfo import available_timezones

from pydantic import BeforeValidator, Field, PositiveInt, model_validator

from smt.spec import Spec

Side = Literal["user", "item", "context"]
"""Whom a feature describes: the tower of a two-tower network that it belongs to."""

Coding = Literal["number", "hash", "dictionary"]
"""How raw values become ids: they are the ids; a hash in [1, num_ids); 1, 2, … in text order."""

Unit = Literal["s", "ms", "us", "ns", "min", "h", "d", "yyyymmdd", "yymmddhh", "yyyymmddhh"]
"""What a whole number that stands for a time counts, or the calendar digits that it is made of."""

Order = Literal["newest_first", "oldest_first"]
"""Where a raw history begins; a log's own begin with the most recent step."""


def _words(value: object) -> object:
    """Words as a person writes them in YAML: -1 is the word "-1"."""
    values = list(value) if isinstance(value, (list, tuple)) else [value]
    return tuple(str(word) if type(word) in (int, float) else word for word in values)


_T = TypeVar("_T")


# A log's schema.yaml, and so its digest, holds these only where somebody set them.
Reading = Annotated[_T | None, Field(exclude_if=lambda value: value is None)]
"""How raw files write a column; None leaves it to `smt.data.sources.table`."""
Missing = Reading[Annotated[tuple[str, ...], BeforeValidator(_words)]]
"""Words that mean "no value", beside the empty text, null and NaN; the usual ones where None."""


NumIds = Annotated[PositiveInt, Field(lt=2**63)]
"""How many ids there are; they are int64."""
Names = Annotated[tuple[str, ...], BeforeValidator(_words)] | None
"""What ids 0, 1, … are called; a number that YAML read is the text that it was written as."""


class Numeric(Spec):
    """A float32 value; NaN where it is missing."""

    kind: Literal["numeric"] = "numeric"
    side: Side = "context"
    missing: Missing = None


class Id(Spec):
    """One categorical id, int64 in [0, num_ids).

    `cluster`: rows with the same id are not independent; standard errors are clustered by it.
    Rows of id 0 have none, and are independent.
    """

    kind: Literal["id"] = "id"
    num_ids: NumIds
    cluster: bool = False
    side: Side = "context"
    coding: Reading[Coding] = None
    missing: Missing = None


class IdList(Spec):
    """A list of ids, each int64 in [0, num_ids), of any length including zero.

    `of` names the column of ids whose ids these are, so that both may share a table.
    `separator` is what stands between the ids of a list that is written as a text.
    """

    kind: Literal["id_list"] = "id_list"
    num_ids: NumIds
    of: str | None = None
    side: Side = "context"
    coding: Reading[Coding] = None
    missing: Missing = None
    separator: Reading[str] = None


class Embedding(Spec):
    """A vector of `dim` float32 values made elsewhere (a fixed-size Arrow list)."""

    kind: Literal["embedding"] = "embedding"
    dim: PositiveInt
    side: Side = "context"
    separator: Reading[str] = None


class Sequence(Spec):
    """A list of ids in order, the most recent first.

    `events` and `timestamps` name Parquet columns of lists of the same lengths: the
    event code (int64, in [0, num_events) where that is given) and the time (int64,
    milliseconds) of each step. `of` names the column of ids whose ids the steps are.
    Of raw files: `order` says where their lists begin, `unit` what their steps' times count.
    """

    kind: Literal["sequence"] = "sequence"
    num_ids: NumIds
    of: str | None = None
    events: str | None = None
    num_events: PositiveInt | None = None
    timestamps: str | None = None
    side: Side = "context"
    coding: Reading[Coding] = None
    missing: Missing = None
    separator: Reading[str] = None
    order: Reading[Order] = None
    unit: Reading[Unit] = None

    @model_validator(mode="after")
    def _events_are_named(self) -> "Sequence":
        if self.num_events is not None and self.events is None:
            raise ValueError("'num_events' says how many codes 'events' has; name that column too")
        if self.unit is not None and self.timestamps is None:
            raise ValueError("'unit' says what the steps' times count; name 'timestamps' too")
        return self

    @property
    def steps(self) -> tuple[str, ...]:
        """The stored columns of its steps."""
        return tuple(name for name in (self.events, self.timestamps) if name is not None)


class Event(Spec):
    """A label: int8, 1 where the event happened, else 0.

    `after` names an event without which this one does not happen (a conversion after a
    click). `delay` names a Parquet column, int64: the milliseconds from the impression to
    the event, 0 where it did not happen; `unit` is what a raw file's delays count. `truth` names
    a Parquet column, float32: the probability with which it happens, which a simulator alone
    knows.
    """

    kind: Literal["event"] = "event"
    after: str | None = None
    delay: str | None = None
    unit: Reading[Unit] = None
    truth: Reading[str] = None

    @model_validator(mode="after")
    def _unit_is_of_a_delay(self) -> "Event":
        if self.unit is not None and self.delay is None:
            raise ValueError("'unit' says what the delays count; name 'delay' too")
        return self


class Value(Spec):
    """A label that says how much: float32, finite and not negative, 0 where nothing happened.

    Such as seconds watched, or what an order was worth. A network predicts its mean, and is judged
    by the Tweedie deviance of `power`: towards 2 errors count as shares of what is predicted,
    towards 1 rather as amounts. `delay` and `unit` are as of an event. `truth` and `floor` name
    Parquet columns, float32, that a simulator alone knows: the label's expectation, and the
    expected deviance of predicting just that.
    """

    kind: Literal["value"] = "value"
    power: Annotated[float, Field(gt=1, lt=2)] = 1.5
    delay: str | None = None
    unit: Reading[Unit] = None
    truth: Reading[str] = None
    floor: Reading[str] = None

    @model_validator(mode="after")
    def _keys_come_together(self) -> "Value":
        if self.unit is not None and self.delay is None:
            raise ValueError("'unit' says what the delays count; name 'delay' too")
        if (self.truth is None) != (self.floor is None):
            raise ValueError("'truth' and 'floor' are known together; name both or neither")
        return self


class NamedIds(Spec):
    """Ids that a person may name: int64 in [0, num_ids). Usable as an id feature."""

    kind: str
    num_ids: NumIds
    names: Names = None
    side: Side = "context"
    coding: Reading[Coding] = None
    missing: Missing = None

    @model_validator(mode="after")
    def _names_have_ids(self) -> Self:
        names = self.names or ()
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"'names' has '{twice}' twice")
        if len(names) > self.num_ids:
            raise ValueError(f"{len(names)} names need num_ids of at least {len(names)}")
        if names and self.coding is not None:
            raise ValueError("'names' says what each id is; leave 'coding' out")
        return self


class Surface(NamedIds):
    """Where the impression happened: int64 in [0, num_ids). Usable as an id feature."""

    kind: Literal["surface"] = "surface"


class DataConstraint(NamedIds):
    """What data rules apply to the row (a region …): int64 code. Usable as an id feature."""

    kind: Literal["data_constraint"] = "data_constraint"


class Timestamp(Spec):
    """When the impression happened: int64 milliseconds since the epoch, UTC.

    Of raw files: `unit` is what whole numbers count, `zone` (an IANA name such as
    Asia/Shanghai) where the clock stood of times that do not say; UTC where None.
    """

    kind: Literal["timestamp"] = "timestamp"
    unit: Reading[Unit] = None
    zone: Reading[str] = None

    @model_validator(mode="after")
    def _zone_is_known(self) -> "Timestamp":
        if self.zone is not None and self.zone not in available_timezones():
            raise ValueError(f"'zone' {self.zone!r} is no IANA time zone such as Europe/Rome")
        return self


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
    | Value
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
    num_ids: NumIds


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
EVENT_KINDS = (Event, Value)
"""Labels: what a network may predict."""
SINGLE_ID_KINDS = (Id, Surface, DataConstraint)
ID_LIST_KINDS = (IdList, Sequence)
TRANSFORM_KINDS = (Cross, Bucket)
"""Features that a network computes from others; no log has a column of them."""
FEATURE_KINDS = (Numeric, Embedding, *SINGLE_ID_KINDS, *ID_LIST_KINDS, *TRANSFORM_KINDS)
