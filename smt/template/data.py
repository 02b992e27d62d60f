"""The data part: what is done to the examples before a network learns from them."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from smt.data.columns import Column
from smt.spec import Spec, UnitInterval


class ConversionWindow(Spec):
    """A delayed event counts if it happens within `hours`; of events with a delay column.

    What happened after the training window's end is not known yet. `correction` says what
    becomes of rows whose window was open then: they are dropped, taken as they look
    (`none`), or `weighted` so that the expected loss is that of complete windows.
    """

    hours: PositiveFloat
    correction: Literal["drop", "none", "weighted"]


class Distillation(Spec):
    """Soft labels: a larger template's network learns beside this one and teaches it.

    The teacher predicts each batch before it learns from it; labels move `weight` of the
    way to its predictions. It is a template of the package, or FOLDER/NAME of one whose versions
    are in a folder (or URI) that workers reach.
    """

    teacher: str
    version: PositiveInt
    weight: UnitInterval


class Auxiliary(Spec):
    """Other things in the log as labels, in heads that only exist during training.

    `events`: the first `count` other events of the schema. `numeric`: the `count` most
    important numeric features, which are not read as inputs then (squared error of the
    standardised value). Their mean loss counts `weight`.
    """

    source: Literal["events", "numeric"]
    count: PositiveInt
    weight: PositiveFloat


class Enrichment(Spec):
    """Columns of a side table (a Parquet path or URI), joined on an id; for logs that have it."""

    table: str
    key: str
    columns: dict[str, Column] = Field(min_length=1)


class PastRates(Spec):
    """How often events followed earlier rows with the same id, as numeric features.

    For the `count` most important ids: the events' past rates, shrunk towards the base rate
    by `prior_count` rows, and how far its own rows decide them. Only what came before a row
    counts.
    """

    count: PositiveInt
    prior_count: PositiveFloat


class Data(Spec):
    """What is done to the examples.

    Attributes:
        label_smoothing: Moves training labels this share of the way to the base rate.
        conversion_window, distillation, auxiliary, past_rates: See their classes.
        enrichments: Side tables.
        train_rows: Keeps only the latest so many rows of the training window.
        negative_rate: Keeps this share of the rows where none of the model's events
            happened; predictions are recalibrated exactly.
        recency_half_life: Days after which a training row counts half.
        surface_balance: Rows of a surface with share s of the log weigh s^-balance.
    """

    label_smoothing: UnitInterval = 0.0
    conversion_window: ConversionWindow | None = None
    distillation: Distillation | None = None
    auxiliary: Auxiliary | None = None
    enrichments: tuple[Enrichment, ...] = ()
    past_rates: PastRates | None = None
    train_rows: PositiveInt | None = None
    negative_rate: Annotated[float, Field(gt=0, le=1)] = 1.0
    recency_half_life: PositiveFloat | None = None
    surface_balance: UnitInterval = 0.0
