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
from smt.template.technique import Technique
from smt.template.template import Template

LISTS: tuple[FeatureType, ...] = ("id_list", "sequence", "event")
TABLES: tuple[FeatureType, ...] = ("id", "transform", *LISTS)


def _position_weighted_pooling(
    template: Template, *, max_positions: int, half_life: float
) -> Template:
    weighting = PositionWeighting(max_positions=max_positions, half_life=half_life)
    return template.change("features", position_weighting=weighting)


position_weighted_pooling = Technique(
    name="position_weighted_pooling",
    part="features",
    summary="Learned weights of a list's ids by their position, before they are pooled.",
    reads=LISTS,
    space={"max_positions": Int(4, 64, log=True), "half_life": Float(1.0, 200.0, log=True)},
    meanings={
        "max_positions": "positions that have a weight of their own; later ones share the last",
        "half_life": "positions after which the weight that learning starts from is half",
    },
    change=_position_weighted_pooling,
    source="§3.2.1 of the SMT paper; torchrec's PositionWeightedModule",
)


def _attention_pooling(template: Template, *, hidden: int) -> Template:
    return template.change("features", pooling=AttentionPooling(hidden=hidden))


attention_pooling = Technique(
    name="attention_pooling",
    part="features",
    summary="Lists, and sequences without a module of their own, pooled by a learned query.",
    reads=LISTS,
    space={"hidden": Int(8, 64, log=True)},
    meanings={"hidden": "width of the layer that scores an id"},
    change=_attention_pooling,
    source="Yang et al., Hierarchical Attention Networks, NAACL 2016 (Eq. 5 to 7)",
)


def _frequency_gated_ids(template: Template, *, prior_count: float) -> Template:
    return template.change("features", frequency_gate=prior_count)


frequency_gated_ids = Technique(
    name="frequency_gated_ids",
    part="features",
    summary="Embeddings of ids seen rarely are shrunk towards zero.",
    reads=TABLES,
    space={"prior_count": Float(0.1, 100.0, log=True)},
    meanings={"prior_count": "times that an id is seen until its embedding counts half"},
    change=_frequency_gated_ids,
    source="Shrinkage by sample size; cf. rare-id filtering in McMahan et al., KDD 2013",
)


def _multi_hash(template: Template, *, buckets: int, hashes: int) -> Template:
    return template.change("features", hashing=Hashing(buckets=buckets, hashes=hashes))


multi_hash = Technique(
    name="multi_hash",
    part="features",
    summary="Large tables become small ones, in which an id is the sum of several rows.",
    reads=TABLES,
    space={"buckets": Int(128, 262_144, log=True), "hashes": Int(1, 4)},
    meanings={
        "buckets": "rows of a hashed table; tables with fewer rows stay as they are",
        "hashes": "rows that make one id",
    },
    change=_multi_hash,
    source="Svenstrup et al., Hash Embeddings, NeurIPS 2017 (arXiv:1709.03933)",
)


def _shared_tables(template: Template) -> Template:
    return template.change("features", shared_tables=True)


shared_tables = Technique(
    name="shared_tables",
    part="features",
    summary="A list or sequence of another feature's ids (the schema's `of`) reads its table.",
    reads=LISTS,
    space={},
    change=_shared_tables,
    source="Covington et al., RecSys 2016, Section 4.1 (doi:10.1145/2959100.2959190)",
)


def _piecewise_linear_numerics(template: Template, *, bins: int, tokens: int) -> Template:
    return template.change("features", numeric=HeldPiecewiseLinear(bins=bins, tokens=tokens))


piecewise_linear_numerics = Technique(
    name="piecewise_linear_numerics",
    part="features",
    summary="Numeric features encoded piecewise linearly, between their quantiles.",
    reads=("numeric",),
    space={"bins": Int(4, 64, log=True), "tokens": Int(1, 8)},
    meanings={
        "bins": "quantile bins of each feature",
        "tokens": "that all numeric features make together",
    },
    change=_piecewise_linear_numerics,
    source="Gorishniy et al., On Embeddings for Numerical Features, NeurIPS 2022 "
    "(arXiv:2203.05556)",
)


def _bucketed_numerics(template: Template, *, count: int, buckets: int) -> Template:
    return template.change("features", buckets=Buckets(count=count, buckets=buckets))


bucketed_numerics = Technique(
    name="bucketed_numerics",
    part="features",
    summary="The most important numeric features also as ids of their quantile buckets.",
    reads=("numeric",),
    space={"count": Int(1, 16, log=True), "buckets": Int(4, 64, log=True)},
    meanings={"count": "features that are bucketed", "buckets": "of each of them"},
    change=_bucketed_numerics,
    source="He et al., Practical Lessons, ADKDD 2014, Section 3 (doi:10.1145/2648584.2648589)",
)


def _crossed_ids(template: Template, *, count: int, num_ids: int) -> Template:
    return template.change("features", crosses=Crosses(count=count, num_ids=num_ids))


crossed_ids = Technique(
    name="crossed_ids",
    part="features",
    summary="Pairs of the most important ids as ids of their own; within a tower where there "
    "are two.",
    reads=("id",),
    space={"count": Int(1, 10), "num_ids": Int(1_000, 200_000, log=True)},
    meanings={"count": "pairs that are crossed", "num_ids": "to which each cross is hashed"},
    change=_crossed_ids,
    source="Cheng et al., Wide & Deep Learning, DLRS 2016 (arXiv:1606.07792)",
)


def _top_features(template: Template, **counts: int) -> Template:
    selection = template.features.selection.model_dump()
    return template.change("features", selection={**selection, **counts})


top_features = Technique(
    name="top_features",
    part="features",
    summary="Only the most important features of each type, by the template's importances.",
    space={
        "numeric": Int(4, 64, log=True),
        "id": Int(4, 64, log=True),
        "id_list": Int(1, 16, log=True),
        "embedding": Int(1, 8),
        "sequence": Int(1, 8),
        "event": Int(1, 8),
        "transform": Int(1, 16, log=True),
    },
    meanings={
        "numeric": "numeric features that are kept",
        "id": "ids that are kept",
        "id_list": "lists of ids that are kept",
        "embedding": "embeddings that are kept",
        "sequence": "sequences of plain ids that are kept",
        "event": "sequences of typed or timed steps that are kept",
        "transform": "crosses and buckets of the schema that are kept",
    },
    change=_top_features,
    source="§3.2.1 of the SMT paper (the top K features a type)",
)
