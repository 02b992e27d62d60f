#!/usr/bin/env bash
# torch 2.13.0, fully_shard: a root module that ran forward under no_grad keeps the parameters that it
# gathered until the next backward pass. What is written into its sharded parameters meanwhile (averages
# swapped in for evaluation, and out again; an optimizer's step; a loaded state) the next forward pass
# does not see, and says nothing; nor do the gradients.
#
# Seen:
#   weight 1 -> output 1.0
#   after forward under no_grad, weight 5 -> output 1.0
#   after module.reshard() -> output 5.0
#
# Call reshard() on every FSDPModule after evaluating, before its parameters are written to. Modules
# below the root are resharded after each forward pass, so in one network a part of the parameters may
# be new and a part old.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
FOLDER=$folder "$folder/venv/bin/python" - <<'PYTHON' 2> "$folder/log" || { cat "$folder/log"; exit 1; }
import os

import torch
import torch.distributed as dist
from torch.distributed.fsdp import fully_shard

dist.init_process_group("gloo", init_method=f"file://{os.environ['FOLDER']}/meet", rank=0, world_size=1)
layer = torch.nn.Linear(1, 1, bias=False)
torch.nn.init.ones_(layer.weight)
fully_shard(layer)
weight, inputs = layer.weight, torch.ones(1, 1)
with torch.no_grad():
    first = layer(inputs).item()
    weight.mul_(5.0)
stale = layer(inputs).item()
layer.reshard()
fresh = layer(inputs).item()
print(f"weight 1 -> output {first}")
print(f"after forward under no_grad, weight {weight.full_tensor().item():g} -> output {stale}")
print(f"after module.reshard() -> output {fresh}")
assert (first, stale, fresh) == (1.0, 1.0, 5.0), "a root no longer keeps what it gathered"
dist.destroy_process_group()
PYTHON
