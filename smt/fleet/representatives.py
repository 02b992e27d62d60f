"""The representative model set M_R (§3.3.1): k-means over six attributes, elbow, medoids."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.preprocessing import OneHotEncoder

from smt.errors import InputError
from smt.fleet.model_spec import Fleet, ModelSpec

MAX_CLUSTERS = 40
STAGES = ("retrieval", "pre_ranking", "ranking")


@dataclass(frozen=True)
class Representatives:
    """The outcome of the selection.

    Attributes:
        models: The members nearest the k cluster centres, in cluster order.
        clusters: `[n]` cluster of every model of the fleet.
        inertias: k -> k-means inertia, for the elbow.
        coordinates: `[n, 2]` the fleet's attributes projected on two principal axes (Fig. 4).
    """

    models: tuple[ModelSpec, ...]
    clusters: NDArray[np.int64]
    inertias: dict[int, float]
    coordinates: NDArray[np.float64]


def select_representatives(
    fleet: Fleet, *, count: int | None = None, seed: int = 0
) -> Representatives:
    """Pick the models on which techniques are tried.

    Args:
        fleet: Its models must have `inference_flops` counted.
        count: How many; None lets the elbow of the inertia decide.

    Raises:
        InputError: `count` is not within 1 … the number of models.
    """
    points = encode_attributes(fleet)
    distinct = len(np.unique(points, axis=0))
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
    tried = range(1, min(MAX_CLUSTERS, distinct) + 1)
    fits = {k: KMeans(k, n_init=4, random_state=seed).fit(points) for k in tried}
    inertias = {k: float(fit.inertia_) for k, fit in fits.items()}
    k = count if count is not None else elbow(inertias)
    fit = fits[k] if k in fits else KMeans(k, n_init=4, random_state=seed).fit(points)
    generator = np.random.default_rng(seed)
    members = []
    for cluster, centre in enumerate(fit.cluster_centers_):
        indices = np.flatnonzero(fit.labels_ == cluster)
        distances = np.linalg.norm(points[indices] - centre, axis=1)
        # Many members of a fleet made by combination are equally near: draw, or every
        # cluster would be stood for by the event and surface that the file lists first.
        nearest = indices[np.isclose(distances, distances.min())]
        members.append(fleet.models[generator.choice(nearest)])
    coordinates = PCA(2, random_state=seed).fit_transform(_at_least_two_columns(points))
    return Representatives(tuple(members), fit.labels_.astype(np.int64), inertias, coordinates)


def encode_attributes(fleet: Fleet) -> NDArray[np.float64]:
    """`[n, d]` the six attributes as numbers, each attribute of unit scale.

    Stage is an ordered scale in [0, 1]; FLOPs enter as log10, scaled to [0, 1] over the
    fleet; the four others are one-hot, scaled so that two different values are 1 apart.

    Raises:
        InputError: A model's FLOPs are not counted yet.
    """
    for model in fleet.models:
        if model.inference_flops is None:
            raise InputError(f"model '{model.name}': inference FLOPs are not counted yet")
    stage = np.array([[STAGES.index(m.stage) / 2] for m in fleet.models])
    flops = np.log10([[float(m.inference_flops or 1)] for m in fleet.models])
    flops = (flops - flops.min()) / (np.ptp(flops) or 1.0)
    categories = [
        [m.inference_hardware, m.events[0], m.surface, m.data_constraint] for m in fleet.models
    ]
    one_hot = OneHotEncoder(sparse_output=False).fit_transform(categories) / np.sqrt(2)
    return np.hstack([stage, flops, one_hot])


def elbow(inertias: dict[int, float]) -> int:
    """The k farthest below the chord from the first to the last point of the curve.

    Both axes are scaled to [0, 1] first, so the answer does not depend on units.
    """
    ks = np.array(sorted(inertias), dtype=float)
    values = np.array([inertias[int(k)] for k in ks])
    if len(ks) < 3 or values[0] == values[-1]:
        return int(ks[0])
    x = (ks - ks[0]) / (ks[-1] - ks[0])
    y = (values - values[-1]) / (values[0] - values[-1])
    return int(ks[(1 - x - y).argmax()])


def _at_least_two_columns(points: NDArray[np.float64]) -> NDArray[np.float64]:
    padding = np.zeros((max(2, len(points)), max(2, points.shape[1])))
    padding[: len(points), : points.shape[1]] = points
    return padding if len(points) == 1 else padding[: len(points)]
