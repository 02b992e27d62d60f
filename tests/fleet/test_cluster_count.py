import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smt.fleet import cluster_count
from smt.fleet.cluster_count import elbow, silhouettes


def test_elbow_of_a_hand_made_curve():
    assert elbow({1: 100.0, 2: 40.0, 3: 10.0, 4: 8.0, 5: 6.0, 6: 5.0}) == 3
    assert elbow({1: 10.0, 2: 9.0, 3: 0.5, 4: 0.4}) == 3
    assert elbow({2: 5.0, 3: 5.0, 4: 5.0}) == 2
    assert elbow({1: 3.0, 2: 1.0}) == 1


@given(
    st.lists(st.floats(0.1, 100), min_size=3, max_size=12, unique=True),
    st.floats(0.01, 100),
    st.floats(-50, 50),
)
def test_elbow_does_not_depend_on_units(values, scale, shift):
    curve = dict(enumerate(sorted(values, reverse=True), start=1))
    xs = np.linspace(0, 1, len(curve))
    ys = np.array(list(curve.values()))
    depths = 1 - xs - (ys - ys[-1]) / (ys[0] - ys[-1])
    ordered = np.sort(depths)
    if ordered[-1] - ordered[-2] < 1e-6:
        return
    assert elbow({k: scale * value + shift for k, value in curve.items()}) == elbow(curve)
    assert elbow(curve) == int(depths.argmax()) + 1


def silhouette_of(points, labels):
    """Rousseeuw (1987), literally: (b - a) / max(a, b), 0 for the only one of its cluster."""
    found = []
    for place, point in enumerate(points):
        distances = np.linalg.norm(points - point, axis=1)
        own = labels == labels[place]
        if own.sum() == 1:
            found.append(0.0)
            continue
        a = distances[own].sum() / (own.sum() - 1)
        b = min(distances[labels == other].mean() for other in set(labels) - {labels[place]})
        found.append((b - a) / max(a, b))
    return np.mean(found)


def test_silhouettes_are_the_means_of_rousseeuws():
    generator = np.random.default_rng(0)
    points = generator.normal(size=(30, 3))
    labels = {k: np.arange(30) % k for k in (2, 3, 7)}
    found = silhouettes(points, labels)
    assert found == pytest.approx({k: silhouette_of(points, of) for k, of in labels.items()})


def test_one_cluster_and_a_cluster_a_point_have_no_silhouette():
    points = np.arange(12.0).reshape(6, 2)
    assert list(silhouettes(points, {k: np.arange(6) % k for k in range(1, 7)})) == [2, 3, 4, 5]


def test_of_many_points_some_are_drawn(monkeypatch):
    generator = np.random.default_rng(0)
    points = np.vstack([generator.normal(size=(300, 2)), 9 + generator.normal(size=(300, 2))])
    labels = {2: np.repeat([0, 1], 300)}
    whole = silhouettes(points, labels)[2]
    monkeypatch.setattr(cluster_count, "MAX_PAIRED", 100)
    drawn = silhouettes(points, labels, seed=1)
    assert drawn == silhouettes(points, labels, seed=1) != silhouettes(points, labels, seed=2)
    assert drawn[2] == pytest.approx(whole, abs=0.05)
