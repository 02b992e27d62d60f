"""Lists of different lengths to test with, in float64, and what each test does with them."""

from itertools import pairwise

import torch
from torch import nn
from torch.export import Dim, export

from smt.layers.jagged import Jagged

LENGTHS = [3, 0, 5, 1]


def ragged(lengths=LENGTHS, dim=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(sum(lengths), dim, dtype=torch.float64, generator=generator)
    return Jagged(values, torch.tensor([0, *torch.tensor(lengths).cumsum(0)]))


def ages_of(lists, seed=0):
    """Seconds: growing along each list, as its first step is the latest."""
    generator = torch.Generator().manual_seed(seed)
    gaps = 1e4 * torch.rand(len(lists.values), dtype=torch.float64, generator=generator) ** 4
    return torch.cat([part.cumsum(0) for part in parts(lists.with_values(gaps))])


def parts(lists):
    return [lists.values[start:end] for start, end in pairwise(lists.offsets.tolist())]


def alone(values):
    """One list as a batch of its own."""
    return Jagged(values, torch.tensor([0, len(values)]))


def drawn(module, seed=0):
    """The module in float64, every parameter off its initial value."""
    generator = torch.Generator().manual_seed(seed)
    module = module.double()
    for parameter in module.parameters():
        with torch.no_grad():
            parameter += 0.5 * torch.randn(parameter.shape, generator=generator)
    return module


class OnTensors(nn.Module):
    """A module that takes steps, called with their values and offsets."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, values, offsets, other=None):
        found = self.module(Jagged(values, offsets), other)
        return found.values if isinstance(found, Jagged) else found


def exported(module, values, offsets, other=None):
    """The module exported for any number of lists and of steps, none included."""
    shapes = ({0: Dim("steps")}, {0: Dim.AUTO}, None if other is None else {0: Dim.AUTO})
    return export(OnTensors(module), (values, offsets, other), dynamic_shapes=shapes).module()
