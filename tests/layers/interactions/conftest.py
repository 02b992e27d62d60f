import pytest
import torch
from torch import nn


@pytest.fixture(autouse=True)
def seeded():
    """The same tokens in every run: a ReLU's kink or a closed gate may not come by chance."""
    torch.manual_seed(0)


@pytest.fixture
def drawn():
    """A function: a module in float64 with every parameter drawn, norms' and biases' too."""

    def draw(module):
        generator = torch.Generator().manual_seed(0)
        for parameter in module.double().parameters():
            nn.init.normal_(parameter, generator=generator)
        return module

    return draw
