"""A small network over every way to look ids up, trained for a few steps."""

import torch
from torch import nn
from torchrec import KeyedJaggedTensor, PoolingType

from smt.layers.hashing import MultiHash
from smt.layers.initialize import initialize
from smt.layers.jagged import Jagged, segment_mean
from smt.layers.step_tables import StepTables
from smt.layers.tables import PooledTables, Table
from smt.layers.weighers import FrequencyGate, PositionWeights
from smt.training.parallel import parallelize

BATCH, STEPS, IDS = 64, 6, 40


class TablesNetwork(nn.Module):
    """Steps and pooled lists, from tables shared and hashed; some table names are equal."""

    def __init__(self, rate):
        super().__init__()
        self.steps = StepTables(
            {"item": Table(IDS, ("target", "history")), "creator": Table(11, ("creators",))},
            8,
            learning_rate=rate,
            hashing={"creators": MultiHash(11, 3)},
        )
        self.pooled = PooledTables(
            {"item": Table(13, ("history", "creators"))},
            8,
            pooling=PoolingType.MEAN,
            learning_rate=rate,
            hashing={"history": MultiHash(13, 2)},
        )
        self.weighed = PooledTables(
            {"liked": Table(13, ("history",)), "seen": Table(IDS, ("creators",))},
            8,
            pooling=PoolingType.MEAN,
            learning_rate=rate,
            hashing={"history": MultiHash(13, 2)},
            weighers={
                "history": [FrequencyGate(IDS, 2.0), PositionWeights(3, 2.0)],
                "creators": [PositionWeights(3, 2.0)],
            },
        )
        self.head = nn.Linear(7 * 8, 1)

    def forward(self, ids):
        steps = self.steps.look_up(
            {
                name: Jagged(each.values(), each.offsets().long())
                for name, each in ids.to_dict().items()
            }
        )
        lists = ids_of(ids, ("history", "creators"))
        parts = [
            steps["target"].values,
            segment_mean(steps["history"]),
            segment_mean(steps["creators"]),
            self.pooled(lists).flatten(1),
            self.weighed(lists).flatten(1),
        ]
        return self.head(torch.cat(parts, dim=1)).squeeze(1)


def ids_of(ids, names):
    by_feature = ids.to_dict()
    return KeyedJaggedTensor(
        keys=list(names),
        values=torch.cat([by_feature[name].values() for name in names]),
        lengths=torch.cat([by_feature[name].lengths() for name in names]),
    )


def batch_of(step, first, count):
    """Examples `first` to `first + count` of a step: ids and labels."""
    draw = torch.Generator().manual_seed(step)
    lists = {"target": [], "history": [], "creators": []}
    for example in range(BATCH):
        length = int(torch.randint(0, 5, (1,), generator=draw))
        # The first worker's share of some steps has no history at all.
        length = 0 if step % 2 == 0 and example < BATCH // 2 else length
        lists["target"].append(torch.randint(0, IDS, (1,), generator=draw))
        lists["history"].append(torch.randint(0, IDS, (length,), generator=draw))
        lists["creators"].append(torch.randint(0, 13, (2,), generator=draw))
    labels = torch.rand(BATCH, generator=draw)
    rows = [row for each in lists.values() for row in each[first : first + count]]
    ids = KeyedJaggedTensor(
        keys=list(lists),
        values=torch.cat(rows),
        lengths=torch.tensor([len(row) for row in rows], dtype=torch.int32),
    )
    return ids, labels[first : first + count]


def train_tables(training, workers):
    """Every step's predictions of this worker's examples, and the network trained."""
    network = TablesNetwork(training.table_rate)
    initialize(network, 0)
    placed = parallelize(network.train(), training, workers)
    trained, optimizers = placed.network, placed.optimizers
    share, predictions = BATCH // workers.count, []
    for step in range(STEPS):
        ids, labels = batch_of(step, workers.rank * share, share)
        for optimizer in optimizers:
            optimizer.zero_grad()
        found = trained(ids)
        predictions.append(found.detach().clone())
        (found - labels).square().mean().backward()
        for optimizer in optimizers:
            optimizer.step()
    return predictions, trained
