#!/usr/bin/env bash
# ray 2.60.0 (Linux): tasks and actors run at niceness 15, the driver at its own, so that raylet and GCS get
# their turn. Whatever else runs on the node at niceness 0 gets some thirty times a worker's CPU time under
# contention: a benchmark of Ray beside plain processes, or a node that others use too, starves the workers,
# and nothing says so. `RAY_worker_niceness=0` in the environment of the node's start ends it.
#
# Seen:
#   driver 0, task 15, actor 15; with RAY_worker_niceness=0: task 0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet ray==2.60.0
cat > "$folder/niceness.py" <<'PYTHON'
import os
import sys

import ray


@ray.remote
def of_task():
    return os.nice(0)


@ray.remote
class Actor:
    def niceness(self):
        return os.nice(0)


own = os.nice(0)
ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
task, actor = ray.get([of_task.remote(), Actor.remote().niceness.remote()])
ray.shutdown()
print(f"driver {own}, task {task}, actor {actor}")
expected = int(sys.argv[1])
assert (task - own, actor - own) == (expected, expected), "workers are no longer as nice"
PYTHON
nice -n 0 "$folder/venv/bin/python" "$folder/niceness.py" 15
RAY_worker_niceness=0 "$folder/venv/bin/python" "$folder/niceness.py" 0
