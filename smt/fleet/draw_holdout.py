"""The holdout models M_H, drawn over the clusters outside the representatives (§3.3.2)."""

from __future__ import annotations

from collections.abc import Collection
from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np

from smt.errors import InputError
from smt.fleet.model_spec import Fleet, ModelSpec

if TYPE_CHECKING:
    from smt.fleet.representatives import Representatives


def draw_holdout(
    fleet: Fleet,
    chosen: Representatives,
    *,
    count: int | None,
    seed: int,
    left_out: Collection[str] = (),
) -> tuple[ModelSpec, ...]:
    """Draw M_H over the clusters: one of each in turn, none of the representatives.

    Models without traffic are left out: they weigh nothing.

    Args:
        count: As many as there are representatives where None, if the fleet has them.
        left_out: Names of models that cannot be drawn.

    Raises:
        InputError: The fleet has not so many others.
    """
    representatives = {model.name for model in chosen.models}
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(fleet.models))
    clusters: dict[int, list[ModelSpec]] = {}
    for place in order.tolist():
        model = fleet.models[place]
        if model.weight and model.name not in {*representatives, *left_out}:
            clusters.setdefault(int(chosen.clusters[place]), []).append(model)
    turns = zip_longest(*(clusters[number] for number in sorted(clusters)))
    others = [model for turn in turns for model in turn if model is not None]
    if count is not None and count > len(others):
        raise InputError(
            f"{count} holdout models asked for; fleet '{fleet.name}' has {len(others)} models "
            "besides the representatives that have traffic and that the template can serve"
        )
    return tuple(others[: len(representatives) if count is None else count])
