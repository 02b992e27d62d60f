import math

import mpmath
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from smt.layers.heads import EntireSpace, EventLogits, TowerLogits
from smt.layers.initialize import initialize


@pytest.fixture(autouse=True)
def same_draws_in_every_run():
    torch.manual_seed(0)


def drawn(module):
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    return module


def test_event_logits_of_a_shared_hidden_layer_are_a_linear_layer():
    head, hidden = drawn(EventLogits(3, 5)), torch.randn(7, 5)
    linear = nn.Linear(5, 3)
    linear.load_state_dict(head.state_dict())
    torch.testing.assert_close(head(hidden.unsqueeze(1).expand(-1, 3, -1)), linear(hidden))


def test_each_event_reads_its_own_hidden_layer():
    head, hidden = drawn(EventLogits(3, 5)).double(), torch.randn(7, 3, 5, dtype=torch.float64)
    found = head(hidden)
    assert found.shape == (7, 3)
    weight, bias = head.weight.tolist(), head.bias.tolist()
    for b, example in enumerate(hidden.tolist()):
        for e in range(3):
            product = sum(example[e][h] * weight[e][h] for h in range(5))
            assert found[b, e].item() == pytest.approx(product + bias[e])


def test_an_events_initial_row_does_not_depend_on_the_events_beside_it():
    few, many = EventLogits(2, 50), EventLogits(5, 50)
    for head in (few, many):
        drawn(head)
        initialize(nn.ModuleDict({"head": head}), 3)
    assert torch.equal(few.weight, many.weight[:2])
    assert not torch.equal(many.weight[0], many.weight[1])
    assert 0.5 / math.sqrt(50) < many.weight.abs().max() <= 1 / math.sqrt(50)
    assert not many.bias.any()


def test_tower_logits_are_the_scaled_dot_product_of_each_event():
    head = drawn(TowerLogits(2, 3)).double()
    user, item = torch.randn(2, 4, 2, 3, dtype=torch.float64)
    found = head(user, item)
    assert found.shape == (4, 2)
    log_scale, bias = head.log_scale.tolist(), head.bias.tolist()
    for b in range(4):
        for e in range(2):
            product = sum((user[b, e, v] * item[b, e, v]).item() for v in range(3))
            scaled = math.exp(log_scale[e]) * product / math.sqrt(3)
            assert found[b, e].item() == pytest.approx(scaled + bias[e])


def test_scores_of_a_corpus_are_the_logits_of_every_pair():
    head = drawn(TowerLogits(2, 3))
    user, items = torch.randn(4, 2, 3), torch.randn(5, 2, 3)
    found = head.score(user, items)
    assert found.shape == (4, 5, 2)
    for item in range(5):
        torch.testing.assert_close(found[:, item], head(user, items[item].expand(4, -1, -1)))


def test_towers_start_at_plain_products():
    head = drawn(TowerLogits(2, 4))
    initialize(nn.ModuleDict({"head": head}), 0)
    user, item = torch.randn(2, 3, 2, 4)
    expected = (user * item).sum(2) / 2
    torch.testing.assert_close(head(user, item), expected, rtol=1e-5, atol=1e-6)


def literal_chain(logits, parents):
    """Logits of the chained probabilities, with 60 digits."""
    with mpmath.workdps(60):
        own = [1 / (1 + mpmath.exp(-mpmath.mpf(value))) for value in logits]
        found = []
        for event in range(len(parents)):
            probability, at = mpmath.mpf(1), event
            while at is not None:
                probability *= own[at]
                at = parents[at]
            found.append(float(mpmath.log(probability / (1 - probability))))
        return found


PARENTS = (2, None, 1, 2)
LOGITS = st.lists(st.floats(-60, 60, width=32), min_size=4, max_size=4)


@given(LOGITS)
def test_chained_logits_are_those_of_the_product_of_probabilities(logits):
    found = EntireSpace(PARENTS)(torch.tensor([logits]))[0]
    expected = torch.tensor(literal_chain(logits, PARENTS))
    torch.testing.assert_close(found, expected, rtol=3e-7, atol=1e-6)


@given(LOGITS)
def test_gradients_through_a_chain_are_finite_at_any_probability(logits):
    inputs = torch.tensor([logits], requires_grad=True)
    chained = EntireSpace(PARENTS)(inputs)
    binary_cross_entropy_with_logits(chained, torch.tensor([[1.0, 0, 1, 0]])).backward()
    assert inputs.grad.isfinite().all()


def test_chained_logits_have_the_gradients_of_their_equation():
    inputs = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(EntireSpace(PARENTS), inputs)
    probabilities = inputs.sigmoid()
    click, like = probabilities[:, 1], probabilities[:, 1] * probabilities[:, 2]
    both = torch.stack([like * probabilities[:, 0], click, like], dim=1)
    found = EntireSpace(PARENTS)(inputs)[:, :3]
    torch.testing.assert_close(found, both.logit())


@pytest.mark.parametrize("logit", [-28.0, 28.0, 88.0, 200.0])
def test_a_chain_is_exact_in_float32_far_from_even_odds(logit):
    found = EntireSpace((None, 0))(torch.tensor([[logit, logit]]))[0, 1]
    exact = literal_chain([logit, logit], (None, 0))[1] if logit < 100 else logit - math.log(2)
    assert float(found) == pytest.approx(exact, rel=2e-7)


def test_an_event_without_a_parent_keeps_its_logit():
    logits = torch.randn(5, 3)
    assert torch.equal(EntireSpace((None, None, None))(logits), logits)
    assert torch.equal(EntireSpace((1, None, 0))(logits)[:, 1], logits[:, 1])


def test_heads_export_with_any_batch_size():
    class Heads(nn.Module):
        def __init__(self):
            super().__init__()
            self.logits, self.towers = EventLogits(3, 4), TowerLogits(3, 4)
            self.chain = EntireSpace((None, 0, 1))

        def forward(self, hidden):
            return self.chain(self.logits(hidden) + self.towers(hidden, hidden))

    heads, rows = Heads(), torch.export.Dim.DYNAMIC
    exported = torch.export.export(heads, (torch.randn(5, 3, 4),), dynamic_shapes=({0: rows},))
    for batch in (2, 9):
        hidden = torch.randn(batch, 3, 4)
        torch.testing.assert_close(exported.module()(hidden), heads(hidden))
