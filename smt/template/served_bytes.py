"""What serving a network takes of memory, counted."""

from typing import NamedTuple

from torch import Tensor
from torchrec.modules.fused_embedding_modules import FusedEmbeddingBagCollection

from smt.layers.networks import Network
from smt.layers.stored_rows import Precision

# Of a value, and of a row beside its values: in int8 a float32 scale and offset.
_ROW_BYTES: dict[Precision, tuple[int, int]] = {"fp32": (4, 0), "fp16": (2, 0), "int8": (1, 8)}


class ServedBytes(NamedTuple):
    """Of tables at the precision in which they serve, and of all other parameters and buffers."""

    tables: int
    dense: int


def count_bytes(network: Network, precision: Precision) -> ServedBytes:
    """Of a plain network as it is trained, auxiliary heads included; on any device."""
    tables = tables_of(network)
    value_bytes, row_bytes = _ROW_BYTES[precision]
    values = sum(table.numel() for table in tables)
    rows = sum(table.shape[0] for table in tables)
    state = network.state_dict().values()
    return ServedBytes(
        tables=values * value_bytes + rows * row_bytes,
        dense=sum(map(_bytes, state)) - sum(map(_bytes, tables)),
    )


def tables_of(network: Network) -> list[Tensor]:
    """`[rows, D]` each, of a plain network."""
    return [
        table
        for module in network.modules()
        if isinstance(module, FusedEmbeddingBagCollection)
        for table in module.state_dict().values()
    ]


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
