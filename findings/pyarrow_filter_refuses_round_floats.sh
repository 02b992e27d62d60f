#!/usr/bin/env bash
# pyarrow 26.0.1: an expression (Table.filter, dataset filters) that compares an int64 column with a Python
# float raises where float32 holds the float exactly and a value of the column is beyond 2^24: such a literal
# is read as float32, and the integers are cast to that. A float that float32 does not hold is compared as
# float64, and works; so does the same comparison by pyarrow.compute on the column itself.
#
# Seen, of times in milliseconds:
#   filter, >= 1000.0: ArrowInvalid: Integer value 1650000000000 not in range: -16777216 to 16777216
#   filter, >= 1000.1: 1 row
#   compute, >= 1000.0: [True]
#
# Compare whole numbers with whole numbers: field("ms") >= math.ceil(bound).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pyarrow==26.0.1
"$folder/venv/bin/python" - <<'PYTHON'
import pyarrow as pa
import pyarrow.compute as pc

table = pa.table({"ms": pa.array([1_650_000_000_000], pa.int64())})


def filtered(bound):
    try:
        return table.filter(pc.field("ms") >= bound).num_rows
    except pa.ArrowInvalid as error:
        return f"ArrowInvalid: {error}"


round_, other = filtered(1000.0), filtered(1000.1)
compared = pc.greater_equal(table["ms"], 1000.0).to_pylist()
print("filter, >= 1000.0:", round_)
print("filter, >= 1000.1:", other, "row")
print("compute, >= 1000.0:", compared)
assert round_ == (
    "ArrowInvalid: Integer value 1650000000000 not in range: -16777216 to 16777216"
), "a round float no longer narrows the comparison to float32"
assert other == 1
assert filtered(1000) == 1
assert compared == [True]
PYTHON
