"""Which member stands for each cluster: a centre-most, and one for every value of an attribute."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from smt.fleet.attributes import AttributeWeights
from smt.fleet.model_spec import ModelSpec

Value = tuple[str, str]
ORDERED = ("event", "inference_flops")


def centre_most(clusters: NDArray[np.int64], distances: NDArray[np.float64]) -> NDArray[np.bool_]:
    """`[n]`, whether no member of a point's cluster is nearer to the centre than it is.

    Args:
        clusters: `[n]` cluster of every point.
        distances: `[n]` to its cluster's centre.
    """
    least = np.full(clusters.max() + 1, np.inf)
    np.minimum.at(least, clusters, distances)
    return np.isclose(distances, least[clusters])


def choose_members(
    models: Sequence[ModelSpec],
    clusters: NDArray[np.int64],
    distances: NDArray[np.float64],
    *,
    weights: AttributeWeights,
    generator: np.random.Generator,
) -> list[int]:
    """The place of one member a cluster, such that every value of an attribute has one if it can.

    Each is a centre-most member of its cluster. Fleets are made by combination, and many members
    are equally near: of those, one whose values fewest others have, drawn where several do. A value
    that none of them has (one of the events of a model, a surface, …; the commonest first) is then
    given by the cluster where that costs least squared distance, as long as no other value is lost.

    Args:
        models: `[n]` of the fleet.
        clusters: `[n]` cluster of every model, 0 … k-1.
        distances: `[n]` to its cluster's centre.
        weights: Attributes of no weight are not looked at.
    """
    values = [_values(model, weights) for model in models]
    nearest = centre_most(clusters, distances)
    candidates = [
        np.flatnonzero(nearest & (clusters == cluster)).tolist()
        for cluster in range(int(clusters.max()) + 1)
    ]
    taken: Counter[Value] = Counter()
    chosen = [0] * len(candidates)
    # Those with least choice first.
    for cluster in sorted(range(len(candidates)), key=lambda cluster: len(candidates[cluster])):
        shared = [sum(taken[value] for value in values[place]) for place in candidates[cluster]]
        fewest = np.flatnonzero(np.array(shared) == min(shared))
        chosen[cluster] = candidates[cluster][generator.choice(fewest)]
        taken.update(values[chosen[cluster]])
    return _cover(chosen, values, clusters, np.square(distances))


def _values(model: ModelSpec, weights: AttributeWeights) -> frozenset[Value]:
    """What a model has of the attributes that are not numbers."""
    own = {name: {getattr(model, name)} for name, _ in weights if name not in ORDERED}
    own["event"] = set(model.events)
    return frozenset(
        (name, value) for name, of in own.items() if getattr(weights, name) for value in of
    )


def _cover(
    chosen: list[int],
    values: Sequence[frozenset[Value]],
    clusters: NDArray[np.int64],
    costs: NDArray[np.float64],
) -> list[int]:
    """`chosen`, changed where values had no member.

    Args:
        costs: `[n]` of a model in place of its cluster's centre.
    """
    chosen = list(chosen)
    common = Counter(value for of_model in values for value in of_model)
    for missing, _ in sorted(common.items(), key=lambda item: (-item[1], item[0])):
        taken = Counter(value for place in chosen for value in values[place])
        if taken[missing]:
            continue
        swaps = [
            (costs[place] - costs[chosen[cluster]], place)
            for place, cluster in enumerate(clusters.tolist())
            if missing in values[place]
            and all(taken[value] > 1 for value in values[chosen[cluster]] - values[place])
        ]
        if swaps:
            place = min(swaps)[1]
            chosen[clusters[place]] = place
    return chosen
