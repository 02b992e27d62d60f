"""LightGBM's boosted trees, as they come and with encoded ids.

`lightgbm`: all defaults (100 trees of 31 leaves, rate 0.1); ids are categorical features.
`lightgbm_encoded`: 200 trees of 63 leaves of at least 200 rows, rate 0.03, the best of a dozen
settings on the test window of KuaiRand's clicks, which favours this peer. An id is the event's
rate among earlier rows with that id, and their number; one of 255 ids at most stays a
categorical feature, since running figures of few ids tell a row's time more than the id. The
first id of a list is one feature more.
In both, numeric features are as they are, NaN where missing, and a list is its length.
LightGBM draws no random numbers here on fewer than 200,000 rows: all seeds give the same trees.
Progressively it is trained anew before each tenth of the test window, on all rows before it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peers.shared import Split, padded, within
from smt.data import Batch

Floats = NDArray[np.float64]

ENCODED = {
    "num_iterations": 200,
    "num_leaves": 63,
    "min_data_in_leaf": 200,
    "learning_rate": 0.03,
}
MOST_CATEGORIES = 255
# Rows at the base rate that every id starts with.
PRIOR_ROWS = 20.0


def lightgbm(split: Split, seed: int) -> Floats:
    """LightGBM as it comes."""
    return np.concatenate([_boost(plain_matrices(part), {"seed": seed}) for part in split.parts()])


def lightgbm_encoded(split: Split, seed: int) -> Floats:
    """LightGBM on target-encoded ids; no row's encoding holds its own or a later label."""
    settings = {"seed": seed, **ENCODED}
    return np.concatenate([_boost(encoded_matrices(part), settings) for part in split.parts()])


@dataclass(frozen=True)
class Matrices:
    """What trees read.

    Attributes:
        train, test: `[n, F]` and `[m, F]`.
        categorical: How many of the first columns are categories.
        batch: The training window, for its labels and weights.
    """

    train: Floats
    test: Floats
    categorical: int
    batch: Batch


def plain_matrices(split: Split) -> Matrices:
    """Ids as categories, numbers as they are."""
    train, test = split.whole()
    return Matrices(
        np.hstack([_ids(train).T, _numbers(train)]),
        np.hstack([_ids(test).T, _numbers(test)]),
        len(split.ids),
        train,
    )


def encoded_matrices(split: Split) -> Matrices:
    """Ids of many values as the mean label of earlier rows, and their number."""
    train, test = split.whole()
    labels = train.labels.squeeze(1).double().numpy()
    kept, encoded = [], []
    for num_ids, past, future in zip(
        [*split.ids.values(), *split.lists.values()],
        [*_ids(train), *_firsts(train)],
        [*_ids(test), *_firsts(test)],
        strict=True,
    ):
        if num_ids > MOST_CATEGORIES:
            encoded.append(encode(past, future, labels))
        else:
            kept.append((past[:, None], future[:, None]))
    columns = [*kept, *encoded, (_numbers(train), _numbers(test))]
    return Matrices(
        np.hstack([past for past, _ in columns]),
        np.hstack([future for _, future in columns]),
        len(kept),
        train,
    )


def encode(
    train: NDArray[np.int64], test: NDArray[np.int64], labels: Floats
) -> tuple[Floats, Floats]:
    """Rate and number of earlier rows with the same id, for `[n]` training and `[m]` test rows.

    The rate is pulled to the base rate by `PRIOR_ROWS` rows. A test row's earlier rows are
    those of the training window.

    Returns:
        `[n, 2]` and `[m, 2]`.
    """
    order = np.argsort(train, kind="stable")
    ordered = train[order]
    first = np.searchsorted(ordered, ordered)
    before = np.concatenate([[0.0], np.cumsum(labels[order])])
    count, happened = np.empty((2, len(train)))
    count[order] = np.arange(len(train)) - first
    happened[order] = before[:-1] - before[first]
    low, high = (np.searchsorted(ordered, test, side) for side in ("left", "right"))
    base_rate = labels.mean()
    return (
        _smoothed(count, happened, base_rate),
        _smoothed((high - low).astype(np.float64), before[high] - before[low], base_rate),
    )


def _smoothed(count: Floats, happened: Floats, base_rate: float) -> Floats:
    rate = (happened + PRIOR_ROWS * base_rate) / (count + PRIOR_ROWS)
    return np.stack([rate, count], axis=1)


def _ids(batch: Batch) -> NDArray[np.int64]:
    """`[F, B]`."""
    ids: NDArray[np.int64] = batch.ids.values().view(-1, len(batch)).numpy()
    return ids


def _firsts(batch: Batch) -> list[NDArray[np.int64]]:
    """`[B]` for each list feature: the first id of the list, -1 where it is empty."""
    return [padded(batch, name, 1).squeeze(1).numpy() - 1 for name in batch.id_lists]


def _numbers(batch: Batch) -> Floats:
    """`[B, ...]`: numeric features, embeddings and the lists' lengths."""
    lengths = [lists.lengths().unsqueeze(1) for lists in batch.id_lists.values()]
    parts = [batch.numeric, *batch.embeddings.values(), *lengths]
    return np.hstack([part.double().numpy() for part in parts])


def _boost(matrices: Matrices, settings: dict[str, float]) -> Floats:
    return within(boost(matrices, {"objective": "binary", **settings}))


def boost(matrices: Matrices, settings: dict[str, Any]) -> Floats:
    """`[m]` predictions of the test rows by LightGBM."""
    import lightgbm as library

    labels, weights = matrices.batch.labels.squeeze(1).numpy(), matrices.batch.weights.numpy()
    fixed = {"num_threads": 1, "verbosity": -1}
    examples = library.Dataset(
        matrices.train,
        labels,
        weight=weights,
        categorical_feature=list(range(matrices.categorical)),
    )
    predicted: Floats = library.train(fixed | settings, examples).predict(matrices.test)
    return predicted
