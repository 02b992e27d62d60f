"""The six attributes of models (§3.3.1) as coordinates in which each counts once."""

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import OneHotEncoder

from smt.errors import InputError
from smt.fleet.attributes import AttributeWeights, attributes
from smt.fleet.model_spec import Fleet

STAGES = ("retrieval", "pre_ranking", "ranking")


def encode_attributes(fleet: Fleet, weights: AttributeWeights | None = None) -> NDArray[np.float64]:
    """`[n, d]`, the models as points; two are at most √weight apart by one attribute.

    Stage is an ordered scale in [0, 1]; FLOPs enter as log10, scaled to [0, 1] over the
    fleet; the four others are one-hot, scaled so that two different values are 1 apart.

    Raises:
        InputError: A model's FLOPs are not counted yet.
    """
    for model in fleet.models:
        if model.inference_flops is None:
            raise InputError(f"model '{model.name}': inference FLOPs are not counted yet")
    columns = [attributes(model) for model in fleet.models]
    blocks = []
    for name, weight in weights or AttributeWeights():
        values = [of_model[name] for of_model in columns]
        if name == "stage":
            block = np.array([[STAGES.index(stage) / 2] for stage in values])
        elif name == "inference_flops":
            block = np.log10(np.array([values], dtype=float).T)
            block = (block - block.min()) / (np.ptp(block) or 1.0)
        else:
            encoder = OneHotEncoder(sparse_output=False)
            block = encoder.fit_transform([[value] for value in values]) / np.sqrt(2)
        blocks.append(np.sqrt(weight) * block)
    return np.hstack(blocks)
