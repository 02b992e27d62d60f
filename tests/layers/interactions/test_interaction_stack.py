import pytest
import torch

from smt.layers.interactions.cross import CrossInteraction
from smt.layers.interactions.dhen import DHENLayer
from smt.layers.interactions.dot import DotInteraction
from smt.layers.interactions.interaction import Interaction
from smt.layers.interactions.stack import Parallel, Stack
from smt.layers.jagged import Jagged, segment_sum


class AddSum(Interaction):
    """Each token plus the sum of the example's first sequence."""

    reads_sequences = True

    def __init__(self, num_tokens, dim):
        super().__init__(num_tokens, dim, num_tokens)

    def forward(self, tokens, sequences):
        return tokens + segment_sum(sequences[0]).unsqueeze(1)


@pytest.fixture
def sequences():
    return [Jagged(torch.randn(5, 4), torch.tensor([0, 2, 2, 5]))]


def test_parallel_modules_stand_side_by_side():
    dot, cross = DotInteraction(3, 4), CrossInteraction(3, 4, layers=1, rank=2)
    both = Parallel(3, 4, modules=[dot, cross])
    tokens = torch.randn(5, 3, 4)
    assert torch.equal(both(tokens), torch.cat([dot(tokens), cross(tokens)], dim=1))
    assert both.out_tokens == dot.out_tokens + cross.out_tokens


def test_a_stack_is_one_module_after_the_other():
    dot = DotInteraction(5, 4)
    cross = CrossInteraction(dot.out_tokens, 4, layers=1, rank=2)
    stack = Stack(5, 4, modules=[dot, cross])
    tokens = torch.randn(6, 5, 4)
    assert torch.equal(stack(tokens), cross(dot(tokens)))
    assert stack.out_tokens == cross.out_tokens


def test_an_empty_stack_gives_the_tokens_as_they_are():
    stack = Stack(3, 4, modules=[])
    tokens = torch.randn(2, 3, 4)
    assert torch.equal(stack(tokens), tokens)
    assert stack.out_tokens == 3
    assert not stack.reads_sequences


def test_sequences_reach_the_members_that_read_them_and_no_other(sequences):
    reader, plain = AddSum(3, 4), CrossInteraction(3, 4, layers=1, rank=None)
    tokens = torch.randn(3, 3, 4)
    added = tokens + segment_sum(sequences[0]).unsqueeze(1)
    assert torch.equal(Stack(3, 4, modules=[reader, plain])(tokens, sequences), plain(added))
    parallel = Parallel(3, 4, modules=[plain, reader])
    assert torch.equal(parallel(tokens, sequences), torch.cat([plain(tokens), added], dim=1))
    dhen = DHENLayer(3, 4, modules=[plain, reader], tokens=3)
    expected = dhen.norm(dhen.match(parallel(tokens, sequences)) + tokens)
    assert torch.equal(dhen(tokens, sequences), expected)


@pytest.mark.parametrize("outer", [Parallel, Stack, DHENLayer])
def test_sequences_reach_members_of_members(sequences, outer):
    options = {"tokens": 3} if outer is DHENLayer else {}
    nested = outer(3, 4, modules=[Stack(3, 4, modules=[AddSum(3, 4)])], **options)
    plain = outer(3, 4, modules=[Stack(3, 4, modules=[DotInteraction(3, 4)])], **options)
    assert nested.reads_sequences
    assert not plain.reads_sequences
    tokens = torch.randn(3, 3, 4)
    empty = [sequences[0].with_values(torch.zeros(5, 4))]
    assert not torch.equal(nested(tokens, sequences), nested(tokens, empty))


def test_a_stack_that_reads_sequences_exports_with_any_batch_and_length(sequences):
    stack = Stack(3, 4, modules=[AddSum(3, 4), DotInteraction(3, 4)]).eval()
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length")
    exported = torch.export.export(
        stack,
        (torch.randn(3, 3, 4), sequences),
        dynamic_shapes=({0: batch}, [Jagged({0: length}, {0: batch + 1})]),
    )
    tokens = torch.randn(2, 3, 4)
    other = [Jagged(torch.randn(7, 4), torch.tensor([0, 3, 7]))]
    torch.testing.assert_close(exported.module()(tokens, other), stack(tokens, other))


@pytest.mark.parametrize("outer", [Parallel, Stack])
@pytest.mark.parametrize(("num_tokens", "dim"), [(2, 4), (3, 5)])
def test_a_module_for_other_tokens_is_refused_with_both_sizes(outer, num_tokens, dim):
    message = f"module 1, DotInteraction, must take 3 tokens of width 4, not {num_tokens} of"
    modules = [CrossInteraction(3, 4, layers=1, rank=1), DotInteraction(num_tokens, dim)]
    with pytest.raises(ValueError, match=message):
        outer(3, 4, modules=modules)


def test_nothing_in_parallel_is_refused():
    with pytest.raises(ValueError, match="'modules' must hold at least one interaction"):
        Parallel(3, 4, modules=[])
