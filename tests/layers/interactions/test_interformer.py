import math
from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.export import Dim, export
from torch.utils.flop_counter import FlopCounterMode

from smt.layers.initialize import initialize
from smt.layers.interactions.interformer import InterFormerInteraction, SequenceSummary
from smt.layers.jagged import Jagged

torch.set_num_threads(1)
LENGTHS = ([3, 0, 5, 1], [0, 2, 1, 4])


def normal(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=generator)


def sequences_of(*each_lengths):
    return [
        Jagged(normal(sum(n), 4, seed=seed), torch.tensor([0, *torch.tensor(n).cumsum(0)]))
        for seed, n in enumerate(each_lengths)
    ]


def interformer(**changed):
    sizes = {"num_sequences": 2, "layers": 2, "heads": 2, "summary_tokens": 2, "recent": 2}
    network = InterFormerInteraction(3, 4, **(sizes | changed)).double()
    initialize(network, 0)
    for seed, parameter in enumerate(network.parameters()):
        with torch.no_grad():
            parameter += 0.3 * normal(*parameter.shape, seed=seed)
    return network


def linear(layer, x):
    product = layer.weight @ x
    return product if layer.bias is None else product + layer.bias


def norm(layer, x):
    centred = x - x.mean()
    return centred / torch.sqrt((centred**2).mean() + layer.eps) * layer.weight + layer.bias


def attention(query, keys, values, heads):
    """softmax(q k^T / sqrt(d)) v, head after head; zero of nothing."""
    width = len(query) // heads
    result = torch.zeros_like(query)
    for head in range(heads):
        part = slice(head * width, (head + 1) * width)
        exponents = [torch.exp(query[part] @ k[part] / math.sqrt(width)) for k in keys]
        for e, v in zip(exponents, values, strict=True):
            result[part] += e / sum(exponents) * v[part]
    return result


def literal_summary(module, steps):
    keys = [linear(module.project, s)[:4] for s in steps]
    values = [linear(module.project, s)[4:] for s in steps]
    summary = [
        linear(module.output, attention(query, keys, values, module.heads))
        for query in module.queries.weight
    ]
    latest = torch.zeros(4, dtype=torch.float64)
    for s in steps[: module.recent]:
        latest = latest + s / min(len(steps), module.recent)
    return [t * torch.sigmoid(linear(module.gate, t)) for t in [*summary, latest]]


def literal_mixer(module, tokens, summaries):
    together = [*tokens, *summaries]
    widen, _, narrow = module.feed_forward
    result = []
    for x, weights in zip(tokens, module.mix.weight, strict=True):
        mixed = sum(weight * each for weight, each in zip(weights, together, strict=True))
        fed = linear(narrow, linear(widen, mixed).clamp(min=0))
        result.append(norm(module.norm, x + fed))
    return result


def literal_context(module, tokens):
    masked = [x * torch.sigmoid(linear(module.mask, x)) for x in tokens]
    return torch.cat(
        [
            sum(weight * each for weight, each in zip(weights, masked, strict=True))
            for weights in module.compress.weight
        ]
    )


def literal_block(module, steps, context):
    gate = torch.sigmoid(linear(module.gate, context))
    entered = [linear(module.enter, norm(module.norm, s)).clamp(min=0) for s in steps]
    steps = [s + linear(module.leave, h * gate) for s, h in zip(steps, entered, strict=True)]
    attend, block = module.block.attention, module.block
    projected = [linear(attend.project, norm(block.attention_norm, s)) for s in steps]
    keys, values = [p[4:8] for p in projected], [p[8:] for p in projected]
    result = []
    for s, p in zip(steps, projected, strict=True):
        x = s + linear(attend.output, attention(p[:4], keys, values, attend.heads))
        fed_norm, widen, _, narrow = block.feed_forward
        result.append(x + linear(narrow, linear(widen, norm(fed_norm, x)).clamp(min=0)))
    return result


def literal(network, tokens, sequences):
    """One example: `[F, D]` tokens and `[n, D]` steps a sequence."""
    tokens, sequences = list(tokens), [list(steps) for steps in sequences]

    def summarise(summaries):
        each = zip(summaries.each, sequences, strict=True)
        return [token for module, steps in each for token in literal_summary(module, steps)]

    for layer in network.layers:
        context = literal_context(layer.context, tokens)
        tokens = literal_mixer(layer.mixer, tokens, summarise(layer.summaries))
        sequences = [
            literal_block(block, steps, context)
            for block, steps in zip(layer.blocks, sequences, strict=True)
        ]
    return torch.stack([*tokens, *summarise(network.last)])


def examples(tokens, sequences):
    bounds = [list(pairwise(lists.offsets.tolist())) for lists in sequences]
    for row, x in enumerate(tokens):
        own = [
            lists.values[slice(*each[row])] for lists, each in zip(sequences, bounds, strict=True)
        ]
        yield x, own


@pytest.mark.parametrize("layers", [1, 2])
def test_interaction_is_its_equations_for_each_example(layers):
    network = interformer(layers=layers)
    tokens, sequences = normal(4, 3, 4, seed=9), sequences_of(*LENGTHS)
    found = network(tokens, sequences)
    assert found.shape == (4, network.out_tokens, 4) == (4, 3 + 2 * 3, 4)
    for row, (x, own) in zip(found, examples(tokens, sequences), strict=True):
        torch.testing.assert_close(row, literal(network, x, own))


def test_an_example_is_computed_as_if_it_were_alone():
    network = interformer()
    tokens, sequences = normal(4, 3, 4, seed=9), sequences_of(*LENGTHS)
    found = network(tokens, sequences)
    for row, (x, own) in zip(found, examples(tokens, sequences), strict=True):
        alone = [Jagged(steps, torch.tensor([0, len(steps)])) for steps in own]
        torch.testing.assert_close(row, network(x.unsqueeze(0), alone)[0])


def test_empty_sequences_have_zero_summaries():
    network = interformer()
    found = network(normal(2, 3, 4), sequences_of([0, 0], [0, 0]))
    assert found.isfinite().all()
    assert not found[:, 3:].any()


def test_summary_is_zero_where_a_sequence_is_empty_and_looks_no_further_back_than_recent():
    summary = SequenceSummary(4, heads=2, summary_tokens=1, recent=2).double()
    (lists,) = sequences_of([4, 0])
    moved = lists.values.clone()
    moved[2:] += 1
    before, after = summary(lists), summary(lists.with_values(moved))
    assert not before[1].any()
    assert torch.equal(before[0, 1], after[0, 1])
    assert not torch.equal(before[0, 0], after[0, 0])


def test_tokens_learn_from_sequences_and_sequences_from_tokens():
    network = interformer(layers=1)
    tokens, sequences = normal(4, 3, 4, seed=9), sequences_of(*LENGTHS)
    found = network(tokens, sequences)
    other = network(tokens, [lists.with_values(lists.values + normal(4)) for lists in sequences])
    assert (found[:, :3] != other[:, :3]).any(dim=2).all()
    other = network(tokens + normal(4), sequences)
    assert (found[0, 3:6] != other[0, 3:6]).any()


def test_every_parameter_is_trained():
    network = interformer()
    network(normal(4, 3, 4, seed=9), sequences_of(*LENGTHS)).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad.any(), name


class OnTensors(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, tokens, values, offsets):
        return self.network(tokens, [Jagged(values, offsets)])


def test_interaction_exports_for_any_examples():
    network = interformer(layers=1, num_sequences=1)
    shapes = [{0: Dim.AUTO}, {0: Dim("steps")}, {0: Dim.AUTO}]
    (lists,) = sequences_of(LENGTHS[0])
    arguments = (normal(4, 3, 4), *lists)
    program = export(OnTensors(network), arguments, dynamic_shapes=shapes).module()
    for lengths in ([2, 7], [0, 4, 0, 0, 2], [0, 0]):
        tokens, (lists,) = normal(len(lengths), 3, 4), sequences_of(lengths)
        torch.testing.assert_close(program(tokens, *lists), network(tokens, [lists]))


def test_products_are_counted():
    tokens = normal(4, 3, 4)
    with FlopCounterMode(display=False) as few:
        interformer()(tokens, sequences_of(*LENGTHS))
    with FlopCounterMode(display=False) as more:
        interformer()(tokens, sequences_of([6, 0, 10, 2], LENGTHS[1]))
    assert 0 < few.get_total_flops() < more.get_total_flops()


def test_interaction_can_be_made_without_memory():
    with torch.device("meta"):
        network = InterFormerInteraction(
            3, 4, num_sequences=1, layers=1, heads=2, summary_tokens=1, recent=2
        )
    assert all(parameter.is_meta for parameter in network.parameters())


def test_a_width_that_heads_do_not_divide_is_refused():
    with pytest.raises(ValueError, match="'dim' must be a multiple of 'heads': 4 is none of 3"):
        interformer(heads=3)


def test_another_number_of_sequences_is_refused():
    with pytest.raises(ValueError, match="expected 2 sequences, got 1"):
        interformer()(normal(4, 3, 4), sequences_of(LENGTHS[0]))
