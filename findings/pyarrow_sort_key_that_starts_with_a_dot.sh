#!/usr/bin/env bash
# pyarrow 26.0.1: Table.sort_by and Table.group_by read a column's name that starts with a dot as a
# path, and so take another column, without a word, where the table has one of the name behind the dot.
# A name with a dot inside it ("a.b") is taken as it is.
#
# Seen:
#   sort_by(".time"): [3, 2, 1]
#   group_by(".time"): ['time', 'time_sum']
#   sort_by("a.b"): [1, 2, 3]
#
# To sort by such a column: table.take(pc.array_sort_indices(table[".time"])).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pyarrow==26.0.1
"$folder/venv/bin/python" - <<'PYTHON'
import pyarrow as pa

table = pa.table({".time": [3, 1, 2], "time": [10, 30, 20]})
by_time = table.sort_by(".time")[".time"].to_pylist()
print('sort_by(".time"):', by_time)
groups = table.group_by(".time").aggregate([("time", "sum")]).column_names
print('group_by(".time"):', groups)
inside = pa.table({"a.b": [3, 1, 2]}).sort_by("a.b")["a.b"].to_pylist()
print('sort_by("a.b"):', inside)
assert by_time == [3, 2, 1], "the order is no longer that of the column 'time'"
assert groups == ["time", "time_sum"], "the groups are no longer those of the column 'time'"
assert inside == [1, 2, 3]
PYTHON
