"""Which member stands for each cluster: a centre-most, and one for every value of an attribute."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smt.fleet.attributes import AttributeWeights
from smt.fleet.model_spec import ModelSpec

Value = tuple[str, str]
# Events are numbers as points, and names here.
NUMBERS = ("event", "inference_flops")


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
    kinds: Mapping[str, str],
    generator: np.random.Generator,
) -> list[int]:
    """The place of one member a cluster, such that every value of an attribute has one if it can.

    Each is a centre-most member of its cluster. Fleets are made by combination, and many members
    are equally near: of those, one whose values fewest others have, drawn where several do. A value
    that none of them has (one of the events of a model, a surface, …; the commonest first) is then
    given by the cluster where that costs least squared distance. What is lost by it is given by
    others in turn; where none can, nothing changes.

    Args:
        models: `[n]` of the fleet.
        clusters: `[n]` cluster of every model, 0 … k-1.
        distances: `[n]` to its cluster's centre.
        weights: Attributes of no weight are not looked at.
        kinds: Name of a model -> a value that is looked at beside those of its attributes.
    """
    values = [_values(model, weights, kinds.get(model.name)) for model in models]
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
    holders: dict[Value, list[int]] = {}
    for place, of_model in enumerate(values):
        for value in of_model:
            holders.setdefault(value, []).append(place)
    cover = _Cover(values, holders, clusters.tolist(), np.square(distances).tolist())
    return cover.all_values(chosen)


def _values(model: ModelSpec, weights: AttributeWeights, kind: str | None) -> frozenset[Value]:
    """What a model has of the attributes that are not numbers, and its kind."""
    own = {name: {getattr(model, name)} for name, _ in weights if name not in NUMBERS}
    own["event"] = set(model.events)
    values = {(name, value) for name, of in own.items() if getattr(weights, name) for value in of}
    return frozenset(values if kind is None else {*values, ("kind", kind)})


@dataclass(frozen=True)
class _Cover:
    """Swaps of representatives within their clusters.

    Attributes:
        values: `[n]` of every model.
        holders: Value -> the models that have it.
        clusters: `[n]` cluster of every model.
        costs: `[n]` squared distance to its cluster's centre.
    """

    values: Sequence[frozenset[Value]]
    holders: Mapping[Value, Sequence[int]]
    clusters: Sequence[int]
    costs: Sequence[float]

    def all_values(self, chosen: list[int]) -> list[int]:
        """`chosen`, changed where values had no representative: the commonest first."""
        for missing in sorted(self.holders, key=lambda value: (-len(self.holders[value]), value)):
            if not self._taken(chosen)[missing]:
                chosen = self._give(missing, chosen) or chosen
        return chosen

    def _give(self, missing: Value, chosen: list[int]) -> list[int] | None:
        """By one swap that loses nothing, or by one whose loss other swaps make good."""
        swapped = [self._swap(place, chosen) for place in self._cheapest(missing, chosen)]
        before = self._taken(chosen)
        for other in swapped:
            if not before.keys() - self._taken(other).keys():
                return other
        for other in swapped:
            for lost in before.keys() - self._taken(other).keys():
                known = self._taken(other)
                again = [self._swap(place, other) for place in self._cheapest(lost, other)]
                kept = [each for each in again if not known.keys() - self._taken(each).keys()]
                if not kept:
                    break
                other = kept[0]
            else:
                return other
        return None

    def _cheapest(self, value: Value, chosen: list[int]) -> list[int]:
        """The nearest holder of a value in each cluster, those first that cost least more."""
        nearest: dict[int, int] = {}
        for place in self.holders[value]:
            other = nearest.setdefault(self.clusters[place], place)
            if self.costs[place] < self.costs[other]:
                nearest[self.clusters[place]] = place
        return sorted(
            nearest.values(),
            key=lambda place: self.costs[place] - self.costs[chosen[self.clusters[place]]],
        )

    def _swap(self, place: int, chosen: list[int]) -> list[int]:
        cluster = self.clusters[place]
        return [*chosen[:cluster], place, *chosen[cluster + 1 :]]

    def _taken(self, chosen: list[int]) -> Counter[Value]:
        return Counter(value for place in chosen for value in self.values[place])
