"""A template: the five fixed parts (§3.2.1) from which every model's network is built."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from smt.spec import Spec

UnitInterval = Annotated[float, Field(ge=0, le=1)]


class Dot(Spec):
    """Dot products of all pairs of tokens (DLRM)."""

    kind: Literal["dot"] = "dot"


class Cross(Spec):
    """Low-rank cross layers (DCN-V2)."""

    kind: Literal["cross"] = "cross"
    layers: PositiveInt
    rank: PositiveInt


class PlainMLP(Spec):
    """Linear layers of these widths, with ReLU."""

    kind: Literal["plain"] = "plain"
    widths: tuple[PositiveInt, ...] = (128, 64)


class ResidualMLP(Spec):
    """`depth` pre-norm residual blocks of one width."""

    kind: Literal["residual"] = "residual"
    width: PositiveInt
    depth: PositiveInt


class Architecture(Spec):
    """The network's shape.

    `interactions` work side by side on the same tokens of width `embedding_dim`; `mlp`
    joins them. `numeric_hidden` is the hidden width of the numeric features' token.
    """

    embedding_dim: PositiveInt = 16
    numeric_hidden: PositiveInt = 64
    interactions: tuple[Annotated[Dot | Cross, Field(discriminator="kind")], ...] = Field(
        (Dot(),), min_length=1
    )
    mlp: Annotated[PlainMLP | ResidualMLP, Field(discriminator="kind")] = PlainMLP()


class PositionWeighting(Spec):
    """Learned weights by position in a list; starts at 0.5^(position / half_life)."""

    max_positions: PositiveInt
    half_life: PositiveFloat


class Features(Spec):
    """How features of each type are refined.

    Lists of ids (and sequences, in this version) are averaged, weighted by position where
    `position_weighting` is set. `frequency_gate` shrinks the embedding of an id that was
    seen n times by n / (n + frequency_gate).
    """

    position_weighting: PositionWeighting | None = None
    frequency_gate: PositiveFloat | None = None


class Data(Spec):
    """What is done to the examples.

    `label_smoothing` moves training labels this share of the way to the event's base rate.
    `train_rows` keeps only the latest so many rows of the training window.
    """

    label_smoothing: UnitInterval = 0.0
    train_rows: PositiveInt | None = None


class ConstantRate(Spec):
    """Learning rates stay as they are."""

    kind: Literal["constant"] = "constant"


class WarmupCosine(Spec):
    """Linear warm-up over a share of the steps, then a half cosine down to `final`.

    All rates are multiplied by `peak` at the top and `peak * final` at the end.
    """

    kind: Literal["warmup_cosine"] = "warmup_cosine"
    warmup: UnitInterval
    peak: PositiveFloat
    final: UnitInterval


class Training(Spec):
    """How a network is trained: one pass in time order.

    `dense_rate` is Adam's learning rate for the dense part, `table_rate` row-wise
    Adagrad's for the tables. `workers` above 1 trains data-parallel, tables sharded, in a
    Ray Train run of its own; `batch_size` is that of all workers together.
    """

    batch_size: PositiveInt = 512
    dense_rate: PositiveFloat = 0.002
    table_rate: PositiveFloat = 0.05
    schedule: Annotated[ConstantRate | WarmupCosine, Field(discriminator="kind")] = ConstantRate()
    workers: PositiveInt = 1


class Serving(Spec):
    """What a network may cost where it serves.

    With `enforce_flops_limit`, a network above its model's FLOPs limit is refused, so a
    technique cannot buy quality with capacity that the model does not have.
    """

    enforce_flops_limit: bool = True


class Template(Spec):
    """Everything about a model but its own inputs. Immutable; techniques make new ones."""

    name: str
    paradigm: Literal["sparsenn"] = "sparsenn"
    architecture: Architecture = Architecture()
    features: Features = Features()
    data: Data = Data()
    training: Training = Training()
    serving: Serving = Serving()

    def change(self, part: str, **values: object) -> "Template":
        """The template with some values of one part replaced, validated again.

        Example:
            >>> Template(name="small").change("training", batch_size=256).training.batch_size
            256
        """
        content = self.model_dump()
        content[part] = {**content.get(part, {}), **values}
        return Template.parse(content, source=f"template '{self.name}', part '{part}'")
