"""Embedding tables whose rows are not pooled: a vector for every step of a sequence."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torchrec import KeyedJaggedTensor, PoolingType
from torchrec.modules.fused_embedding_modules import FusedEmbeddingBagCollection

from smt.layers.hashing import MultiHash
from smt.layers.jagged import Jagged, end_to_end
from smt.layers.named import NamedModules
from smt.layers.tables import Table, fused_tables, hashing_of, pool, rows_of_ids


class StepTables(nn.Module):
    """A vector for every id of every list; tables trained by fused Adagrad.

    A table may embed a sequence and a single id together, as target attention needs. Every
    id is a bag of its own, of as many rows as it hashes to: torchrec's collection without
    pooling does not run on a CPU. A table is a collection of its own, because the features
    of one collection need equally many bags.
    """

    def __init__(
        self,
        tables: Mapping[str, Table],
        dim: int,
        *,
        learning_rate: float,
        row_wise: bool = True,
        hashing: Mapping[str, MultiHash] | None = None,
        device: torch.device | None = None,
    ) -> None:
        """Make the tables.

        Args:
            tables: name -> table; every feature is in one of them.
            dim: D, the width of every row.
            row_wise: Whether Adagrad keeps one sum a row, not one an element.
            hashing: feature -> the rows of its ids, whose sum is the id's vector; a feature
                without has its ids as rows.

        Raises:
            ValueError: A feature's buckets are not as many as its table's rows.
        """
        super().__init__()
        self.features = [name for table in tables.values() for name in table.features]
        self.dim = dim
        self.hashing = hashing_of(tables, hashing or {})
        self.features_of = {name: table.features for name, table in tables.items()}
        self.tables = NamedModules(
            {
                name: fused_tables(
                    {name: Table(table.rows, (name,))},
                    dim,
                    pooling=PoolingType.SUM,
                    learning_rate=learning_rate,
                    row_wise=row_wise,
                    device=device,
                )
                for name, table in tables.items()
            }
        )

    def look_up(self, lists: Mapping[str, Jagged]) -> dict[str, Jagged]:
        """Feature -> the `[L, D]` vectors of its lists' ids, from lists by name."""
        vectors = {}
        for table, features in self.features_of.items():
            rows = [rows_of_ids(self.hashing, name, lists[name].values) for name in features]
            sums = torch.split(self._look_up(table, rows), [len(of_ids) for of_ids in rows])
            for name, values in zip(features, sums, strict=True):
                vectors[name] = lists[name].with_values(values)
        return vectors

    def _look_up(self, table: str, rows: list[Tensor]) -> Tensor:
        """`[L, D]`: the sums of the rows that the ids of several features have."""
        collection = self.tables[table]
        if isinstance(collection, FusedEmbeddingBagCollection):
            if not any(map(len, rows)):
                nothing = torch.empty(0, self.dim, device=rows[0].device)
                return nothing.requires_grad_(torch.is_grad_enabled())
            return pool(collection, end_to_end([*map(_one_bag_an_id, rows)]))
        # One more bag, an empty one, because this worker may have no ids where another has.
        lengths = [of_ids.new_full(of_ids.shape[:1], of_ids.shape[1]) for of_ids in rows]
        lengths.append(rows[0].new_zeros(1))
        keyed_bags = KeyedJaggedTensor(
            keys=[table],
            values=torch.cat([of_ids.flatten() for of_ids in rows]),
            lengths=torch.cat(lengths).int(),
        )
        sums: Tensor = collection(keyed_bags).values()
        return sums[:-1]


def _one_bag_an_id(rows: Tensor) -> Jagged:
    """`[L, hashes]` rows as L bags."""
    ids, hashes = rows.shape
    return Jagged(rows.flatten(), torch.arange(ids + 1, device=rows.device) * hashes)
