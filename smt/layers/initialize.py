"""Initial values that depend on a parameter's name and the seed, and on nothing else.

Two networks of one seed start from the same values wherever a parameter of one name and
shape exists in both: a module that a technique adds does not shift the random numbers of
the others, so a difference between the two is the technique's.
"""

import math
from functools import partial

import torch
from torch import Tensor, nn
from torchrec.modules.crossnet import CrossNet, LowRankCrossNet
from torchrec.modules.fused_embedding_modules import FusedEmbeddingBagCollection

from smt.layers.weighers import PositionWeights
from smt.seeds import parameter_seed

# Their parameters start at fixed values, set when they are made.
_FIXED = (nn.LayerNorm, nn.BatchNorm1d, nn.PReLU, PositionWeights)
_CROSS = (CrossNet, LowRankCrossNet)


def initialize(network: nn.Module, seed: int) -> None:
    """Draw every parameter anew, in place, keyed by its qualified name.

    Linear layers: uniform within 1/sqrt(fan_in), torch's default. Cross layers: Xavier
    normal. Biases: zero, so that they do not depend on the fan-in, which techniques change.
    Tables: uniform within 1/sqrt(rows), torchrec's default. A module with an
    `initialize_parameters(generator_of)` method draws its own, from `generator_of(name)`.

    Raises:
        TypeError: A module holds parameters for which no rule is given here.
    """
    for prefix, module in network.named_modules():
        generator_of = partial(_generator, seed, prefix)
        if isinstance(module, FusedEmbeddingBagCollection):
            for table, weight in module.state_dict().items():
                _uniform(weight, 1 / math.sqrt(len(weight)), generator_of(table))
        elif hasattr(module, "initialize_parameters"):
            module.initialize_parameters(generator_of)
        elif isinstance(module, nn.Embedding):
            _uniform(module.weight, 1 / math.sqrt(len(module.weight)), generator_of("weight"))
        elif isinstance(module, _CROSS):
            for name, parameter in module.named_parameters():
                # By name: torchrec's full-rank biases have two dimensions.
                if name.startswith("bias"):
                    nn.init.zeros_(parameter)
                else:
                    drawn = torch.empty(parameter.shape)
                    nn.init.xavier_normal_(drawn, generator=generator_of(name))
                    parameter.data.copy_(drawn)
        elif isinstance(module, nn.Linear):
            _uniform(module.weight, 1 / math.sqrt(module.in_features), generator_of("weight"))
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif not isinstance(module, _FIXED) and _owns_parameters(module, prefix, network):
            raise TypeError(f"no initial values are defined for {type(module).__name__} '{prefix}'")


def _owns_parameters(module: nn.Module, prefix: str, network: nn.Module) -> bool:
    """Whether a module has parameters of its own that no enclosing module's rule covers."""
    if not list(module.named_parameters(recurse=False)):
        return False
    covered = (FusedEmbeddingBagCollection, *_CROSS)
    parents = [prefix.rsplit(".", depth)[0] for depth in range(1, prefix.count(".") + 1)]
    return not any(isinstance(network.get_submodule(parent), covered) for parent in parents)


def _uniform(tensor: Tensor, bound: float, generator: torch.Generator) -> None:
    # Drawn on the CPU, so that a GPU starts from the same values.
    tensor.data.copy_(torch.empty(tensor.shape).uniform_(-bound, bound, generator=generator))


def _generator(seed: int, prefix: str, name: str) -> torch.Generator:
    return torch.Generator().manual_seed(parameter_seed(seed, f"{prefix}.{name}"))
