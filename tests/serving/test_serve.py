import copy

import pytest
import torch
from plain_templates import PLAIN
from served_networks import FEATURES, batches, filled, with_everything
from torch import nn
from torchrec import PoolingType
from torchrec.modules.fused_embedding_modules import FusedEmbeddingBagCollection

from smt.layers.hashing import MultiHash
from smt.layers.jagged import Jagged
from smt.layers.step_tables import StepTables
from smt.layers.tables import PooledTables, Table
from smt.layers.weighers import FrequencyGate, PositionWeights
from smt.serving.serve import serve
from smt.serving.tables import Rows, ServingStepTables, ServingTables
from smt.template import catalogue

DIM = 8


def jagged(lengths, num_ids, seed=0):
    ends = torch.tensor([0, *lengths]).cumsum(0)
    generator = torch.Generator().manual_seed(seed)
    return Jagged(torch.randint(num_ids, (sum(lengths),), generator=generator), ends)


LISTS = {
    "a": jagged([2, 0, 3, 1], 50),
    "b": jagged([1, 1, 0, 4], 50, seed=1),
    "c": jagged([0, 5, 1, 1], 1000, seed=2),
}
TABLES = {"ab": Table(50, ("a", "b")), "c": Table(16, ("c",))}
HASHING = {"c": MultiHash(16, 3)}


def draw(tables):
    for parameter in tables.parameters():
        nn.init.normal_(parameter)
    return tables.eval()


def weighers():
    gate = FrequencyGate(50, 2.0)
    gate.count.copy_(torch.arange(50.0))
    return {"a": [PositionWeights(2, 1.5)], "b": [gate, PositionWeights(3, 1.0)], "c": []}


@pytest.mark.parametrize("pooling", [PoolingType.SUM, PoolingType.MEAN])
@pytest.mark.parametrize("weighed", [False, True])
def test_pooled_tables_serve_what_they_learned(pooling, weighed):
    trained = draw(
        PooledTables(
            TABLES,
            DIM,
            pooling=pooling,
            learning_rate=0.1,
            weighers=weighers() if weighed else None,
            hashing=HASHING,
        )
    )
    served = ServingTables(trained, "fp32")
    torch.testing.assert_close(served.look_up(LISTS), trained.look_up(LISTS))


def test_step_tables_serve_what_they_learned():
    trained = draw(StepTables(TABLES, DIM, learning_rate=0.1, hashing=HASHING))
    found, expected = ServingStepTables(trained, "fp32").look_up(LISTS), trained.look_up(LISTS)
    assert [*found] == [*expected]
    for name, vectors in expected.items():
        torch.testing.assert_close(found[name].values, vectors.values)
        assert torch.equal(found[name].offsets, vectors.offsets)


def test_lists_without_any_id_serve_zeros():
    trained = draw(PooledTables(TABLES, DIM, pooling=PoolingType.MEAN, learning_rate=0.1))
    empty = {name: jagged([0, 0], 16) for name in "abc"}
    assert torch.equal(ServingTables(trained, "int8").look_up(empty), torch.zeros(2, 3, DIM))


def test_a_byte_is_off_by_half_a_step_of_its_row_at_most():
    table = torch.randn(200, DIM) * torch.logspace(-3, 1, 200).unsqueeze(1)
    found = Rows([table], "int8")(torch.arange(200))
    step = (table.amax(1) - table.amin(1)) / 255
    # FBGEMM adds 1e-8 to a row's range.
    assert ((found - table).abs().amax(1) <= 0.5001 * step + 1e-8).all()


def test_a_row_of_one_value_is_exact_in_bytes():
    table = torch.tensor([[0.25] * DIM, [0.0] * DIM, [-3.0] * DIM])
    assert torch.equal(Rows([table], "int8")(torch.arange(3)), table)


def test_fp16_rows_are_the_nearest_halves():
    table = torch.randn(20, DIM)
    assert torch.equal(Rows([table], "fp16")(torch.arange(20)), table.half().float())


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_tables_follow_each_other(precision):
    first, second = torch.randn(3, DIM), torch.randn(4, DIM)
    together = Rows([first, second], precision)(torch.arange(7))
    apart = [Rows([each], precision)(torch.arange(len(each))) for each in (first, second)]
    assert torch.equal(together, torch.cat(apart))


@pytest.mark.parametrize("paradigm", ["sparsenn", "decoupled_sparsenn"])
def test_a_copy_serves_and_the_network_stays_as_it_is(small_log, small_model, paradigm):
    model = small_model.model_copy(update={"features": FEATURES})
    network = filled(with_everything(paradigm), model, small_log).train()
    before = copy.deepcopy(network.state_dict())
    served = serve(network, "fp32")
    with torch.no_grad():
        for tensor in [*served.parameters(), *served.buffers()]:
            tensor.zero_()
    assert network.training
    assert not any(module.training for module in served.modules())
    assert not any(isinstance(each, FusedEmbeddingBagCollection) for each in served.modules())
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]), name


@pytest.mark.parametrize("paradigm", ["sparsenn", "decoupled_sparsenn"])
@pytest.mark.parametrize(
    ("tasks", "events"),
    [
        ({"kind": "shared_bottom"}, ("click",)),
        ({"kind": "shared_bottom"}, ("click", "like")),
        ({"kind": "mmoe", "experts": 2, "width": 8}, ("click", "like")),
    ],
)
def test_auxiliary_heads_do_not_serve(small_log, small_model, paradigm, tasks, events):
    auxiliary = {"source": "events", "count": 2, "weight": 0.1}
    template = PLAIN[f"{paradigm}_small"].change("data", auxiliary=auxiliary)
    template = template.change("architecture", tasks=tasks)
    model = small_model.model_copy(update={"events": events})
    network = filled(template, model, small_log)
    served = serve(network, "fp32")
    assert network.bias.shape == (len(events) + 2,)
    assert served.bias.shape == (len(events),)
    batch = batches(network, small_log)[0]
    torch.testing.assert_close(served(batch), network(batch))


def test_a_chain_keeps_the_events_that_it_needs(small_log, small_model):
    template = catalogue["sparsenn_small"].change("architecture", entire_space=True)
    model = small_model.model_copy(update={"events": ("conversion",)})
    network = filled(template, model, small_log)
    assert network.auxiliary
    served = serve(network, "fp32")
    assert served.labels == network.labels
    batch = batches(network, small_log)[0]
    torch.testing.assert_close(served(batch), network(batch))


def test_numeric_targets_do_not_serve(small_log, small_model):
    auxiliary = {"source": "numeric", "count": 2, "weight": 0.1}
    template = catalogue["sparsenn_small"].change("data", auxiliary=auxiliary)
    network = filled(template, small_model, small_log)
    served = serve(network, "fp32")
    assert served.targets is None
    batch = batches(network, small_log)[0]
    torch.testing.assert_close(served(batch), network(batch))
