#!/usr/bin/env bash
# torch 2.13.0: torch.optim.Adam (AdamW, NAdam and others alike) counts steps in a float32 tensor, which
# stops at 2**24 = 16,777,216. Adam itself does not mind, as its bias corrections are 1 long before; what
# reads `state["step"]` to schedule, average or log does.
#
# Seen:
#   dtype torch.float32, after 3 more steps 16777216
#
# Count steps in an integer of your own.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import torch

weight = torch.nn.Parameter(torch.zeros(1))
optimizer = torch.optim.Adam([weight])
weight.grad = torch.ones(1)
optimizer.step()
state = optimizer.state_dict()
state["state"][0]["step"] = torch.tensor(2.0**24)
optimizer.load_state_dict(state)
for _ in range(3):
    weight.grad = torch.ones(1)
    optimizer.step()
step = optimizer.state[weight]["step"]
print(f"dtype {step.dtype}, after 3 more steps {int(step)}")
assert step.dtype == torch.float32
assert int(step) == 2**24, "steps are counted past 2**24 now"
PYTHON
