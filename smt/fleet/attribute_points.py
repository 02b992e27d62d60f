"""The six attributes of models (§3.3.1) as coordinates in which each counts once."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import OneHotEncoder

from smt.errors import InputError
from smt.fleet.attributes import AttributeWeights, attributes
from smt.fleet.model_spec import Fleet, ModelSpec

STAGES = ("retrieval", "pre_ranking", "ranking")
LEAST_SPREAD = 0.3
"""Standard deviation below which an attribute is not stretched: that of one value in ten, or of
FLOPs within a quarter. A fleet whose models hardly differ is no fleet of many kinds."""

Points = NDArray[np.float64]


def encode_attributes(fleet: Fleet, weights: AttributeWeights | None = None) -> Points:
    """`[n, d]`, the models as points: an attribute's variance over the fleet is its weight.

    That of all its columns together, so that none counts for more because it has more values or
    because they are spread more evenly; less, where models hardly differ in it. Stage is an ordered
    scale, FLOPs enter as their logarithm; hardware, surface and data constraint are one-hot. Events
    are what they are to learn, once their rates are counted: the log-odds of their rates, mean of
    several, and the logarithm of how many there are; one-hot by name until then.

    Raises:
        InputError: A model's FLOPs are not counted yet.
    """
    for model in fleet.models:
        if model.inference_flops is None:
            raise InputError(f"model '{model.name}': inference FLOPs are not counted yet")
    blocks = [
        np.sqrt(weight) * _scaled(_block(name, fleet.models))
        for name, weight in weights or AttributeWeights()
    ]
    return np.hstack(blocks)


def _block(name: str, models: Sequence[ModelSpec]) -> Points:
    """An attribute's columns, in which 1 is a stage, a factor of two, or another value."""
    if name == "event" and all(model.event_rates for model in models):
        rates = [np.array(model.event_rates) for model in models]
        log_odds = [[np.log2(of / (1 - of)).mean()] for of in rates]
        counts = [[np.log2(len(of))] for of in rates]
        return np.hstack([_scaled(np.array(log_odds)), _scaled(np.array(counts))])
    values = [attributes(model)[name] for model in models]
    if name == "stage":
        return np.array([[float(STAGES.index(stage))] for stage in values])
    if name == "inference_flops":
        return np.asarray(np.log2(np.array([values], dtype=np.float64).T))
    encoder = OneHotEncoder(sparse_output=False)
    return np.asarray(encoder.fit_transform([[value] for value in values]) / np.sqrt(2))


def _scaled(block: Points) -> Points:
    """Centred, and of variance 1 over all columns unless that stretches what hardly differs."""
    centred = block - block.mean(axis=0)
    spread = np.sqrt((centred**2).sum(axis=1).mean())
    return np.asarray(centred / max(spread, LEAST_SPREAD))
