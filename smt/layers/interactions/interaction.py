"""What every interaction has in common, so that any of them can follow any other."""

from torch import nn


class Interaction(nn.Module):
    """`[B, num_tokens, D]` -> `[B, out_tokens, D]`.

    Attributes:
        num_tokens: F, the tokens that `forward` takes.
        dim: D, the width of a token, before and after.
        out_tokens: The tokens that `forward` gives.
        reads_sequences: Whether `forward` takes sequences as its second argument.
    """

    reads_sequences = False

    def __init__(self, num_tokens: int, dim: int, out_tokens: int) -> None:
        super().__init__()
        sizes = {"num_tokens": num_tokens, "dim": dim, "out_tokens": out_tokens}
        for name, size in sizes.items():
            if size < 1:
                raise ValueError(f"'{name}' must be at least 1, not {size}")
        self.num_tokens = num_tokens
        self.dim = dim
        self.out_tokens = out_tokens
