"""The representative model set M_R (§3.3.1): k-means over six attributes, elbow, medoids."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

from smt.errors import InputError
from smt.fleet.attribute_points import encode_attributes
from smt.fleet.attributes import AttributeWeights
from smt.fleet.cluster_count import elbow, silhouettes
from smt.fleet.cluster_members import choose_members
from smt.fleet.model_spec import Fleet, ModelSpec
from smt.seeds import check_seed
from smt.threads import one_thread

ALL_TRIED = 40
"""Every k up to this is tried, then every `SPACING`th."""
SPACING = 8
MAX_CLUSTERS = 128
# Of more models than this, k is chosen on a random sample of so many.
MAX_SAMPLED = 10_000
RESTARTS = 4


@dataclass(frozen=True)
class Representatives:
    """The outcome of the selection.

    Attributes:
        models: The members that stand for the k clusters, in cluster order: see `choose_members`.
        clusters: `[n]` cluster of every model of the fleet.
        distances: `[n]` of every model to its cluster's centre.
        inertias: k -> k-means inertia, for the elbow.
        silhouettes: k -> mean silhouette, a second opinion; without k that have none.
        coordinates: `[n, 2]` the fleet's attributes projected on two principal axes (Fig. 4).
    """

    models: tuple[ModelSpec, ...]
    clusters: NDArray[np.int64]
    distances: NDArray[np.float64]
    inertias: dict[int, float]
    silhouettes: dict[int, float]
    coordinates: NDArray[np.float64]


@one_thread()
def select_representatives(
    fleet: Fleet,
    *,
    count: int | None = None,
    seed: int = 0,
    weights: AttributeWeights | None = None,
    kinds: Mapping[str, str] | None = None,
) -> Representatives:
    """Pick the models on which techniques are tried.

    Args:
        fleet: Its models must have `inference_flops` counted.
        count: How many; None lets the elbow of the inertia decide.
        weights: How much each attribute counts; alike where None.
        kinds: Name of a model -> its kind, such as its template: each should have a representative,
            as each value of an attribute should.

    Raises:
        InputError: `count` is not within 1 … the number of models, or `seed` is no seed.
    """
    check_seed(seed)
    points = encode_attributes(fleet, weights)
    distinct = len(np.unique(points, axis=0))
    _check_count(count, fleet, distinct)
    generator = np.random.default_rng(seed)
    sample = points
    if len(points) > MAX_SAMPLED:
        sample = points[generator.choice(len(points), MAX_SAMPLED, replace=False)]
    fits = {k: fit_clusters(sample, k, seed) for k in tried_counts(len(np.unique(sample, axis=0)))}
    inertias = {k: float(fit.inertia_) for k, fit in fits.items()}
    labels = {k: fit.labels_.astype(np.int64) for k, fit in fits.items()}
    k = count if count is not None else elbow(inertias)
    fit = fits[k] if k in fits and sample is points else fit_clusters(points, k, seed)
    clusters = fit.labels_.astype(np.int64)
    distances = np.linalg.norm(points - fit.cluster_centers_[clusters], axis=1)
    members = choose_members(
        fleet.models,
        clusters,
        distances,
        weights=weights or AttributeWeights(),
        kinds=kinds or {},
        generator=generator,
    )
    # Two axes take two points.
    projected = points if len(points) > 1 else np.vstack([points, np.zeros_like(points)])
    return Representatives(
        models=tuple(fleet.models[place] for place in members),
        clusters=clusters,
        distances=distances,
        inertias=inertias,
        silhouettes=silhouettes(sample, labels, seed=seed),
        coordinates=PCA(2, random_state=seed).fit_transform(projected)[: len(points)],
    )


def tried_counts(distinct: int) -> list[int]:
    """The k of which the inertia is known, of so many distinct points.

    Where the curve ends, its elbow depends on: at a cluster for every other point, as clusters of
    one stand for nobody else; at no fewer than `ALL_TRIED`, and no more than `MAX_CLUSTERS`.
    """
    last = min(distinct, max(ALL_TRIED, min(distinct // 2, MAX_CLUSTERS)))
    return [k for k in range(1, last + 1) if k <= ALL_TRIED or k % SPACING == 0 or k == last]


def fit_clusters(points: NDArray[np.float64], k: int, seed: int) -> KMeans:
    """k-means from the best of a few k-means++ starts."""
    return KMeans(k, init="k-means++", n_init=RESTARTS, random_state=seed).fit(points)


def _check_count(count: int | None, fleet: Fleet, distinct: int) -> None:
    if count is not None and not 1 <= count <= len(fleet.models):
        raise InputError(
            f"{count} representatives asked for; fleet '{fleet.name}' has "
            f"{len(fleet.models)} models"
        )
    if count is not None and count > distinct:
        raise InputError(
            f"{count} representatives asked for; the models of fleet '{fleet.name}' differ in "
            f"only {distinct} combinations of attributes"
        )
