"""Techniques that change which features are read, and how numbers, ids and lists become tokens."""

from smt.space import Float, Int
from smt.template.features import (
    AttentionPooling,
    Buckets,
    Crosses,
    FeatureType,
    Hashing,
    HeldPiecewiseLinear,
    PositionWeighting,
)
from smt.template.technique import technique
from smt.template.template import Template

LISTS: tuple[FeatureType, ...] = ("id_list", "sequence", "event")
TABLES: tuple[FeatureType, ...] = ("id", "transform", *LISTS)


@technique(
    part="features",
    reads=LISTS,
    max_positions=(
        Int(4, 64, log=True),
        "positions that have a weight of their own; later ones share the last",
    ),
    half_life=(
        Float(1.0, 200.0, log=True),
        "positions after which the weight that learning starts from is half",
    ),
    source="§3.2.1 of the SMT paper; torchrec's PositionWeightedModule",
)
def position_weighted_pooling(
    template: Template, *, max_positions: int, half_life: float
) -> Template:
    """Learned weights of a list's ids by their position, before they are pooled."""
    weighting = PositionWeighting(max_positions=max_positions, half_life=half_life)
    return template.change("features", position_weighting=weighting)


@technique(
    part="features",
    reads=LISTS,
    hidden=(Int(8, 64, log=True), "width of the layer that scores an id"),
    source="Yang et al., Hierarchical Attention Networks, NAACL 2016 (Eq. 5 to 7)",
)
def attention_pooling(template: Template, *, hidden: int) -> Template:
    """Lists, and sequences without a module of their own, pooled by a learned query."""
    return template.change("features", pooling=AttentionPooling(hidden=hidden))


@technique(
    part="features",
    reads=TABLES,
    prior_count=(
        Float(0.1, 100.0, log=True),
        "times that an id is seen until its embedding counts half",
    ),
    source="Shrinkage by sample size; cf. rare-id filtering in McMahan et al., KDD 2013",
)
def frequency_gated_ids(template: Template, *, prior_count: float) -> Template:
    """Embeddings of ids seen rarely are shrunk towards zero."""
    return template.change("features", frequency_gate=prior_count)


@technique(
    part="features",
    reads=TABLES,
    buckets=(
        Int(128, 262_144, log=True),
        "rows of a hashed table; tables with fewer rows stay as they are",
    ),
    hashes=(Int(1, 4), "rows that make one id"),
    source="Svenstrup et al., Hash Embeddings, NeurIPS 2017 (arXiv:1709.03933)",
)
def multi_hash(template: Template, *, buckets: int, hashes: int) -> Template:
    """Large tables become small ones, in which an id is the sum of several rows."""
    return template.change("features", hashing=Hashing(buckets=buckets, hashes=hashes))


@technique(
    part="features",
    reads=LISTS,
    source="Covington et al., RecSys 2016, Section 4.1 (doi:10.1145/2959100.2959190)",
)
def shared_tables(template: Template) -> Template:
    """A list or sequence of another feature's ids (the schema's `of`) reads its table."""
    return template.change("features", shared_tables=True)


@technique(
    part="features",
    reads=("numeric",),
    bins=(Int(4, 64, log=True), "quantile bins of each feature"),
    tokens=(Int(1, 8), "that all numeric features make together"),
    source="Gorishniy et al., On Embeddings for Numerical Features, NeurIPS 2022 "
    "(arXiv:2203.05556)",
)
def piecewise_linear_numerics(template: Template, *, bins: int, tokens: int) -> Template:
    """Numeric features encoded piecewise linearly, between their quantiles."""
    return template.change("features", numeric=HeldPiecewiseLinear(bins=bins, tokens=tokens))


@technique(
    part="features",
    reads=("numeric",),
    count=(Int(1, 16, log=True), "features that are bucketed"),
    buckets=(Int(4, 64, log=True), "of each of them"),
    source="He et al., Practical Lessons, ADKDD 2014, Section 3 (doi:10.1145/2648584.2648589)",
)
def bucketed_numerics(template: Template, *, count: int, buckets: int) -> Template:
    """The most important numeric features also as ids of their quantile buckets."""
    return template.change("features", buckets=Buckets(count=count, buckets=buckets))


@technique(
    part="features",
    reads=("id",),
    count=(Int(1, 10), "pairs that are crossed"),
    num_ids=(Int(1_000, 200_000, log=True), "to which each cross is hashed"),
    source="Cheng et al., Wide & Deep Learning, DLRS 2016 (arXiv:1606.07792)",
)
def crossed_ids(template: Template, *, count: int, num_ids: int) -> Template:
    """Pairs of the most important ids as ids of their own; within a tower where there are two."""
    return template.change("features", crosses=Crosses(count=count, num_ids=num_ids))


@technique(
    part="features",
    numeric=(Int(4, 64, log=True), "numeric features that are kept"),
    id=(Int(4, 64, log=True), "ids that are kept"),
    id_list=(Int(1, 16, log=True), "lists of ids that are kept"),
    embedding=(Int(1, 8), "embeddings that are kept"),
    sequence=(Int(1, 8), "sequences of plain ids that are kept"),
    event=(Int(1, 8), "sequences of typed or timed steps that are kept"),
    transform=(Int(1, 16, log=True), "crosses and buckets of the schema that are kept"),
    source="§3.2.1 of the SMT paper (the top K features a type)",
)
def top_features(template: Template, **counts: int) -> Template:
    """Only the most important features of each type, by the template's importances."""
    selection = template.features.selection.model_dump()
    return template.change("features", selection={**selection, **counts})
