"""What the templates' networks cost over fleets: counted, and in files."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from statistics import median
from typing import Literal

import pyarrow as pa

from smt.fleet.model_spec import Stage
from smt.results.folder import Result, write_result
from smt.spec import Spec
from smt.storage import Folder
from smt.template import catalogue
from smt.template.network_counts import Count
from smt.template.template import Paradigm, Scale

FLOPS = "flops.parquet"


class FlopsSpan(Spec):
    """All networks together.

    Attributes:
        decades: log10 of the most over the least.
        widest_gap: The largest factor between one network's FLOPs and the next one's.
    """

    min: int
    max: int
    decades: float
    widest_gap: float


class Spread(Spec):
    """Of an amount over networks, each counted once."""

    min: int
    median: int | float
    max: int


class TemplateFlops(Spec):
    """One template's networks.

    Attributes:
        over_limit: How many are larger than their serving limit.
    """

    template: str
    paradigm: Paradigm
    scale: Scale
    stages: tuple[Stage, ...]
    networks: int
    over_limit: int
    flops: Spread
    dense_parameters: Spread


class FlopsResult(Result):
    """Per template, and over all templates; templates are in the catalogue's order."""

    kind: Literal["FLOPs count"] = "FLOPs count"
    format: Literal[1] = 1
    fleets: tuple[str, ...]
    networks: int
    flops: FlopsSpan
    templates: tuple[TemplateFlops, ...]


def save_flops(counts: Sequence[Count], folder: Folder) -> FlopsResult:
    """Write `flops.parquet`, a row a network, and `result.json`.

    Args:
        counts: At least one.
    """
    result = summarise_flops(counts)
    folder.write_table(FLOPS, pa.Table.from_pylist([asdict(count) for count in counts]))
    write_result(folder, result)
    return result


def read_counts(folder: Folder) -> list[Count]:
    """The networks of `flops.parquet`."""
    return [Count(**row) for row in folder.read_table(FLOPS).to_pylist()]


def summarise_flops(counts: Sequence[Count]) -> FlopsResult:
    """What `counts`, at least one, come to."""
    flops = sorted(count.flops for count in counts)
    steps = pairwise(flops)
    return FlopsResult(
        fleets=tuple(dict.fromkeys(count.fleet for count in counts)),
        networks=len(counts),
        flops=FlopsSpan(
            min=flops[0],
            max=flops[-1],
            decades=math.log10(flops[-1] / flops[0]),
            widest_gap=max((above / below for below, above in steps), default=1.0),
        ),
        templates=tuple(
            _template([count for count in counts if count.template == name])
            for name in catalogue
            if any(count.template == name for count in counts)
        ),
    )


def _template(counts: Sequence[Count]) -> TemplateFlops:
    return TemplateFlops(
        template=counts[0].template,
        paradigm=counts[0].paradigm,
        scale=counts[0].scale,
        stages=tuple(dict.fromkeys(count.stage for count in counts)),
        networks=len(counts),
        over_limit=sum(count.over for count in counts),
        flops=_spread([count.flops for count in counts]),
        dense_parameters=_spread([count.dense_parameters for count in counts]),
    )


def _spread(amounts: Sequence[int]) -> Spread:
    return Spread(min=min(amounts), median=median(amounts), max=max(amounts))
