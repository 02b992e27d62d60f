import pyarrow as pa
import pytest

from smt.data.id_ranges import num_ids_of, require_ids
from smt.data.schema import Event, Id, IdList, Numeric, Schema, Sequence, Surface, Timestamp
from smt.errors import InputError

SCHEMA = Schema(
    columns={
        "user": Id(num_ids=3),
        "tags": IdList(num_ids=4),
        "seen": Sequence(num_ids=5, events="how", num_events=2, timestamps="when"),
        "old": Sequence(num_ids=6, events="what"),
        "tab": Surface(num_ids=2),
        "age": Numeric(),
        "click": Event(),
        "time": Timestamp(),
    }
)
GOOD = {
    "user": [0, 2],
    "tags": [[], [3]],
    "seen": [[4], [0]],
    "how": [[1], [0]],
    "when": [[-9], [10**15]],
    "what": [[-1], [10**9]],
    "tab": [0, 1],
}


def test_ids_have_ranges_and_so_have_codes_whose_number_is_given():
    assert num_ids_of(SCHEMA) == {"user": 3, "tags": 4, "seen": 5, "how": 2, "old": 6, "tab": 2}


def test_ids_within_their_ranges_pass_and_no_rows_do():
    table = pa.table(GOOD)
    require_ids(table, SCHEMA, "rows")
    require_ids(table.slice(0, 0), SCHEMA, "rows")
    require_ids(pa.table({"age": [-1.0]}), SCHEMA, "rows")


@pytest.mark.parametrize(
    ("column", "values", "value", "num_ids"),
    [
        ("user", [0, 3], 3, 3),
        ("user", [-1, 3], -1, 3),
        ("tags", [[0, 1], [2, 4]], 4, 4),
        ("seen", [[-1], []], -1, 5),
        ("how", [[0], [2]], 2, 2),
        ("tab", [7, 0], 7, 2),
    ],
)
def test_an_id_outside_its_range_is_named(column, values, value, num_ids):
    table = pa.table({**GOOD, column: values})
    message = rf"^rows: column '{column}': the id {value} is outside \[0, {num_ids}\)$"
    with pytest.raises(InputError, match=message):
        require_ids(table, SCHEMA, "rows")


def test_only_the_rows_of_a_slice_count():
    table = pa.table({"user": [9, 1, 2, 9], "tags": [[9], [1], [], [9]]})
    require_ids(table.slice(1, 2), SCHEMA, "rows")
    parts = pa.concat_tables([table.slice(1, 1), table.slice(3, 1)])
    with pytest.raises(InputError, match="the id 9"):
        require_ids(parts, SCHEMA, "rows")
