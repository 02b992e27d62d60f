"""The fleet as an Arrow table: what each model is, and what it stands for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from smt.fleet.attributes import attributes
from smt.fleet.model_spec import Fleet, ModelSpec

if TYPE_CHECKING:
    from smt.fleet.representatives import Representatives


def fleet_table(fleet: Fleet, chosen: Representatives, holdout: Sequence[ModelSpec]) -> pa.Table:
    """A row a model: attributes, cluster, coordinates, and whether it is in M_R or M_H."""
    names = {model.name for model in chosen.models}
    others = {model.name for model in holdout}
    places = zip(fleet.models, chosen.clusters, chosen.distances, chosen.coordinates, strict=True)
    rows = [
        {
            "model": model.name,
            **attributes(model),
            "weight": model.weight,
            "cluster": int(cluster),
            "distance": float(distance),
            "x": float(x),
            "y": float(y),
            "representative": model.name in names,
            "holdout": model.name in others,
        }
        for model, cluster, distance, (x, y) in places
    ]
    return pa.Table.from_pylist(rows)
