import math

import pytest
import torch
from ragged import LENGTHS, alone, drawn, exported, parts, ragged
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from smt.layers.sequences.self_attention import SelfAttentionEncoder

torch.set_num_threads(1)


def encoder(**changed):
    sizes = {"layers": 2, "heads": 2, "max_length": 8} | changed
    return drawn(SelfAttentionEncoder(4, **sizes))


def torch_encoder(encoder):
    """torch's own encoder on padded lists, with the same weights."""
    layer = nn.TransformerEncoderLayer(
        4, 2, dim_feedforward=16, dropout=0.0, batch_first=True, norm_first=True
    )
    peer = nn.TransformerEncoder(
        layer, len(encoder.blocks), norm=nn.LayerNorm(4), enable_nested_tensor=False
    ).double()
    for theirs, ours in zip(peer.layers, encoder.blocks, strict=True):
        theirs.self_attn.in_proj_weight.data = ours.attention.project.weight.data
        theirs.self_attn.in_proj_bias.data = ours.attention.project.bias.data
        theirs.self_attn.out_proj = ours.attention.output
        theirs.norm1 = ours.attention_norm
        theirs.norm2, theirs.linear1, _, theirs.linear2 = ours.feed_forward
    peer.norm = encoder.norm
    return peer


def test_encoder_is_torchs_own_on_padded_lists():
    ours = encoder()
    lists = ragged([3, 5, 1])
    found = ours(lists)
    assert torch.equal(found.offsets, lists.offsets)
    padded = nn.utils.rnn.pad_sequence(
        [steps + ours.positions.weight[: len(steps)] for steps in parts(lists)], batch_first=True
    )
    mask = torch.arange(5) >= lists.lengths.unsqueeze(1)
    expected = torch_encoder(ours)(padded, src_key_padding_mask=mask)
    torch.testing.assert_close(found.values, expected[~mask])


def literal_norm(x, norm):
    return (x - x.mean()) / torch.sqrt(x.var(unbiased=False) + norm.eps) * norm.weight + norm.bias


def literal_block(steps, block, heads):
    width = steps.shape[1] // heads
    project, output = block.attention.project, block.attention.output
    projected = [
        project.weight @ literal_norm(x, block.attention_norm) + project.bias for x in steps
    ]
    attended = []
    for x, mine in zip(steps, projected, strict=True):
        result = []
        for head in range(heads):
            part = slice(head * width, (head + 1) * width)
            query = mine[:4][part]
            scores = [query @ each[4:8][part] / math.sqrt(width) for each in projected]
            total = sum(torch.exp(score) for score in scores)
            result.append(
                sum(
                    torch.exp(score) / total * each[8:][part]
                    for score, each in zip(scores, projected, strict=True)
                )
            )
        attended.append(x + output.weight @ torch.cat(result) + output.bias)
    norm, widen, _, narrow = block.feed_forward
    fed = []
    for x in attended:
        hidden = (widen.weight @ literal_norm(x, norm) + widen.bias).clamp(min=0)
        fed.append(x + narrow.weight @ hidden + narrow.bias)
    return torch.stack(fed)


def test_encoder_is_its_equations_and_late_positions_share_the_last_embedding():
    ours = encoder(max_length=3)
    lists = ragged()
    for found, steps in zip(parts(ours(lists)), parts(lists), strict=True):
        if not len(steps):
            continue
        places = [min(place, 2) for place in range(len(steps))]
        hidden = steps + ours.positions.weight[places]
        for block in ours.blocks:
            hidden = literal_block(hidden, block, heads=2)
        expected = torch.stack([literal_norm(x, ours.norm) for x in hidden])
        torch.testing.assert_close(found, expected)


def test_a_list_is_encoded_as_if_it_were_alone():
    ours, lists = encoder(), ragged()
    for found, steps in zip(parts(ours(lists)), parts(lists), strict=True):
        torch.testing.assert_close(found, ours(alone(steps)).values)


def test_a_batch_of_empty_lists_stays_empty():
    assert encoder()(ragged([0, 0])).values.shape == (0, 4)


def test_encoder_exports_for_any_lists():
    ours = encoder(layers=1)
    program = exported(ours, *ragged())
    for lengths in ([2, 7], [0, 4, 0, 0, 1], [0, 0]):
        lists = ragged(lengths)
        torch.testing.assert_close(program(*lists, None), ours(lists).values)


def test_products_are_counted():
    ours = encoder(layers=1)
    with FlopCounterMode(display=False) as counter:
        ours(ragged())
    steps, score_pairs = sum(LENGTHS), sum(n * n for n in LENGTHS)
    projections = 4 * 12 + 4 * 4 + 2 * 4 * 16
    assert counter.get_total_flops() == 2 * (steps * projections + score_pairs * 4)


@pytest.mark.parametrize("heads", [0, 3])
def test_heads_that_do_not_divide_the_width_are_refused(heads):
    with pytest.raises(
        ValueError, match=f"'dim' must be a multiple of 'heads': 4 is none of {heads}"
    ):
        SelfAttentionEncoder(4, layers=1, heads=heads, max_length=8)
