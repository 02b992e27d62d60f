import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smt.data.coding import Hashing
from smt.data.columns import DataConstraint, Id, Surface
from smt.data.sources.arrow_types import TEXT
from smt.data.sources.ids import code_ids, coder_of
from smt.data.sources.raw_ids import raw_ids
from smt.errors import InputError


def coded(kind, *files, stated=(), **others):
    """Code the column 'x' of these files, and further columns that share its ids."""
    raw = {
        name: [
            raw_ids(pa.array(texts, TEXT), kind.missing, f"{number}.csv: column '{name}'")
            for number, texts in enumerate(columns)
        ]
        for name, columns in {"x": files, **others}.items()
    }
    return code_ids("x", kind, raw, stated)


def ids(result, column="x"):
    return [values.to_pylist() for values in result.columns[column]]


def test_whole_numbers_are_the_ids_and_nothing_is_hashed():
    result = coded(Id(num_ids=10), ["1", "9"], ["0", None])
    assert ids(result) == [[1, 9], [0, None]]
    assert result.coding.coding == "number"
    assert result.coding.missing_rows == {"x": 1}


def test_minus_one_beside_ids_is_missing_in_all_columns_that_share_them():
    result = coded(Id(num_ids=10), ["1", "-1"], steps=[["-1", "4"]])
    assert (ids(result), ids(result, "steps")) == ([[1, None]], [[None, 4]])
    assert result.coding.missing_rows == {"x": 1, "steps": 1}
    assert "-1" in result.coding.missing


def test_minus_one_is_an_ordinary_value_among_negative_ones():
    result = coded(Id(num_ids=1000, coding="hash"), ["-1", "-7", "3"])
    assert None not in ids(result)[0]
    assert "-1" not in result.coding.missing


def test_minus_one_is_no_id_where_the_schema_says_what_is_missing():
    with pytest.raises(InputError, match=r"the value -1 is outside \[0, 10\) \(element 2 of"):
        coded(Id(num_ids=10, missing=("?",)), ["1", "-1"])


def test_minus_one_is_no_id_in_a_list_whose_own_missing_leaves_it_out():
    with pytest.raises(InputError, match=r"column 'steps': the value -1 is outside \[0, 10\)"):
        coded(Id(num_ids=10), ["1", "-1"], steps=[["-1", "4"]], stated=["steps"])


def test_a_number_that_is_none_of_numbers_that_are_names_is_refused():
    kind = Surface(num_ids=4, names=("1", "2", "3"))
    assert ids(coded(kind, ["1", "3"])) == [[0, 2]]
    with pytest.raises(InputError, match=r"the value '0' is not one of 1, 2, 3 \(element 2 of"):
        coded(kind, ["1", "0"])
    with pytest.raises(InputError, match="in quotes: YAML reads 010 and 1_000 as 10 and 1000"):
        coded(Surface(num_ids=100, names=("10", "20")), ["010"])
    with pytest.raises(InputError, match=r"of 'names', 2 are '1' as ids are read"):
        coded(Surface(num_ids=4, names=("1", "1.0")), ["1"])


def test_numbers_are_ids_of_names_that_are_words():
    assert ids(coded(Surface(num_ids=3, names=("home", "shop")), ["0", "1"])) == [[0, 1]]


def test_names_are_hashed_by_default_and_those_of_surfaces_numbered():
    hashed = coded(Id(num_ids=1000), ["Rome"], ["Oslo"])
    assert ids(hashed) == [[362], [325]]
    assert hashed.coding.coding == "hash"
    for kind in (Surface(num_ids=3), DataConstraint(num_ids=3)):
        numbered = coded(kind, ["Rome"], ["Oslo"])
        assert ids(numbered) == [[2], [1]]
        assert numbered.dictionary.values.to_pylist() == ["Oslo", "Rome"]


def test_one_odd_value_decides_nothing():
    for odd, rare in ((["1", "2", "x"], "x"), (["a", "b", "3"], "3")):
        with pytest.raises(
            InputError, match=rf"0.csv: column 'x': the value '{rare}' stands among .*coding: hash"
        ):
            coded(Id(num_ids=10), odd)


def test_the_column_says_that_numbers_are_hashed_too():
    large = ["7205759403792793600", "18446744073709551615"]
    result = coded(Id(num_ids=100, coding="hash"), large)
    assert ids(result) == [Hashing(100)(pa.array(large)).to_pylist()]
    for text in large:
        with pytest.raises(InputError, match=rf"value {text} is outside \[0, 100\).*coding: hash"):
            coded(Id(num_ids=100), [text])


def test_a_column_of_numbers_with_a_name_says_so():
    with pytest.raises(InputError, match="the value 'x' is no whole number"):
        coded(Id(num_ids=10, coding="number"), ["1", "x"])


def test_a_dictionary_does_not_depend_on_files_and_orders_numbers_as_numbers():
    kind = Id(num_ids=10, coding="dictionary")
    assert ids(coded(kind, ["10", "9"], ["2"])) == [[3, 2], [1]]
    assert ids(coded(kind, ["2", "9", "10"])) == [[1, 2, 3]]
    with pytest.raises(InputError, match="has 3 different values, which need num_ids of at"):
        coded(kind.model_copy(update={"num_ids": 3}), ["2", "9", "10"])


def test_names_of_the_schema_are_their_places():
    kind = Surface(num_ids=2, names=("home", "shop"))
    assert ids(coded(kind, ["shop", "home"])) == [[1, 0]]
    assert ids(coded(kind, ["1", "0"])) == [[1, 0]]
    assert ids(coded(Surface(num_ids=2, names=("2", "1")), ["1", "2"])) == [[1, 0]]
    with pytest.raises(InputError, match=r"'cart' is not one of home, shop \(element 2 of"):
        coded(kind, ["home", "cart"])
    with pytest.raises(InputError, match=r"a value is missing \(element 1 of"):
        coded(kind, [None, "home"])


def test_names_of_a_surface_never_share_an_id():
    names = [f"page {number}" for number in range(40)]
    with pytest.raises(InputError, match=r"share an id, and rows are told apart by them"):
        coded(Surface(num_ids=41, coding="hash"), names)
    assert len(set(ids(coded(Surface(num_ids=41), names))[0])) == 40


def test_names_that_share_an_id_are_counted_and_remarked_on():
    names = [f"user {number}" for number in range(200)]
    result = coded(Id(num_ids=300), names)
    places = ids(result)[0]
    assert result.coding.sharing == sum(places.count(place) > 1 for place in places)
    assert (result.coding.names, result.coding.ids) == (200, len(set(places)))
    assert "share their id with another" in result.remarks[0]
    assert "or raise num_ids from 300 to some 2,000" in result.remarks[0]
    assert not coded(Id(num_ids=100_000), names).remarks


def test_few_names_that_share_an_id_by_chance_are_told_of_more_ids_than_there_are():
    # Of 4 names in [1, 100), two share one.
    remarks = coded(Id(num_ids=100, coding="hash"), ["u1", "u2", "u3", "u4"]).remarks
    assert "2 of 4 names" in remarks[0]
    assert "from 100 to some 200" in remarks[0]


def test_an_id_0_that_stands_for_missing_values_too_is_remarked_on():
    assert (
        "0 is an id, and what 1 missing values became"
        in coded(Id(num_ids=5), ["0", None]).remarks[0]
    )
    assert not coded(Id(num_ids=5), ["1", None]).remarks


@given(
    st.lists(st.sampled_from(["1", "2", "30", None, "-1"]), min_size=1),
    st.integers(0, 10),
    st.sampled_from([None, "hash", "dictionary"]),
)
def test_how_rows_are_spread_over_files_does_not_matter(texts, cut, coding):
    kind = Id(num_ids=50, coding=coding)
    (together,) = ids(coded(kind, texts))
    apart = coded(kind, texts[:cut], texts[cut:])
    assert [*ids(apart)[0], *ids(apart)[1]] == together
    assert apart.coding == coded(kind, texts).coding


@pytest.mark.parametrize("coding", ["number", "hash", "dictionary"])
def test_raw_rows_are_coded_again_as_the_log_was(coding):
    kind = Id(num_ids=50, coding=coding)
    result = coded(kind, ["1", "2", "30"])
    coder = coder_of(result.coding, (), result.dictionary)
    assert coder(pa.array(["30", "1", None], TEXT)).to_pylist() == [
        ids(result)[0][2],
        ids(result)[0][0],
        0,
    ]
    if coding != "hash":
        assert coder(pa.array(["77", "x"], TEXT)).to_pylist() == [0, 0]
