import pytest
import torch
from torch import nn


@pytest.fixture
def drawn():
    """A function: a module in float64 with every parameter drawn, norms' and biases' too."""

    def draw(module, seed=0):
        generator = torch.Generator().manual_seed(seed)
        for parameter in module.double().parameters():
            nn.init.normal_(parameter, generator=generator)
        return module

    return draw
