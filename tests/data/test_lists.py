import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smt.data.sources.arrow_types import plain
from smt.data.sources.list_columns import kept_elements, require_same_lengths, with_elements
from smt.data.sources.lists import as_lists
from smt.errors import InputError


def lists_of(texts, separator=None, given=None):
    columns = {"f: column 'x'": plain(pa.array(texts, pa.string()), "f")}
    lists, used = as_lists(columns, separator=separator, given=given)
    return lists["f: column 'x'"].to_pylist(), used


@pytest.mark.parametrize(
    ("texts", "lists", "separator"),
    [
        (["1|2|3", "", "4"], [["1", "2", "3"], None, ["4"]], "|"),
        (["1, 2,3"], [["1", "2", "3"]], ","),
        (["1 2  3", "4"], [["1", "2", "3"], ["4"]], " "),
        (["[1, 2]", "[]", "[4]"], [["1", "2"], [], ["4"]], ","),
        (["[1 2]"], [["1", "2"]], " "),
        (["[1,2]", "3"], [["1", "2"], ["3"]], ","),
        (["{1,2}", "{}"], [["1", "2"], []], ","),
        (["(1,2)"], [["1", "2"]], ","),
        (['["a, b", "c"]', "[]"], [["a, b", "c"], []], "|"),
        (["['a', 'b']"], [["a", "b"]], None),
        (['["a", null]', None], [["a", None], None], None),
        (["12|45|", "7"], [["12", "45"], ["7"]], "|"),
        (["12||45"], [["12", "", "45"]], "|"),
        (["sci fi|drama", "new york"], [["sci fi", "drama"], ["new york"]], "|"),
        (["1\x022"], [["1", "2"]], "\x02"),
        (["NULL", r"\N", "1;2"], [None, None, ["1", "2"]], ";"),
        (["12", "13"], [["12"], ["13"]], "|"),
        (["1.5|2e-3", "-1|3"], [["1.5", "2e-3"], ["-1", "3"]], "|"),
        (["['a' 'b']", "['c']", "[]"], [["a", "b"], ["c"], []], "|"),
        (["['a' \"it's\"\n 'c d']"], [["a", "it's", "c d"]], None),
        (["['a' None 1]", "['b', nan]"], [["a", None, "1"], ["b", None]], None),
        (["('a',)", "{'a', 'b'}", '{"a","b"}'], [["a"], ["a", "b"], ["a", "b"]], None),
        ([r"['a\x41' 'b']", r'["\u00e9"]'], [["aA", "b"], ["é"]], None),
        (['["...", "a"]'], [["...", "a"]], None),
        (["{a,b}", "c", "{d}"], [["a", "b"], ["c"], ["d"]], ","),
        (["'a'|'b'", "c|d"], [["a", "b"], ["c", "d"]], "|"),
        (['"a, b","c"', '"d"'], [["a, b", "c"], ["d"]], None),
        (["List(a, b)", "List()", "c"], [["a", "b"], [], ["c"]], ","),
        (["WrappedArray(a)", "WrappedArray(b, c)"], [["a"], ["b", "c"]], ","),
        (["frozenset({'a'})", "set()", "{'b'}"], [["a"], [], ["b"]], "|"),
        (["array(['a', 'b'], dtype=object)"], [["a", "b"]], None),
        (["tensor([1, 2], device='cuda:0')"], [["1", "2"]], ","),
        (["array([1, 2])", "[np.int64(3), np.int64(4)]"], [["1", "2"], ["3", "4"]], ","),
        (["[np.str_('a, b'), np.str_('c')]"], [["a, b", "c"]], None),
    ],
)
def test_a_list_is_read_in_the_form_that_its_texts_show(texts, lists, separator):
    assert lists_of(texts) == (lists, separator)


def test_the_schemas_separator_leaves_other_signs_to_the_names():
    assert lists_of(["Rock, Paper|Go"], "|")[0] == [["Rock, Paper", "Go"]]
    assert lists_of(["new york"], "|")[0] == [["new york"]]
    assert lists_of(["new york"], " ")[0] == [["new", "york"]]
    assert lists_of(["1-2"], "|")[0] == [["1-2"]]
    assert lists_of(["1::2"], "::")[0] == [["1", "2"]]


@pytest.mark.parametrize(
    ("texts", "separator", "message"),
    [
        (["3", "1,2"], "|", r"the value '1,2' is no list in the separator '\|'"),
        (["[1"], "|", r"the value '\[1' is no list"),
        (["1|2", "3,4"], None, r"may be split by ',', and others by '\|'"),
        (["new york"], None, "the value 'new york' may be one name or several"),
        (["1;2 3"], None, "'2 3' would be one element"),
        (["1-2-3"], None, "'1-2-3' would be one element"),
        (['["a", "b]'], None, "is no list"),
        (["['a' 'b', 'c']"], None, "has several signs between its elements"),
        (["['a''b']"], None, "is no list"),
        (["['a', ['b']]"], None, "is no list"),
        (["['a',, 'b']"], None, "is no list"),
        (["[, 'a']"], None, "is no list"),
        (["[[1 2]\n [3 4]]"], None, "holds lists within lists"),
        (["List(List(1), List(2))"], None, r"'List\(1\)' would be one element"),
        (["OrderedSet(a, b)"], None, r"'OrderedSet\(a' would be one element"),
        (["Rock (Pop, Soul)"], ",", r"'Rock \(Pop' would be one element"),
        (["<a,b>", "<c>"], None, "'<a' would be one element"),
        (["(a,b)", "c"], None, r"'\(a' would be one element"),
        (["a|{b"], None, "'{b' would be one element"),
        (["'a'|b"], None, "''a'' would be one element|\"'a'\" would be one element"),
        (['"a, b",c'], None, "would be one element"),
        (["0,1;0,2"], None, r"may be split by ';', or by ','; say .*: ',' or separator: ';'"),
        (["0,1;0,2"], ";", "'0,1' would be one element; write .* decimals with a point"),
    ],
)
def test_a_text_that_is_no_list_is_not_one_id_without_a_word(texts, separator, message):
    with pytest.raises(InputError, match=rf"^f: column 'x': .*{message}"):
        lists_of(texts, separator)


@pytest.mark.parametrize(
    ("text", "separator"),
    [
        ("[1 2 ... 8 9]", None),
        ("[1, 2, ..., 9]", None),
        ("[1 2 ... 8 9]", " "),
        ("['a' 'b' ... 'z']", None),
        ("['a', ..., 'z']", None),
        ("[a b … z]", None),
        ("1|2|...|9", "|"),
        ("array([1, 2, ..., 9])", None),
    ],
)
def test_a_list_that_was_shortened_when_it_was_printed_is_refused(text, separator):
    with pytest.raises(InputError, match=r"^f: column 'x': the value .* was shortened .* whole"):
        lists_of(["[1 2]", text], separator)


def test_signs_within_names_are_no_brackets_and_quotes():
    names = ["(no genres listed)", "don't|7\"", "<18|>65", "{a}|{b}", "Batman (1989)|x", ":(|:)|'"]
    expected = [[names[0]], ["don't", '7"'], ["<18", ">65"], ["{a}", "{b}"]]
    expected += [["Batman (1989)", "x"], [":(", ":)", "'"]]
    assert lists_of(names, "|")[0] == expected


@given(
    st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)),
        min_size=1,
    )
)
def test_names_are_read_back_from_json_and_python(lists):
    stripped = [[element.strip() for element in elements] for elements in lists]
    for write in (json.dumps, repr):
        assert lists_of([write(elements) for elements in stripped])[0] == stripped


def test_one_separator_is_told_from_all_files_and_the_file_with_another_is_named():
    columns = {
        name: plain(pa.array(texts), name) for name, texts in {"a": ["1"], "b": ["1,2"]}.items()
    }
    lists, used = as_lists(columns, separator=None, given=None)
    assert ([value.to_pylist() for value in lists.values()], used) == ([[["1"]], [["1", "2"]]], ",")
    columns["c"] = plain(pa.array(["1|2"]), "c")
    with pytest.raises(InputError, match=r"^b: .*'1,2'"):
        as_lists(columns, separator=None, given=None)


def test_lists_stay_and_a_single_value_is_a_list_of_one():
    columns = {"a": pa.array([[1], None]), "b": pa.array([1, None])}
    lists, used = as_lists(columns, separator=None, given=None)
    assert used is None
    assert lists["a"].to_pylist() == lists["b"].to_pylist() == [[1], None]


@given(st.lists(st.lists(st.integers(-9, 99), min_size=0, max_size=4), min_size=1))
def test_numbers_are_read_back_from_every_way_to_write_their_list(lists):
    expected = [[str(number) for number in numbers] for numbers in lists]
    for write in (
        json.dumps,
        lambda numbers: json.dumps(numbers, separators=(",", ":")),
        lambda numbers: f"{{{','.join(map(str, numbers))}}}",
        lambda numbers: f"[{' '.join(map(str, numbers))}]",
    ):
        assert [values or [] for values in lists_of([write(n) for n in lists])[0]] == expected
    bare = ["|".join(map(str, numbers)) for numbers in lists]
    assert [values or [] for values in lists_of(bare)[0]] == expected


def test_elements_can_be_replaced_and_left_out():
    lists = pa.array([[5], [1, 2], None, [3]]).slice(1)
    replaced = with_elements(lists, pa.array([10, 20, 30]))
    assert replaced.to_pylist() == [[10, 20], [], [30]]
    assert kept_elements(replaced, pa.array([True, False, True])).to_pylist() == [[10], [], [30]]


def test_lists_side_by_side_have_one_length():
    lists = pa.array([[1], None])
    require_same_lengths(lists, pa.array([[2], []]), "f")
    with pytest.raises(InputError, match=r"the value \[1\] has another length than its"):
        require_same_lengths(lists, pa.array([[2, 3], []]), "f")
