import torch
from hypothesis import given
from hypothesis import strategies as st

from smt.layers.examples import Examples
from smt.layers.jagged import Jagged
from smt.layers.unknown import LARGEST_NUMBER, UnknownAsMissing

INT64 = st.integers(-(2**63), 2**63 - 1)
FLOAT32 = st.floats(width=32, allow_nan=True, allow_infinity=True)


def examples(ids=(), steps=(), codes=(), numeric=(), vector=()):
    """One example."""
    return Examples(
        numeric=torch.tensor([numeric], dtype=torch.float32),
        ids=torch.tensor([[each] for each in ids], dtype=torch.int64).view(len(ids), 1),
        lists={
            name: Jagged(torch.tensor(values, dtype=torch.int64), torch.tensor([0, len(values)]))
            for name, values in {"history": steps, "code": codes, "time": steps}.items()
        },
        embeddings={"content": torch.tensor([vector], dtype=torch.float32)},
        timestamps=torch.tensor([7]),
    )


@given(
    st.tuples(INT64, INT64), st.lists(INT64, max_size=5), st.lists(st.integers(-3, 8), max_size=5)
)
def test_ids_out_of_range_are_id_0_and_others_themselves(ids, steps, codes):
    known = UnknownAsMissing([5, 100], {"history": 50, "code": 3})
    found = known(examples(ids, steps, codes))
    expected = [value if 0 <= value < n else 0 for value, n in zip(ids, (5, 100), strict=True)]
    assert found.ids.flatten().tolist() == expected
    assert found.lists["history"].values.tolist() == [n if 0 <= n < 50 else 0 for n in steps]
    assert found.lists["code"].values.tolist() == [n if 0 <= n < 3 else 0 for n in codes]
    assert found.lists["time"].values.tolist() == steps
    assert found.timestamps.tolist() == [7]


@given(st.lists(FLOAT32, max_size=4), st.lists(FLOAT32, max_size=4))
def test_infinite_numbers_are_missing_and_elements_that_are_not_finite_are_0(numeric, vector):
    found = UnknownAsMissing([], {})(examples(numeric=numeric, vector=vector))
    given_numbers, given_elements = torch.tensor([numeric]), torch.tensor([vector])
    usual = given_numbers.abs() <= LARGEST_NUMBER
    assert torch.equal(found.numeric[usual], given_numbers[usual])
    assert torch.equal(found.numeric.isnan(), ~given_numbers.isfinite())
    assert (found.numeric[~found.numeric.isnan()].abs() <= torch.tensor(LARGEST_NUMBER)).all()
    finite = given_elements.isfinite()
    assert torch.equal(found.embeddings["content"][finite], given_elements[finite])
    assert (found.embeddings["content"][~finite] == 0).all()


def test_a_program_of_another_tower_has_no_ids():
    none = examples()._replace(ids=torch.empty(0))
    assert UnknownAsMissing([3], {})(none).ids.numel() == 0


def test_what_is_known_is_in_no_checkpoint():
    assert not UnknownAsMissing([3, 4], {"history": 5}).state_dict()
