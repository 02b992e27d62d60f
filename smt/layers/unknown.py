"""The one rule for values that no log could hold: they are missing."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from smt.layers.examples import Examples

LARGEST_NUMBER = 1e30
"""Numbers beyond it are held to it, so that they can still be standardised in float32."""


class UnknownAsMissing(nn.Module):
    """Examples of any values -> examples of values that a log could hold.

    An id outside [0, num_ids) is missing: id 0; so is a step's event code: 0. An infinite
    number is missing: NaN. An element of an embedding that is not finite is 0. What is finite is
    computed with: where an example's own values overflow, its own score is NaN.

    Args:
        num_ids: Of each row of `Examples.ids`.
        num_list_ids: Of lists in `Examples.lists`, by name; others stay as they are.
    """

    num_ids: Tensor

    def __init__(self, num_ids: Sequence[int], num_list_ids: Mapping[str, int]) -> None:
        super().__init__()
        limits = torch.tensor(num_ids, dtype=torch.int64).unsqueeze(1)
        self.register_buffer("num_ids", limits, persistent=False)
        self.num_list_ids = dict(num_list_ids)

    def forward(self, examples: Examples) -> Examples:
        """The same examples where all values are known."""
        lists = {
            name: ids.with_values(_known(ids.values, self.num_list_ids[name]))
            if name in self.num_list_ids
            else ids
            for name, ids in examples.lists.items()
        }
        numbers = examples.numeric
        held = numbers.clamp(-LARGEST_NUMBER, LARGEST_NUMBER)
        return examples._replace(
            numeric=held.masked_fill(numbers.isinf(), torch.nan),
            ids=_known(examples.ids, self.num_ids) if len(self.num_ids) else examples.ids,
            lists=lists,
            embeddings={
                name: torch.nan_to_num(vectors, nan=0.0, posinf=0.0, neginf=0.0)
                for name, vectors in examples.embeddings.items()
            },
        )


def _known(ids: Tensor, num_ids: Tensor | int) -> Tensor:
    return ids.masked_fill((ids < 0) | (ids >= num_ids), 0)
