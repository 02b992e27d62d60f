"""How far the representatives depend on which models a fleet happens to have."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics.cluster import contingency_matrix

from smt.fleet.attribute_points import encode_attributes
from smt.fleet.attributes import AttributeWeights
from smt.fleet.cluster_members import centre_most
from smt.fleet.model_spec import Fleet
from smt.fleet.representatives import MAX_SAMPLED, Representatives, fit_clusters
from smt.seeds import resample_seed
from smt.threads import one_thread


@dataclass(frozen=True)
class Stability:
    """What comes out of fleets drawn from this one with replacement.

    Attributes:
        members: `[k]` share of them in which the representative is again a centre-most member.
        clusters: `[k]` mean Jaccard similarity of its cluster and the likest one there (Hennig
            2007): from 0.75 the cluster is stable, below 0.5 it falls apart.
    """

    resamples: int
    members: NDArray[np.float64]
    clusters: NDArray[np.float64]


@one_thread()
def measure_stability(
    fleet: Fleet,
    chosen: Representatives,
    *,
    resamples: int = 50,
    seed: int = 0,
    weights: AttributeWeights | None = None,
) -> Stability:
    """Cluster bootstrap samples of the fleet into as many clusters, and look for the same ones.

    Of more than 10,000 models, a sample has 10,000.

    Args:
        chosen: Selected by the same `weights`.
    """
    points = encode_attributes(fleet, weights)
    places = {model.name: place for place, model in enumerate(fleet.models)}
    representatives = np.array([places[model.name] for model in chosen.models])
    generator = np.random.default_rng(seed)
    again, alike = [], []
    for resample in range(resamples):
        drawn = points[generator.integers(len(points), size=min(len(points), MAX_SAMPLED))]
        k = min(len(representatives), len(np.unique(drawn, axis=0)))
        fit = fit_clusters(drawn, k, resample_seed(seed, resample))
        clusters = fit.predict(points).astype(np.int64)
        distances = np.linalg.norm(points - fit.cluster_centers_[clusters], axis=1)
        again.append(centre_most(clusters, distances)[representatives])
        alike.append(_jaccard(chosen.clusters, clusters).max(axis=1))
    return Stability(resamples, np.mean(again, axis=0), np.mean(alike, axis=0))


def _jaccard(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float64]:
    """`[k, k']`, models in both clusters over models in either."""
    both = contingency_matrix(first, second)
    either = both.sum(axis=1, keepdims=True) + both.sum(axis=0, keepdims=True) - both
    return np.asarray(both / either, dtype=np.float64)
