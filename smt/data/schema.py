"""What a log's columns are, by name."""

from collections.abc import Iterable
from typing import TypeVar

from pydantic import model_validator

from smt.data.columns import (
    EVENT_KINDS,
    FEATURE_KINDS,
    ID_LIST_KINDS,
    SINGLE_ID_KINDS,
    TRANSFORM_KINDS,
    Bucket,
    Column,
    Cross,
    Event,
    Id,
    IdList,
    Numeric,
    Propensity,
    Sequence,
    Side,
    StoredColumn,
    Timestamp,
    Value,
    Weight,
)
from smt.errors import InputError
from smt.spec import Spec, suggest

_Kind = TypeVar("_Kind", bound=Spec)


class Schema(Spec):
    """The columns of a log, by name, and the features that are made of them.

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
        if len(self._clusters) > 1:
            raise ValueError(
                "standard errors are clustered by at most one column, but "
                f"{' and '.join(map(repr, self._clusters))} have 'cluster: true'"
            )
        return self

    @model_validator(mode="after")
    def _references_hold(self) -> "Schema":
        for name, column in self.columns.items():
            if isinstance(column, ID_LIST_KINDS) and column.of is not None:
                self._require_same_ids(name, column, column.of)
            elif isinstance(column, Cross):
                self._require(name, "of", column.of, SINGLE_ID_KINDS)
                if column.of[0] == column.of[1]:
                    raise ValueError(f"'{name}.of' must be two different columns")
            elif isinstance(column, Bucket):
                self._require(name, "of", (column.of,), (Numeric,))
            elif isinstance(column, Event):
                self._require_no_circle(name, column)
        return self

    @model_validator(mode="after")
    def _stored_names_are_unique(self) -> "Schema":
        taken = set(self.columns)
        steps = [step for column in self.of_kind(Sequence).values() for step in column.steps]
        for name in (*steps, *self._delays, *self.truths):
            if name in taken:
                raise ValueError(f"the column '{name}' of steps, delays or truth is named twice")
            taken.add(name)
        return self

    def _require(
        self, name: str, key: str, targets: Iterable[str], kinds: tuple[type[Spec], ...]
    ) -> None:
        """Raise `ValueError` unless a column's key names columns of these kinds."""
        fitting = self.names(*kinds)
        for target in targets:
            if target not in fitting:
                what = f"'{name}.{key}' names '{target}', which is no column that fits"
                raise ValueError(f"{what}; {suggest(target, list(fitting))}")

    def _require_same_ids(self, name: str, column: IdList | Sequence, of: str) -> None:
        self._require(name, "of", (of,), (*SINGLE_ID_KINDS, IdList))
        target = self.columns[of]
        assert isinstance(target, (*SINGLE_ID_KINDS, IdList))
        if isinstance(target, IdList) and target.of is not None:
            raise ValueError(f"'{name}.of' names '{of}', whose ids are those of '{target.of}'")
        if target.num_ids != column.num_ids:
            raise ValueError(f"'{name}' and '{of}' must have the same num_ids")
        if column.coding not in (None, target.coding):
            raise ValueError(f"'{name}' has the ids of '{of}'; set 'coding' there alone")

    def _require_no_circle(self, name: str, event: Event) -> None:
        chain = [name]
        while event.after is not None:
            if event.after in self.names(Value):
                raise ValueError(
                    f"'{chain[-1]}.after' names '{event.after}', a value; probabilities alone are "
                    "chained, so name an event of 0 and 1"
                )
            self._require(chain[-1], "after", (event.after,), (Event,))
            if event.after in chain:
                raise ValueError(f"events come after each other in a circle: {', '.join(chain)}")
            chain.append(event.after)
            event = self.of_kind(Event)[event.after]

    def names(self, *kinds: type[Spec]) -> tuple[str, ...]:
        """Names of the columns of the given kinds, in the schema's order."""
        return tuple(name for name, column in self.columns.items() if isinstance(column, kinds))

    def of_kind(self, kind: type[_Kind]) -> dict[str, _Kind]:
        """The columns of one kind."""
        return {name: column for name, column in self.columns.items() if isinstance(column, kind)}

    @property
    def stored(self) -> dict[str, StoredColumn]:
        """The columns that the log has under their own names: all but transforms."""
        return {
            name: column
            for name, column in self.columns.items()
            if not isinstance(column, TRANSFORM_KINDS)
        }

    @property
    def steps(self) -> dict[str, str]:
        """The stored columns of sequences' steps, each with its sequence."""
        return {
            step: name for name, column in self.of_kind(Sequence).items() for step in column.steps
        }

    @property
    def delays(self) -> dict[str, str]:
        """The stored columns of events' delays, each with its event."""
        return {delay: name for name in self.events if (delay := self.delay_of(name)) is not None}

    def delay_of(self, event: str) -> str | None:
        """The stored column of an event's delays; None where it has none."""
        return self.label(event).delay

    def label(self, event: str) -> Event | Value:
        """The column of an event."""
        column = self.columns[event]
        assert isinstance(column, EVENT_KINDS)
        return column

    @property
    def truths(self) -> tuple[str, ...]:
        """The stored columns of events' true means and floors, which simulated logs have."""
        labels = [self.label(event) for event in self.events]
        floors = [label.floor if isinstance(label, Value) else None for label in labels]
        known = (*(label.truth for label in labels), *floors)
        return tuple(name for name in known if name is not None)

    @property
    def _delays(self) -> list[str]:
        delays = (self.delay_of(event) for event in self.events)
        return [delay for delay in delays if delay is not None]

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns that a network may read."""
        return self.names(*FEATURE_KINDS)

    @property
    def events(self) -> tuple[str, ...]:
        """Names of the columns that a network may predict."""
        return self.names(*EVENT_KINDS)

    @property
    def timestamp(self) -> str:
        """Name of the column that orders the log."""
        return self.names(Timestamp)[0]

    @property
    def weight(self) -> str | None:
        """Name of the weight column, if the log has one."""
        return next(iter(self.names(Weight)), None)

    @property
    def cluster(self) -> str | None:
        """Name of the id whose rows are not independent; None where all rows are."""
        return self._clusters[0] if self._clusters else None

    @property
    def _clusters(self) -> list[str]:
        return [name for name, column in self.of_kind(Id).items() if column.cluster]

    def ids_of(self, name: str) -> str:
        """The column whose ids a column's are: what its `of` names, else itself."""
        column = self.columns[name]
        return column.of or name if isinstance(column, ID_LIST_KINDS) else name

    def side_of(self, feature: str) -> Side:
        """Whom a feature describes; a transform whose sources differ is context.

        Raises:
            InputError: The schema has no such feature.
        """
        self.require([feature], self.features, "feature")
        column = self.columns[feature]
        if isinstance(column, Bucket):
            return self.side_of(column.of)
        if isinstance(column, Cross):
            first, second = (self.side_of(source) for source in column.of)
            return first if first == second else "context"
        assert not isinstance(column, (Event, Value, Timestamp, Weight, Propensity))
        return column.side

    def require(self, names: Iterable[str], among: tuple[str, ...], what: str) -> None:
        """Raise `InputError` for the first of `names` that is not `among` those that fit."""
        for name in names:
            if name not in among:
                raise InputError(f"unknown {what} '{name}'; {suggest(name, list(among))}")
