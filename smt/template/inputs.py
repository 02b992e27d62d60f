"""Which of a model's features a template reads, and as what."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import get_args

from smt.data import Schema, input_features
from smt.data.columns import (
    SINGLE_ID_KINDS,
    Bucket,
    Cross,
    Embedding,
    IdList,
    Numeric,
    Sequence,
)
from smt.errors import InputError
from smt.fleet import ModelSpec
from smt.template.features import FeatureType
from smt.template.importance import by_importance, read_importance
from smt.template.template import Template


@dataclass(frozen=True)
class QuantileBucket:
    """A numeric feature that is read as the id of a quantile bucket, fitted before training."""

    of: str
    buckets: int

    @property
    def num_ids(self) -> int:
        """How many ids there are; the last is for missing values."""
        return self.buckets + 1


@dataclass(frozen=True)
class Inputs:
    """The features of a network (or one of its towers), by what they become.

    Attributes:
        crosses, buckets: Transforms by name; declared in the schema, or by the template.
        past_rates: Ids of which the past event rates are read, most important first.
        targets: Numeric features that are labels, not inputs.
    """

    numeric: tuple[str, ...] = ()
    embeddings: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    id_lists: tuple[str, ...] = ()
    sequences: tuple[str, ...] = ()
    crosses: Mapping[str, Cross] = field(default_factory=dict)
    buckets: Mapping[str, Bucket | QuantileBucket] = field(default_factory=dict)
    past_rates: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All features, transforms included, that become tokens."""
        transforms = (*self.crosses, *self.buckets)
        lists = (*self.id_lists, *self.sequences)
        return (*self.numeric, *self.embeddings, *self.ids, *transforms, *lists)

    def columns(self, schema: Schema) -> list[str]:
        """What must be read of a log, in the order in which batches hold it."""
        sources = [name for cross in self.crosses.values() for name in cross.of]
        sources += [bucket.of for bucket in self.buckets.values()]
        stored = [name for name in self.names if name in schema.columns]
        return input_features(schema, [*stored, *sources, *self.past_rates, *self.targets])


def feature_type(schema: Schema, name: str) -> FeatureType:
    """The type by which a feature is selected; a sequence of typed or timed steps is an event."""
    column = schema.columns[name]
    if isinstance(column, Numeric | IdList | Embedding):
        return column.kind
    if isinstance(column, SINGLE_ID_KINDS):
        return "id"
    if isinstance(column, Sequence):
        return "sequence" if column.events is None and column.timestamps is None else "event"
    return "transform"


def resolve_inputs(template: Template, model: ModelSpec, schema: Schema) -> Inputs:
    """Select and sort a model's features.

    Raises:
        InputError: A feature or event is not in the schema, or a transform's source is not
            among the model's features.
    """
    schema.require(model.features, schema.features, f"feature of model '{model.name}':")
    schema.require(model.events, schema.events, f"event of model '{model.name}':")
    _require_sources(model, schema)
    uri, rates = template.features.selection.importance, template.data.past_rates
    importance = read_importance(uri) if uri is not None else {}
    types = {name: feature_type(schema, name) for name in model.features}
    ranked = {
        kind: by_importance(tuple(n for n in types if types[n] == kind), importance)
        for kind in get_args(FeatureType)
    }
    targets: tuple[str, ...] = ()
    auxiliary = template.data.auxiliary
    if auxiliary is not None and auxiliary.source == "numeric":
        targets = tuple(ranked["numeric"][: auxiliary.count])
        ranked["numeric"] = ranked["numeric"][auxiliary.count :]
        ranked["transform"] = [n for n in ranked["transform"] if not _is_of(n, targets, schema)]
        if len(targets) == len(model.features):
            raise InputError(
                f"model '{model.name}' has no feature left to read: all of them are labels "
                f"({', '.join(targets)})"
            )
    kept = {
        name
        for kind, names in ranked.items()
        for name in names[: getattr(template.features.selection, kind)]
    }

    def selected(*kinds: FeatureType) -> tuple[str, ...]:
        return tuple(n for n in model.features if n in kept and types[n] in kinds)

    return Inputs(
        numeric=selected("numeric"),
        embeddings=selected("embedding"),
        ids=selected("id"),
        id_lists=selected("id_list"),
        sequences=selected("sequence", "event"),
        crosses=_crosses(template, schema, selected("transform"), ranked["id"]),
        buckets=_buckets(template, schema, selected("transform"), ranked["numeric"]),
        past_rates=tuple(ranked["id"][: rates.count]) if rates is not None else (),
        targets=targets,
    )


def split_sides(inputs: Inputs, schema: Schema, model: ModelSpec) -> tuple[Inputs, Inputs]:
    """The inputs of the user's tower (with the context's) and of the item's.

    Raises:
        InputError: A tower would have no features, or a declared cross needs both.
    """
    towers = []
    for of_item in (False, True):

        def here(names: tuple[str, ...], of_item: bool = of_item) -> tuple[str, ...]:
            return tuple(n for n in names if (schema.side_of(n) == "item") == of_item)

        crosses = {}
        for name, cross in inputs.crosses.items():
            sides = {schema.side_of(source) == "item" for source in cross.of}
            if len(sides) == 2:
                raise InputError(
                    f"feature of model '{model.name}': '{name}' crosses "
                    f"{' and '.join(cross.of)}, but the towers of a decoupled template meet "
                    "only at the end"
                )
            if sides == {of_item}:
                crosses[name] = cross
        tower = replace(
            inputs,
            numeric=here(inputs.numeric),
            embeddings=here(inputs.embeddings),
            ids=here(inputs.ids),
            id_lists=here(inputs.id_lists),
            sequences=here(inputs.sequences),
            crosses=crosses,
            buckets={n: b for n, b in inputs.buckets.items() if here((b.of,))},
            past_rates=here(inputs.past_rates),
            targets=(),
        )
        if not tower.names:
            raise InputError(
                f"model '{model.name}' has no feature of the {'item' if of_item else 'user'}, so "
                "a decoupled template has nothing for that tower; say in the schema which "
                "features have 'side: item' and which 'side: user'"
            )
        towers.append(tower)
    return towers[0], towers[1]


def _require_sources(model: ModelSpec, schema: Schema) -> None:
    for name in model.features:
        for source in input_features(schema, [name]):
            if source not in model.features:
                raise InputError(
                    f"feature of model '{model.name}': '{name}' is made from '{source}', "
                    "which is not among the model's features"
                )


def _is_of(name: str, targets: tuple[str, ...], schema: Schema) -> bool:
    """Whether a transform would tell a network its own label."""
    column = schema.columns[name]
    return isinstance(column, Bucket) and column.of in targets


def _crosses(
    template: Template, schema: Schema, declared: tuple[str, ...], ids: list[str]
) -> dict[str, Cross]:
    columns = schema.of_kind(Cross)
    crosses = {name: columns[name] for name in declared if name in columns}
    if template.features.crosses is None:
        return crosses
    pairs = [
        (first, second)
        for first, second in combinations(range(len(ids)), 2)
        if template.paradigm == "sparsenn"
        or (schema.side_of(ids[first]) == "item") == (schema.side_of(ids[second]) == "item")
    ]
    # The pairs of the most important ids come first.
    pairs.sort(key=lambda pair: (pair[0] + pair[1], pair))
    for first, second in pairs[: template.features.crosses.count]:
        of = (ids[first], ids[second])
        name = _free("__".join(("cross", *of)), {*crosses, *schema.columns})
        crosses[name] = Cross(of=of, num_ids=template.features.crosses.num_ids)
    return crosses


def _buckets(
    template: Template, schema: Schema, declared: tuple[str, ...], numeric: list[str]
) -> dict[str, Bucket | QuantileBucket]:
    columns = schema.of_kind(Bucket)
    buckets: dict[str, Bucket | QuantileBucket] = {n: columns[n] for n in declared if n in columns}
    spec = template.features.buckets
    if spec is not None:
        for name in numeric[: spec.count]:
            own = _free(f"bucket__{name}", {*buckets, *schema.columns})
            buckets[own] = QuantileBucket(name, spec.buckets)
    return buckets


def _free(name: str, taken: set[str]) -> str:
    """The name, with underscores after it where columns or other transforms have it."""
    while name in taken:
        name += "_"
    return name
