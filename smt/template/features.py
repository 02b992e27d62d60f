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
    """All numeric features as one token: standardised, a flag where missing, an MLP."""

    kind: Literal["normalised"] = "normalised"


class PiecewiseLinear(Spec):
    """Piecewise-linear encoding over `bins` quantile bins a feature, as `tokens` tokens."""

    kind: Literal["piecewise_linear"] = "piecewise_linear"
    bins: PositiveInt
    tokens: PositiveInt


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
        selection: Top-K features a type.
        numeric: Encoding of numeric features.
        pooling: Of lists of ids, and of sequences without a module of their own.
        position_weighting: Weighs ids by their position before they are pooled.
        frequency_gate: Shrinks the embedding of an id seen n times by n / (n + gate).
        hashing: Hash large tables.
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
    numeric: Annotated[Normalised | PiecewiseLinear, Field(discriminator="kind")] = Normalised()
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
