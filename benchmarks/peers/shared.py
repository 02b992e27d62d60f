"""What all peers share: the examples in the log's order, and one pass over them.

Chosen for every network: batches of 512, no shuffling, 16 wide embeddings, one thread.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from smt.data import Batch, Log, columns_of, input_features, read_batches
from smt.data.columns import DataConstraint, Id, IdList, Surface
from smt.data.columns import Sequence as SequenceColumn

BATCH = 512
# Of a progressive test window, for what learns from whole windows: anew before each part.
PARTS = 10
TEST_BATCH = 4096
EMBEDDING_DIM = 16
# Probabilities of float32 networks can reach 0 and 1, whose log loss may be infinite.
SMALLEST = 1e-7


@dataclass(frozen=True)
class Split:
    """Both windows of a log, in memory, for one event.

    Attributes:
        features: Columns of the log: a transform stands for what it is made of.
        progressive: The test window is learned from too, each row after it is predicted.
    """

    log: Log
    features: tuple[str, ...]
    event: str
    progressive: bool = False

    @classmethod
    def load(
        cls, log: Log, features: Sequence[str], event: str, *, progressive: bool = False
    ) -> "Split":
        """Read what the features and the event need."""
        loaded = log.load(columns_of(log.schema, features, [event]))
        return cls(loaded, tuple(input_features(log.schema, features)), event, progressive)

    def train(self, batch_size: int) -> Iterator[Batch]:
        """The training window, in the log's order."""
        return self._read("train", batch_size)

    def test(self, batch_size: int) -> Iterator[Batch]:
        """The test window, in the log's order."""
        return self._read("test", batch_size)

    def whole(self) -> tuple[Batch, Batch]:
        """Each window as one batch."""
        train, test = self.log.train, self.log.test
        return next(self.train(train.num_rows)), next(self.test(test.num_rows))

    def parts(self) -> Iterator["Split"]:
        """Itself; progressively the test window in `PARTS`, each with all rows before it."""
        if not self.progressive:
            yield self
            return
        test = self.log.test
        edges = np.linspace(0, test.num_rows, PARTS + 1).astype(int)
        for first, end in pairwise(edges):
            train = pa.concat_tables([self.log.train, test.slice(0, first)])
            log = replace(self.log, train=train, test=test.slice(first, end - first))
            yield replace(self, log=log, progressive=False)

    def _read(self, window: str, batch_size: int) -> Iterator[Batch]:
        return read_batches(
            getattr(self.log, window),
            self.log.schema,
            features=self.features,
            events=[self.event],
            batch_size=batch_size,
        )

    @property
    def ids(self) -> dict[str, int]:
        """Feature of one id -> number of ids."""
        return {
            name: column.num_ids
            for name in self.features
            if isinstance(column := self.log.schema.columns[name], Id | Surface | DataConstraint)
        }

    @property
    def lists(self) -> dict[str, int]:
        """Feature of a list of ids -> number of ids."""
        return {
            name: column.num_ids
            for name in self.features
            if isinstance(column := self.log.schema.columns[name], IdList | SequenceColumn)
        }

    @property
    def histories(self) -> dict[str, str]:
        """Sequence -> the feature of one id whose ids its steps are."""
        return {
            name: column.of
            for name in self.features
            if isinstance(column := self.log.schema.columns[name], SequenceColumn)
            and column.of in self.ids
        }

    def longest(self, feature: str) -> int:
        """Length of the longest list in the training window, at least 1."""
        return max(pc.max(pc.list_value_length(self.log.train[feature])).as_py() or 0, 1)


class Standardizer:
    """Numeric features with the training window's mean and variance taken out.

    A missing value becomes 0, the mean; each numeric feature that is missing in training has
    a flag of its own. Embeddings follow as they are.
    """

    def __init__(self, split: Split) -> None:
        """Measure the training window."""
        train, _ = split.whole()
        values = train.numeric.double()
        missing = values.isnan()
        present = (~missing).sum(dim=0).clamp(min=1)
        self.mean = values.nansum(dim=0) / present
        variance = (values - self.mean).square().nansum(dim=0) / present
        self.scale = torch.where(variance > 0, variance.sqrt(), 1.0)
        self.flagged = missing.any(dim=0)
        self.width = self(train).shape[1]

    def __call__(self, batch: Batch) -> Tensor:
        """`[B, width]` float32."""
        scaled = ((batch.numeric.double() - self.mean) / self.scale).float()
        flags = batch.numeric[:, self.flagged].isnan().float()
        return torch.cat([scaled.nan_to_num(0.0), flags, *batch.embeddings.values()], dim=1)


def padded(batch: Batch, feature: str, length: int) -> Tensor:
    """`[B, length]` int64: the first ids of each list plus one, then zeros."""
    lists = batch.id_lists[feature][feature]
    ids: Tensor = lists.to_padded_dense(length, padding_value=-1)
    return ids.long() + 1


def start(seed: int) -> None:
    """Make what follows in this process reproducible, on one thread."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)


def learn_and_predict(
    split: Split,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    forward: Callable[[Batch], Tensor],
    loss: Callable[[Tensor, Batch], Tensor],
    probabilities: Callable[[Tensor], Tensor],
) -> NDArray[np.float64]:
    """Train a network in one pass, then predict the test window, or both at once.

    Args:
        network: Switched to training and to evaluation here.
        forward: `[B]` outputs of the network for a batch.
        loss: A scalar from the outputs and the batch.
        probabilities: `[B]` of the outputs.
    """

    def learn(batch: Batch) -> None:
        network.train()
        optimizer.zero_grad()
        torch.autograd.backward(loss(forward(batch), batch))
        optimizer.step()

    for batch in split.train(BATCH):
        learn(batch)
    predicted = []
    for batch in split.test(BATCH if split.progressive else TEST_BATCH):
        network.eval()
        with torch.no_grad():
            predicted.append(probabilities(forward(batch)))
        if split.progressive:
            learn(batch)
    return within(torch.cat(predicted).double().numpy())


def within(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same, but never 0 or 1."""
    return np.clip(probabilities, SMALLEST, 1 - SMALLEST)
