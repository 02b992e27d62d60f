import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smt.data.columns import Bucket, Event, Id, Numeric, Timestamp
from smt.data.filter import Range, describe, expression
from smt.data.schema import Schema
from smt.errors import InputError
from smt.fleet.model_spec import ModelSpec

SCHEMA = Schema(
    columns={"tab": Id(num_ids=4), "age": Numeric(), "click": Event(), "time": Timestamp()}
)
CONDITION = st.one_of(
    st.integers(0, 3),
    st.lists(st.integers(0, 4), max_size=3).map(tuple),
    st.builds(Range, at_least=st.none() | st.integers(0, 4), below=st.none() | st.integers(0, 4)),
)


def literal_holds(value, condition):
    if isinstance(condition, Range):
        above = condition.at_least is None or value >= condition.at_least
        return above and (condition.below is None or value < condition.below)
    return value in condition if isinstance(condition, tuple) else value == condition


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=30),
    st.dictionaries(st.sampled_from(["tab", "age"]), CONDITION),
)
def test_filter_keeps_the_rows_for_which_every_condition_holds(rows, where):
    table = pa.table(
        {
            "tab": pa.array([row[0] for row in rows], pa.int64()),
            "age": pa.array([row[1] for row in rows], pa.float32()),
        }
    )
    condition = expression(where, SCHEMA)
    kept = table if condition is None else ds.dataset(table).to_table(filter=condition)
    columns = {"tab": 0, "age": 1}
    expected = [
        row
        for row in rows
        if all(literal_holds(row[columns[name]], each) for name, each in where.items())
    ]
    found = zip(kept["tab"].to_pylist(), kept["age"].to_pylist(), strict=True)
    assert list(found) == expected


def test_a_filter_without_conditions_is_none():
    assert expression({}, SCHEMA) is None
    assert expression({"age": Range()}, SCHEMA) is None


@given(
    at_least=st.none() | st.floats(-10, 2e12), below=st.none() | st.sampled_from([0, 0.5, 1, 2e12])
)
def test_a_range_of_times_may_begin_and_end_anywhere(at_least, below):
    times = [0, 1, 2, 1_500_000_000_000, 1_900_000_000_001]
    table = pa.table({"time": pa.array(times, pa.int64())})
    where = Range(at_least=at_least, below=below)
    condition = expression({"time": where}, SCHEMA)
    kept = table if condition is None else ds.dataset(table).to_table(filter=condition)
    assert kept["time"].to_pylist() == [time for time in times if literal_holds(time, where)]


def test_an_unknown_column_is_named_with_the_closest():
    with pytest.raises(InputError, match=r"filter on unknown column 'tabb'; did you mean 'tab'\?"):
        expression({"tabb": 1}, SCHEMA)


def test_a_filter_on_a_transform_is_refused_as_no_log_holds_it():
    schema = Schema(columns={**SCHEMA.columns, "ages": Bucket(of="age", boundaries=(18,))})
    with pytest.raises(InputError, match=r"unknown column 'ages'; did you mean 'age'\?"):
        expression({"ages": 1}, schema)


def test_describe_reads_as_a_person_would_write_it():
    where = {"tab": 1, "age": Range(at_least=18, below=65), "time": (1, 2)}
    assert describe(where) == "tab = 1 and age >= 18 and age < 65 and time in [1, 2]"
    assert describe({}) == "all rows"


def test_a_models_filter_keeps_its_conditions_through_yaml(tmp_path):
    where = {"tab": 1, "age": Range(at_least=18), "hour": (1, 2)}
    model = ModelSpec(
        name="m",
        stage="ranking",
        events=("click",),
        surface="s",
        data_constraint="d",
        log="l",
        filter=where,
        features=("age",),
    )
    model.dump(tmp_path / "m.yaml")
    assert ModelSpec.load(tmp_path / "m.yaml").filter == where
