"""Techniques that change how features are refined."""

from smt.template.space import Float, Int
from smt.template.technique import Technique
from smt.template.template import PositionWeighting, Template


def _position_weighted_pooling(
    template: Template, *, max_positions: int, half_life: float
) -> Template:
    weighting = PositionWeighting(max_positions=max_positions, half_life=half_life)
    return template.change("features", position_weighting=weighting)


position_weighted_pooling = Technique(
    name="position_weighted_pooling",
    part="features",
    space={"max_positions": Int(4, 64, log=True), "half_life": Float(1.0, 200.0, log=True)},
    change=_position_weighted_pooling,
    source="§3.2.1 of the SMT paper; torchrec's PositionWeightedModule",
)


def _frequency_gated_ids(template: Template, *, prior_count: float) -> Template:
    return template.change("features", frequency_gate=prior_count)


frequency_gated_ids = Technique(
    name="frequency_gated_ids",
    part="features",
    space={"prior_count": Float(0.1, 100.0, log=True)},
    change=_frequency_gated_ids,
    source="Shrinkage by sample size; cf. rare-id filtering in McMahan et al., KDD 2013",
)
