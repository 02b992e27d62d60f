"""The optimizers of a network's dense parameters; tables have row-wise Adagrad of their own.

These are the ones that torch ships. Shampoo is not among them (torch 2.13).
"""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from smt.spec import Spec

Decay = Annotated[float, Field(ge=0, lt=1)]


class AdamSpec(Spec):
    """Adam (arXiv:1412.6980)."""

    kind: Literal["adam"] = "adam"
    betas: tuple[Decay, Decay] = (0.9, 0.999)
    eps: PositiveFloat = 1e-8


class AdamWSpec(Spec):
    """Adam with decoupled weight decay (arXiv:1711.05101) of everything but vectors."""

    kind: Literal["adamw"] = "adamw"
    weight_decay: NonNegativeFloat = 0.01
    betas: tuple[Decay, Decay] = (0.9, 0.999)
    eps: PositiveFloat = 1e-8


class MuonSpec(Spec):
    """Orthogonalised momentum for hidden matrices, Adam for everything else.

    With `match_rms_adamw` (arXiv:2502.16982) a step is as large as one of AdamW, so that a
    rate tuned for Adam fits; `original` scales by sqrt(max(1, rows / columns)).

    Attributes:
        weight_decay: Of the hidden matrices.
        steps: Newton-Schulz iterations.
        adam_rate, adam_betas: Adam's, for what is not a hidden matrix.
    """

    kind: Literal["muon"] = "muon"
    momentum: Decay = 0.95
    nesterov: bool = True
    weight_decay: NonNegativeFloat = 0.0
    steps: Annotated[PositiveInt, Field(lt=100)] = 5
    scaling: Literal["original", "match_rms_adamw"] = "match_rms_adamw"
    adam_rate: PositiveFloat = 0.002
    adam_betas: tuple[Decay, Decay] = (0.9, 0.999)


class SGDSpec(Spec):
    """Stochastic gradient descent with momentum."""

    kind: Literal["sgd"] = "sgd"
    momentum: Decay = 0.9


class AdagradSpec(Spec):
    """Adagrad (Duchi et al., JMLR 2011)."""

    kind: Literal["adagrad"] = "adagrad"
    initial_accumulator: NonNegativeFloat = 0.0
    eps: PositiveFloat = 1e-10


DenseOptimizer = Annotated[
    AdamSpec | AdamWSpec | MuonSpec | SGDSpec | AdagradSpec, Field(discriminator="kind")
]
