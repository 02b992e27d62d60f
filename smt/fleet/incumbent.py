"""What a model runs today, where that is no template: predictions, or a network as it is."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from smt.errors import InputError
from smt.spec import Spec


class Predictions(Spec):
    """A Parquet of what some other system predicted of impressions.

    Attributes:
        predictions: Path or URI of the file, or of a folder of such files.
        score: Its column of probabilities in (0, 1), or of means of a value, above 0; of several
            events one each.
        on: Columns of the log by which its rows are told apart, such as the user, the item and the
            time: the file has them as raw files of the log do. Rows of the log that are alike in
            all of these share a score.
    """

    predictions: str = Field(min_length=1)
    score: str | dict[str, str] = "score"
    on: tuple[str, ...] = Field(min_length=1)

    def columns(self, events: Sequence[str]) -> dict[str, str]:
        """Event -> its column of scores. Raises `InputError` where it has none."""
        if isinstance(self.score, str):
            if len(events) > 1:
                said = ", ".join(f"{event}: COLUMN" for event in events)
                raise InputError(
                    f"has one column of scores, '{self.score}', for {len(events)} events; name "
                    f"one each, score: {{{said}}}"
                )
            return {events[0]: self.score}
        for event in events:
            if event not in self.score:
                raise InputError(f"'score' names no column for the event '{event}'")
        for event in self.score:
            if event not in events:
                raise InputError(
                    f"'score' names a column for '{event}', which is no event of the model"
                )
        return {event: self.score[event] for event in events}

    @property
    def named(self) -> str:
        """As a person calls it."""
        return self.predictions


class Checkpoint(Spec):
    """A network that an earlier launch made, with the weights that it has: it learns no more.

    Attributes:
        checkpoint: Path or URI of its model's folder in that launch.
    """

    checkpoint: str = Field(min_length=1)

    @property
    def named(self) -> str:
        """As a person calls it."""
        return self.checkpoint


Outside = Predictions | Checkpoint


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return "template"
    if isinstance(value, Checkpoint) or (isinstance(value, dict) and "checkpoint" in value):
        return "checkpoint"
    return "predictions"


Incumbent = Annotated[
    Annotated[str, Tag("template")]
    | Annotated[Predictions, Tag("predictions")]
    | Annotated[Checkpoint, Tag("checkpoint")],
    Discriminator(_kind),
]
"""A template's name, or what else serves."""
