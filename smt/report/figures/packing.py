"""Where to draw models that share a place."""

import math
from collections import defaultdict
from collections.abc import Sequence

from smt.results.run_reading import Model

# Pixels: a sunflower of this pitch keeps dots of 9 apart, and free of a centre mark of 18.
PITCH = 6.0
CENTRE = 4
MARGIN = 9.0
GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))
CELLS = 40

Point = tuple[float, float]


def pack(models: Sequence[Model], size: tuple[float, float]) -> list[Point]:
    """Where to draw every model, in pixels from the lower left corner of the drawing.

    Attributes are few and discrete, so that hundreds of models project onto a handful of
    places. Those of one place and cluster are drawn as a disc with its representative at
    the centre; the discs of one place stand around it.

    Args:
        size: Width and height, pixels, that the models' `x` and `y` are spread over.
    """
    places = _places(models, size)
    here: dict[Point, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for index, (model, place) in enumerate(zip(models, places, strict=True)):
        here[place][model.cluster].append(index)
    drawn = list(places)
    for place, clusters in here.items():
        discs = [
            sorted(members, key=lambda index: not models[index].representative)
            for _, members in sorted(clusters.items())
        ]
        radii = [PITCH * math.sqrt(len(disc) + CENTRE) + MARGIN for disc in discs]
        centres = _ring(place, radii)
        for disc, centre in zip(discs, centres, strict=True):
            for rank, index in enumerate(disc):
                drawn[index] = _sunflower(centre, rank)
    return drawn


def _places(models: Sequence[Model], size: tuple[float, float]) -> list[Point]:
    """Pixels; models closer than a cell of a coarse grid share the first one's place."""
    scaled = list(
        zip(
            _spread([model.x for model in models], size[0]),
            _spread([model.y for model in models], size[1]),
            strict=True,
        )
    )
    first: dict[tuple[int, int], Point] = {}
    cell = max(size) / CELLS
    return [first.setdefault((round(x / cell), round(y / cell)), (x, y)) for x, y in scaled]


def _spread(values: list[float], length: float) -> list[float]:
    low, high = min(values), max(values)
    # Rounding noise of a projection onto an axis without variance is no position.
    if high - low < 1e-9:
        return [length / 2] * len(values)
    return [(value - low) / (high - low) * length for value in values]


def _ring(centre: Point, radii: list[float]) -> list[Point]:
    if len(radii) == 1:
        return [centre]
    distance = max(radii) / math.sin(math.pi / len(radii))
    angles = [math.pi / 2 + 2 * math.pi * index / len(radii) for index in range(len(radii))]
    return [
        (centre[0] + distance * math.cos(angle), centre[1] + distance * math.sin(angle))
        for angle in angles
    ]


def _sunflower(centre: Point, rank: int) -> Point:
    if rank == 0:
        return centre
    distance, angle = PITCH * math.sqrt(rank + CENTRE), rank * GOLDEN_ANGLE
    return centre[0] + distance * math.cos(angle), centre[1] + distance * math.sin(angle)
