"""The features part: which features are read, and how each type becomes tokens."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from smt.spec import Spec

FeatureType = Literal["numeric", "id", "id_list", "embedding", "sequence", "event", "transform"]


class Selection(Spec):
    """The most important features of each type; None keeps all of them.

    Importance is the Parquet table that `experiments/feature_importance.py` writes
    (`importance`, a path or URI). Without one the order of the model's features counts.
    """

    importance: str | None = None
    numeric: PositiveInt | None = None
    id: PositiveInt | None = None
    id_list: PositiveInt | None = None
    embedding: PositiveInt | None = None
    sequence: PositiveInt | None = None
    event: PositiveInt | None = None
    transform: PositiveInt | None = None


class Normalised(Spec):
    """`Standardised` as older versions have it: a missing value counts as a value of 0."""

    kind: Literal["normalised"] = "normalised"


class Standardised(Spec):
    """All numeric features as one token: standardised, a flag where missing, an MLP.

    By the mean and deviation of the values that are there; a missing value is the mean.
    """

    kind: Literal["standardised"] = "standardised"


class PiecewiseLinear(Spec):
    """`HeldPiecewiseLinear` as older versions have it.

    Values beyond the bins are encoded without bound, and a feature that the log's first rows do
    not have keeps its sign alone.
    """

    kind: Literal["piecewise_linear"] = "piecewise_linear"
    bins: PositiveInt
    tokens: PositiveInt


class HeldPiecewiseLinear(Spec):
    """Piecewise-linear encoding over `bins` quantile bins a feature, as `tokens` tokens.

    Outliers are held; bins are set by a feature's first values, wherever in the training
    window they are.
    """

    kind: Literal["held_piecewise_linear"] = "held_piecewise_linear"
    bins: PositiveInt
    tokens: PositiveInt


NumericEncoding = Annotated[
    Normalised | Standardised | PiecewiseLinear | HeldPiecewiseLinear, Field(discriminator="kind")
]

REMARKS = {
    "normalised": "numeric 'normalised' counts a missing value as a value of 0 in means and "
    "variances: the feature fades the farther its mean is from 0; 'standardised' does not",
    "piecewise_linear": "numeric 'piecewise_linear' encodes outliers without bound, and only the "
    "sign of a feature that the first 65,536 rows lack; 'held_piecewise_linear' does neither",
}
"""Kind of numeric encoding with a fault -> the fault, and what is without it.

Versions that have one keep it, as they never change."""


class MeanPooling(Spec):
    """The mean of a list's embeddings."""

    kind: Literal["mean"] = "mean"


class SumPooling(Spec):
    """The sum of a list's embeddings."""

    kind: Literal["sum"] = "sum"


class AttentionPooling(Spec):
    """A weighted mean of a list's embeddings, by a learned query."""

    kind: Literal["attention"] = "attention"
    hidden: PositiveInt


class PositionWeighting(Spec):
    """Learned weights by position in a list; starts at 0.5^(position / half_life)."""

    max_positions: PositiveInt
    half_life: PositiveFloat


class TargetAttention(Spec):
    """A sum of a sequence's steps, weighed by how each meets the item shown (DIN).

    A sequence whose ids are no feature's of the model is attended by a learned query.
    """

    kind: Literal["target_attention"] = "target_attention"
    hidden: tuple[PositiveInt, ...]


class SelfAttention(Spec):
    """Transformer blocks over a sequence's steps, then their mean."""

    kind: Literal["self_attention"] = "self_attention"
    layers: PositiveInt
    heads: PositiveInt


class HSTU(Spec):
    """Hierarchical sequential transduction units over a sequence's steps, then their mean."""

    kind: Literal["hstu"] = "hstu"
    layers: PositiveInt
    heads: PositiveInt
    time_buckets: PositiveInt


class Hashing(Spec):
    """Tables above `buckets` rows are hashed: an id is the sum of `hashes` rows of `buckets`."""

    buckets: PositiveInt
    hashes: PositiveInt


class Crosses(Spec):
    """Crosses of the `count` most important pairs of ids, each hashed to `num_ids`."""

    count: PositiveInt
    num_ids: PositiveInt


class Buckets(Spec):
    """The `count` most important numeric features also as ids of quantile buckets."""

    count: PositiveInt
    buckets: PositiveInt


class Features(Spec):
    """How features of each type are selected and refined.

    Attributes:
        pooling: Of lists of ids, and of sequences without a module of their own.
        position_weighting: Weighs ids by their position before they are pooled.
        frequency_gate: Shrinks the embedding of an id seen n times by n / (n + gate).
        shared_tables: A list or sequence whose ids are another feature's (the schema's
            `of`) uses that feature's table.
        sequence: What reads sequences; None pools them as lists.
        max_steps: Most recent steps that a sequence's module reads; a plain pooling reads all.
        event_steps: Buckets of the logarithm of a step's age; with it, the type and age of
            events enter their steps. None leaves them out.
        crosses, buckets: Transforms that the network computes, beside those that the
            schema declares.
    """

    selection: Selection = Selection()
    numeric: NumericEncoding = Standardised()
    pooling: Annotated[MeanPooling | SumPooling | AttentionPooling, Field(discriminator="kind")] = (
        MeanPooling()
    )
    position_weighting: PositionWeighting | None = None
    frequency_gate: PositiveFloat | None = None
    hashing: Hashing | None = None
    shared_tables: bool = False
    sequence: (
        Annotated[TargetAttention | SelfAttention | HSTU, Field(discriminator="kind")] | None
    ) = None
    max_steps: PositiveInt = 20
    event_steps: PositiveInt | None = None
    crosses: Crosses | None = None
    buckets: Buckets | None = None

    @property
    def remark(self) -> str | None:
        """The fault of its numeric encoding, in one line; None where it has none.

        With an encoding that has one, buckets and numeric targets are as they were beside it.
        """
        return REMARKS.get(self.numeric.kind)
