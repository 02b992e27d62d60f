"""Ids hashed into fewer buckets, several times over, so that few ids share all their rows."""

import torch
from torch import Tensor, nn

# Splitmix64's constants (Steele, Lea and Flood 2014), as signed 64-bit numbers.
_STEP = 0x9E3779B97F4A7C15 - 2**64
_FIRST = 0xBF58476D1CE4E5B9 - 2**64
_SECOND = 0x94D049BB133111EB - 2**64


def mix(keys: Tensor, stream: int = 0) -> Tensor:
    """A pseudo-random int64 of each int64: output number `stream` of splitmix64 seeded by it.

    One to one for each stream, and the same on every machine.
    """
    # As a signed 64-bit number, where the product wraps as the tensor's does.
    offset = (_STEP * (stream + 1) + 2**63) % 2**64 - 2**63
    mixed = keys + offset
    mixed = (mixed ^ _shift_right(mixed, 30)) * _FIRST
    mixed = (mixed ^ _shift_right(mixed, 27)) * _SECOND
    return mixed ^ _shift_right(mixed, 31)


class MultiHash(nn.Module):
    """Several buckets for every id: hash embeddings (Svenstrup et al. 2017, arXiv:1709.03933).

    An id's embedding is the sum of its buckets' rows in one table. Two ids have the same
    embedding only where all their buckets are the same. The paper's learned weights of the
    rows are left out: all are one.
    """

    def __init__(self, buckets: int, hashes: int) -> None:
        super().__init__()
        self.buckets = buckets
        self.hashes = hashes

    def forward(self, ids: Tensor) -> Tensor:
        """`[L]` int64 ids, of any size -> `[L, hashes]` in `[0, buckets)`."""
        mixed = torch.stack([mix(ids, stream) for stream in range(self.hashes)], dim=1)
        return mixed.remainder(self.buckets)


def _shift_right(values: Tensor, bits: int) -> Tensor:
    """A shift that fills with zeros; torch's own repeats the sign."""
    return (values >> bits) & ((1 << (64 - bits)) - 1)
