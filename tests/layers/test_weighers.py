import torch
from hypothesis import given
from hypothesis import strategies as st
from torchrec import JaggedTensor

from smt.layers.weighers import FrequencyGate, PositionWeights

LISTS = st.lists(st.lists(st.integers(0, 4), max_size=6), min_size=1, max_size=6)


def jagged(lists):
    return JaggedTensor(
        values=torch.tensor([each for row in lists for each in row], dtype=torch.int64),
        lengths=torch.tensor([len(row) for row in lists], dtype=torch.int32),
    )


@given(LISTS, st.integers(1, 5), st.floats(0.5, 100))
def test_position_weights_are_by_place_in_the_list_and_the_last_is_shared(
    lists, max_positions, half_life
):
    weigher = PositionWeights(max_positions, half_life)
    expected = [
        0.5 ** (min(position, max_positions - 1) / half_life)
        for row in lists
        for position in range(len(row))
    ]
    torch.testing.assert_close(weigher(jagged(lists)), torch.tensor(expected, dtype=torch.float32))


def test_a_positions_weight_learns_from_the_ids_at_that_position():
    weigher = PositionWeights(3, 2.0)
    weigher(jagged([[1, 2], [3], [], [4, 4, 4, 4]])).sum().backward()
    assert weigher.weight.grad.tolist() == [3.0, 2.0, 2.0]


def literal_gate(counts, lists, prior_count, training):
    ids = [each for row in lists for each in row]
    if training:
        for each in ids:
            counts[each] = counts.get(each, 0) + 1
    return [counts.get(each, 0) / (counts.get(each, 0) + prior_count) for each in ids]


@given(st.lists(st.tuples(LISTS, st.booleans()), max_size=5), st.floats(0.1, 50))
def test_frequency_gate_trusts_an_id_by_how_often_it_was_trained_on(batches, prior_count):
    gate, counts = FrequencyGate(5, prior_count), {}
    for lists, training in batches:
        gate.train(training)
        expected = literal_gate(counts, lists, prior_count, training)
        found = gate(jagged(lists))
        torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float32))
    assert gate.count.tolist() == [counts.get(each, 0) for each in range(5)]


def test_an_id_never_trained_on_has_weight_zero_and_evaluation_does_not_count():
    gate = FrequencyGate(3, 1.0).eval()
    for _ in range(2):
        assert gate(jagged([[0, 1, 2]])).tolist() == [0.0, 0.0, 0.0]


def test_a_count_does_not_stop_where_single_precision_does():
    gate = FrequencyGate(2, prior_count=1.0).train()
    gate.count[1] = 2.0**24
    gate(jagged([[1, 1, 1]]))
    assert gate.count.tolist() == [0, 2**24 + 3]
