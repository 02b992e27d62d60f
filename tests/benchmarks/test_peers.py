import math
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from peers import boosted_trees, peers, shared
from peers.shared import Split, Standardizer, padded
from sklearn.metrics import log_loss, roc_auc_score

from smt.data import Log
from smt.data.columns import Event, Id, Numeric, Sequence, Timestamp
from smt.data.schema import Schema
from smt.errors import InputError

LIBRARIES = {
    "deepfm": "deepctr_torch",
    "dcn": "deepctr_torch",
    "din": "deepctr_torch",
    "dcn_v2": "torch_rechub",
    "lightgbm": "lightgbm",
    "lightgbm_encoded": "lightgbm",
}


@pytest.fixture(params=list(peers))
def peer(request, monkeypatch):
    """A peer that takes small steps, since the small log has few rows."""
    pytest.importorskip(LIBRARIES.get(request.param, "torchrec"))
    monkeypatch.setattr(shared, "BATCH", 32)
    monkeypatch.setitem(boosted_trees.ENCODED, "num_iterations", 20)
    return peers[request.param]


@pytest.fixture
def tiny_log():
    schema = Schema(
        columns={
            "user": Id(num_ids=3),
            "item": Id(num_ids=9),
            "age": Numeric(),
            "seen": Sequence(num_ids=9, of="item"),
            "time": Timestamp(),
            "click": Event(),
        }
    )
    columns = {
        "user": pa.array([0, 1, 2, 0], pa.int64()),
        "item": pa.array([3, 4, 5, 6], pa.int64()),
        "age": pa.array([1.0, math.nan, 3.0, 8.0], pa.float32()),
        "seen": pa.array([[8, 0, 1], [], [2], [7, 7, 7, 7]], pa.list_(pa.int64())),
        "time": pa.array([0, 1, 2, 3], pa.int64()),
        "click": pa.array([0, 1, 0, 1], pa.int8()),
    }
    table = pa.table(columns)
    return Log(schema, table.slice(0, 3), table.slice(3), "tiny")


def test_every_peer_beats_the_base_rate(peer, small_log):
    predictions = peer(Split.load(small_log, small_log.schema.features, "view"), 0)
    labels = small_log.test["view"].to_numpy()
    base_rate = small_log.train["view"].to_numpy().mean()
    assert predictions.dtype == np.float64
    assert predictions.shape == labels.shape
    assert roc_auc_score(labels, predictions) > 0.55
    # A hundred trees with default settings overfit the ids of a few thousand rows.
    if peer is not peers["lightgbm"]:
        assert log_loss(labels, predictions) < log_loss(labels, np.full(len(labels), base_rate))


def test_the_same_seed_gives_the_same_predictions(peer, small_log):
    log = Log(small_log.schema, small_log.train.slice(0, 300), small_log.test, "short")
    features = ("user", "item", "user_age", "history")
    first, second = (peer(Split.load(log, features, "click"), 3) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_progressively_a_row_is_learned_from_after_it_is_predicted(peer, small_log):
    log = Log(
        small_log.schema, small_log.train.slice(0, 300), small_log.test.slice(0, 200), "short"
    )
    features = ("user", "item", "user_age", "history")
    place = log.test.column_names.index("click")
    other = 1 - log.test["click"].to_numpy()
    kept, changed = log.test["click"].to_numpy()[:120], other[120:]
    labels = pa.array(np.concatenate([kept, changed])).cast(log.test.schema.field(place).type)
    later = replace(log, test=log.test.set_column(place, log.test.schema.field(place), labels))
    frozen = peer(Split.load(log, features, "click"), 3)
    first, second = (
        peer(Split.load(each, features, "click", progressive=True), 3) for each in (log, later)
    )
    # The row 120 itself is in a batch (of 32) or part (of 20) that began before or with it.
    np.testing.assert_array_equal(first[:120], second[:120])
    assert (first[160:] != second[160:]).any()
    np.testing.assert_allclose(first[:20], frozen[:20], rtol=1e-6)
    assert (first[160:] != frozen[160:]).any()


def test_din_refuses_features_without_a_history_of_the_item(tiny_log):
    pytest.importorskip("deepctr_torch")
    with pytest.raises(InputError, match="sequence"):
        peers["din"](Split.load(tiny_log, ["user", "seen"], "click"), 0)


def test_a_history_belongs_to_the_item_whose_ids_it_holds(tiny_log):
    assert Split.load(tiny_log, ["item", "seen"], "click").histories == {"seen": "item"}
    assert Split.load(tiny_log, ["user", "seen"], "click").histories == {}


def test_lists_are_cut_and_padded_with_zeros_below_their_shifted_ids(tiny_log):
    split = Split.load(tiny_log, ["seen"], "click")
    train, test = split.whole()
    assert split.longest("seen") == 3
    assert padded(train, "seen", 3).tolist() == [[9, 1, 2], [0, 0, 0], [3, 0, 0]]
    assert padded(test, "seen", 3).tolist() == [[8, 8, 8]]


def test_numbers_are_standardised_by_the_training_window_and_flagged_where_missing(tiny_log):
    split = Split.load(tiny_log, ["age"], "click")
    numeric = Standardizer(split)
    train, test = split.whole()
    assert numeric.width == 2
    torch.testing.assert_close(numeric(train), torch.tensor([[-1.0, 0], [0, 1], [1, 0]]))
    torch.testing.assert_close(numeric(test), torch.tensor([[6.0, 0]]))


@given(
    rows=st.lists(st.tuples(st.integers(-1, 3), st.booleans()), min_size=1, max_size=30),
    test=st.lists(st.integers(-1, 5), max_size=8),
)
def test_encoding_an_id_counts_only_earlier_rows(rows, test):
    ids = np.array([each for each, _ in rows])
    labels = np.array([float(happened) for _, happened in rows])
    past, future = boosted_trees.encode(ids, np.array(test, dtype=np.int64), labels)
    asked = [(each, row) for row, each in enumerate(ids)] + [(each, len(ids)) for each in test]
    prior = boosted_trees.PRIOR_ROWS
    expected = []
    for each, end in asked:
        earlier = [labels[row] for row in range(end) if ids[row] == each]
        rate = (sum(earlier) + prior * labels.mean()) / (len(earlier) + prior)
        expected.append((rate, len(earlier)))
    np.testing.assert_allclose(np.concatenate([past, future]), np.array(expected))
