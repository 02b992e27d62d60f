import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from smt.yaml_text import OneLine, format_yaml, parse_yaml

# What one of the two versions of YAML, or a line of it, does not read as the text that it is.
TRAPS = [
    *("NO", "on", "yes", "y", "true", "null", "~", "", "1", "+1", "08", "017", "0o17", "0x10"),
    *("0b1", "1_000", "1e3", "1e-3", ".5", "5.", "1.5e3", "12:30:00", "1:30", "2024-01-01"),
    *("2024-01-01 10:00:00", ".inf", "-.INF", ".nan", "=", "<<", "a: b", "a #2", "/log #2"),
    *("- a", "? a", "! a", "&a", "*a", "%a", "@a", "`a", "{a", "[a", "a, b", "'", '"', "\\", ":"),
    *(" a", "a ", "a\n", "\na", "a\n b", "\t", "a\tb", "a\r\nb", "a\x85b", "a\u2028b", "a\u2029b"),
    *("\ufeffa", "a\ufeff", "\x00", "\x07", "é", "日本", "😀", "---", "...", "--- a", "!!str a"),
]
TEXTS = st.sampled_from(TRAPS) | st.text() | st.text("0123456789eE.+-_xob:~ #", max_size=8)
NUMBERS = st.integers() | st.floats(allow_nan=False)
DATA = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
)


@given(DATA)
def test_what_is_written_reads_back_as_itself(content):
    back = parse_yaml(format_yaml(content))
    assert back == content
    assert repr(back) == repr(content)


@pytest.mark.parametrize("text", TRAPS)
def test_a_text_reads_back_wherever_it_stands(text):
    content = {text: [text, {text: text}], "a": text}
    assert parse_yaml(format_yaml(content)) == content


@given(st.dictionaries(TEXTS, TEXTS, max_size=3), TEXTS, st.text("ab ", min_size=200))
def test_a_mapping_in_one_line_is_one_line_and_reads_back(mapping, name, long):
    mapping = mapping | {"long": long}
    text = format_yaml({"models": [OneLine(mapping)], "name": name}, width=math.inf)
    assert parse_yaml(text) == {"models": [mapping], "name": name}
    assert text.startswith("models:\n- {")
    assert text.split("\n")[2].startswith("name:")


@given(st.dictionaries(TEXTS, TEXTS, max_size=3))
def test_a_reader_of_yaml_1_1_reads_the_same_texts(content):
    assert yaml.safe_load(format_yaml(content)) == content


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *(("1e-3", 0.001), ("1E5", 100000.0), ("5e-4", 0.0005), (".5", 0.5), ("5.", 5.0)),
        *(("+1", 1), ("-1", -1), ("1e+3", 1000.0), ("-1.5e-3", -0.0015), ("1_000", 1000)),
        *(("017", 17), ("08", 8), ("0o17", 15), ("0x10", 16), ("-.inf", -math.inf)),
    ],
)
def test_a_number_is_read_as_people_write_it(written, meant):
    read = parse_yaml(f"[{written}]")[0]
    assert read == meant
    assert type(read) is type(meant)


@pytest.mark.parametrize(
    "text",
    ["NO", "on", "off", "y", "yes", "12:30:00", "1:30", "2024-01-01", "=", "1e", "e3", "0b1"],
)
def test_a_text_that_only_yaml_1_1_reads_as_something_else_is_a_text(text):
    assert parse_yaml(f"{text}: [{text}]") == {text: [text]}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a: 1\nb: 2\na: 3\n", "'a' is there twice.* line 3"),
        ("m:\n- {x: 1, 'x': 2}\n", "'x' is there twice.* line 2"),
    ],
)
def test_a_key_that_is_there_twice_is_refused_with_its_line(text, where):
    with pytest.raises(yaml.YAMLError, match=f"(?s){where}"):
        parse_yaml(text)


def test_a_merged_mapping_may_be_overridden():
    assert parse_yaml("a: &a {p: 1, q: 1}\nb: {<<: *a, p: 2}")["b"] == {"p": 2, "q": 1}
