import pyarrow as pa
import pytest

from smt.data.sources.label_drafts import draft_labels, draft_values
from smt.data.sources.raw_columns import RawColumn


@pytest.mark.parametrize("one", ["1", "1.00", "+1", "true", "TRUE"])
def test_the_share_of_a_drafted_label_does_not_depend_on_how_1_is_written(one):
    column = RawColumn("click", {"f": pa.array(["0", one, "0", "0"], pa.large_string())}, None)
    draft = draft_labels({"click": column})["click"]
    assert (draft.keys, draft.remarks) == ({"kind": "event"}, ("1 in 25.00% of the rows",))


@pytest.mark.parametrize("name", ["play_time_ms", "watchTime", "order_value", "revenue"])
def test_numbers_from_0_on_that_a_name_calls_an_outcome_are_a_value(name):
    column = RawColumn(name, {"f": pa.array(["0", "7.5", "0.0", "31"], pa.large_string())}, None)
    draft = draft_values({name: column})[name]
    assert draft.keys == {"kind": "value"}
    assert draft.remarks[0] == "0 in 50.00% of the rows"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("play_time_ms", ["1", "7.5"]),
        ("play_time_ms", ["0", "1"]),
        ("play_time_ms", ["0", "-1", "4"]),
        ("play_time_ms", ["0", "inf", "4"]),
        ("like_count", ["0", "3", "4"]),
        ("price", ["0", "3", "4"]),
    ],
)
def test_other_numbers_are_no_value(name, values):
    column = RawColumn(name, {"f": pa.array(values, pa.large_string())}, None)
    assert draft_values({name: column}) == {}


def test_missing_values_are_said_to_be_refused():
    column = RawColumn("watch_time", {"f": pa.array([0.0, None, 3.5])}, None)
    remarks = draft_values({"watch_time": column})["watch_time"].remarks
    assert remarks[-1] == "1 rows have no value, which is refused: remove them, or write 0"
