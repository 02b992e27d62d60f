"""What is judged is what serves: tables in the precision in which they are exported."""

import copy

import numpy as np
import pytest
import torch
from tables_network import TablesNetwork, batch_of
from torch import nn

from smt.layers.initialize import initialize
from smt.layers.stored_rows import read_rows, store_rows
from smt.serving import export_network, load_exported, serve
from smt.training import train, train_network
from smt.training.predict import judged_batches, predict
from smt.training.served_tables import tables_as_served


@pytest.fixture(scope="module")
def in_bytes(small_template):
    return small_template.change("serving", table_precision="int8", enforce_flops_limit=False)


def test_judged_predictions_are_those_of_the_exported_program(
    in_bytes, lean_model, small_log, tmp_path
):
    trained = train_network(in_bytes, lean_model, small_log)
    network, judged = trained.reads, torch.from_numpy(trained.judged().logits)
    export_network(network, in_bytes, tmp_path, correction=trained.correction)
    program = load_exported(tmp_path)
    batches = judged_batches(network, trained.windows, 500)
    served = torch.cat([program(batch) for batch in batches])
    torch.testing.assert_close(judged.sigmoid().float(), served, atol=1e-6, rtol=0)
    windows, device = trained.windows, network.bias.device
    unrounded = predict(network, network, windows, trained.correction, device).logits
    assert np.abs(judged.numpy() - unrounded).max() > 1e-4


def test_weighed_hashed_and_shared_rows_predict_as_in_the_copy_that_serves(
    small_template, lean_model, small_log
):
    template = small_template.change(
        "features",
        position_weighting={"max_positions": 6, "half_life": 2.0},
        frequency_gate=3.0,
        hashing={"buckets": 64, "hashes": 2},
        shared_tables=True,
        sequence={"kind": "self_attention", "layers": 1, "heads": 2},
        event_steps=8,
    ).change("serving", table_precision="fp16", enforce_flops_limit=False)
    trained = train_network(template, lean_model, small_log)
    network, windows, device = trained.reads, trained.windows, trained.reads.bias.device
    served = predict(serve(network, "fp16"), network, windows, trained.correction, device)
    np.testing.assert_allclose(trained.judged().logits, served.logits, atol=1e-5)


def test_judging_in_bytes_changes_no_bit_of_the_training(in_bytes, lean_model, small_log):
    progressive = in_bytes.change("training", judge="progressive", ema_decay=0.9)
    exact = progressive.change("serving", table_precision="fp32")
    rounded, trained = (train_network(t, lean_model, small_log) for t in (progressive, exact))
    assert not np.array_equal(rounded.judged().logits, trained.judged().logits)
    np.testing.assert_allclose(rounded.judged().logits, trained.judged().logits, atol=0.1)
    for name, value in trained.reads.state_dict().items():
        assert torch.equal(value, rounded.reads.state_dict()[name]), name


def test_tables_in_bytes_cost_ne(in_bytes, lean_model, small_log):
    exact = in_bytes.change("serving", table_precision="fp32")
    rounded, trained = (train(template, lean_model, small_log) for template in (in_bytes, exact))
    assert 0 < abs(rounded.ne - trained.ne) < 0.01


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_rows_that_are_read_are_as_stored_and_then_as_before(precision):
    network, stored = TablesNetwork(0.1).eval(), TablesNetwork(0.1).eval()
    initialize(network, 0)
    initialize(stored, 0)
    with torch.no_grad():
        for name, table in stored.state_dict().items():
            if "embedding_bags" in name:
                table.copy_(read_rows(*store_rows(table, precision)))
        before = copy.deepcopy(network.state_dict())
        ids, _ = batch_of(0, 0, 64)
        with tables_as_served(network, precision):
            assert torch.equal(network(ids), stored(ids))
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_rows_are_as_before_though_a_prediction_fails():
    network = TablesNetwork(0.1)
    initialize(network, 0)
    before = copy.deepcopy(network.state_dict())
    ids, _ = batch_of(0, 0, 64)
    network.head = nn.Linear(1, 1)
    (lookups,) = network.steps.tables["item"]._emb_modules
    lookups.register_forward_hook(lambda *_: 1 / 0)
    with torch.no_grad(), pytest.raises(ZeroDivisionError), tables_as_served(network, "int8"):
        network(ids)
    for name, value in before.items():
        if not name.startswith("head"):
            assert torch.equal(value, network.state_dict()[name]), name
