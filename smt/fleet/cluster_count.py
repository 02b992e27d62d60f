"""How many clusters a fleet has: the elbow of the inertia, silhouettes as a second opinion."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import pairwise_distances, silhouette_score

# Silhouettes need the distance of every pair.
MAX_PAIRED = 2000


def elbow(inertias: Mapping[int, float]) -> int:
    """The k farthest below the chord from the first to the last point of the curve.

    Both axes are scaled to [0, 1] first, so the answer does not depend on units. It does depend on
    the last k: of inertias that fall as 1/k, the elbow is the last k's square root.
    """
    ks = np.array(sorted(inertias), dtype=float)
    values = np.array([inertias[int(k)] for k in ks])
    if len(ks) < 3 or values[0] == values[-1]:
        return int(ks[0])
    x = (ks - ks[0]) / (ks[-1] - ks[0])
    y = (values - values[-1]) / (values[0] - values[-1])
    return int(ks[(1 - x - y).argmax()])


def silhouettes(
    points: NDArray[np.float64], labels: Mapping[int, NDArray[np.int64]], *, seed: int = 0
) -> dict[int, float]:
    """K -> mean silhouette (Rousseeuw 1987), -1 to 1; of at most 2,000 points, drawn by the seed.

    Args:
        points: `[n, d]`.
        labels: k -> `[n]` cluster of every point. A k that leaves one cluster, or one point
            a cluster, has no silhouette.
    """
    drawn = np.arange(len(points))
    if len(points) > MAX_PAIRED:
        drawn = np.random.default_rng(seed).choice(len(points), MAX_PAIRED, replace=False)
    distances = pairwise_distances(points[drawn])
    return {
        k: float(silhouette_score(distances, of[drawn], metric="precomputed"))
        for k, of in labels.items()
        if 1 < len(np.unique(of[drawn])) < len(drawn)
    }
