"""Rows of embedding tables as they are stored to serve: in fp32, fp16 or int8."""

from typing import Literal

import torch
from torch import Tensor

Precision = Literal["fp32", "fp16", "int8"]


def store_rows(rows: Tensor, precision: Precision) -> tuple[Tensor, Tensor | None]:
    """The `[R, D]` values as they are kept, and in int8 their `[R, 2]` scales and offsets.

    In int8 a row is D bytes, a scale and an offset: byte * scale + offset, where the row's
    least value is byte 0 and its largest byte 255.
    """
    if precision == "fp32":
        return rows.clone(), None
    if precision == "fp16":
        return rows.to(torch.float16), None
    # The operator runs on a CPU only.
    packed = torch.ops.quantized.embedding_bag_byte_prepack(rows.float().cpu())
    values, ranges = packed.split([rows.shape[1], 8], dim=1)
    ranges = ranges.contiguous().view(torch.float32)
    return values.contiguous().to(rows.device), ranges.to(rows.device)


def read_rows(values: Tensor, ranges: Tensor | None) -> Tensor:
    """`[R, D]` float32 of what `store_rows` made."""
    values = values.to(torch.float32)
    if ranges is None:
        return values
    scale, offset = ranges.unsqueeze(2).unbind(1)
    return values * scale + offset
