import math

import pytest
import torch

from smt.layers.interactions.self_attention import SelfAttentionInteraction


def projected(weight, token):
    return [sum(w * v for w, v in zip(row, token, strict=True)) for row in weight]


def attended(layer, tokens):
    """One layer of AutoInt: ReLU(concat_h sum_k softmax_k(q_m . k_k) v_k + W_res e_m)."""
    dim = len(tokens[0])
    weight = layer.project.weight.tolist()
    query, key, value, residual = (
        [projected(weight[part * dim : (part + 1) * dim], token) for token in tokens]
        for part in range(4)
    )
    size = dim // layer.heads
    results = []
    for m in range(len(tokens)):
        result = []
        for head in range(layer.heads):
            at = range(head * size, (head + 1) * size)
            exponents = [
                math.exp(sum(query[m][d] * key[k][d] for d in at)) for k in range(len(tokens))
            ]
            for d in at:
                weighed = sum(e * value[k][d] for k, e in enumerate(exponents))
                result.append(max(0.0, weighed / sum(exponents) + residual[m][d]))
        results.append(result)
    return results


@pytest.mark.parametrize("num_tokens", [1, 2, 5])
@pytest.mark.parametrize("heads", [1, 2, 4])
def test_it_equals_the_equations(drawn, num_tokens, heads):
    layer = drawn(SelfAttentionInteraction(num_tokens, 4, heads=heads, layers=2))
    tokens = 0.3 * torch.randn(3, num_tokens, 4, dtype=torch.float64)
    expected = []
    for example in tokens.tolist():
        for each in layer.attend:
            example = attended(each, example)
        expected.append(example)
    torch.testing.assert_close(layer(tokens), torch.tensor(expected, dtype=torch.float64))
    assert layer.out_tokens == num_tokens


def test_tokens_in_another_order_give_the_same_in_that_order(drawn):
    layer = drawn(SelfAttentionInteraction(5, 4, heads=2, layers=2))
    tokens, order = torch.randn(2, 5, 4, dtype=torch.float64), torch.randperm(5)
    torch.testing.assert_close(layer(tokens[:, order]), layer(tokens)[:, order])


def test_a_width_that_heads_do_not_divide_is_refused_with_both():
    with pytest.raises(ValueError, match="'dim' must be a multiple of 'heads': 6 is none of 4"):
        SelfAttentionInteraction(3, 6, heads=4, layers=1)
