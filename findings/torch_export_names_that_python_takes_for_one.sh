#!/usr/bin/env bash
# torch 2.13.0: a module whose children have names that Python's parser takes for one identifier (it
# normalises identifiers by NFKC: the ligature U+FB01 is "fi") runs right, and exports without a word to
# a program that computes with one child in the place of both.
#
# Seen:
#   module:  [[10.0, 100.0]]
#   program: [[100.0, 100.0]]
#
# torch.export writes attribute accesses as Python code; names in a ModuleDict need not be identifiers, so
# encode them (percent-quoting, say) where they come from data.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import torch


class Sums(torch.nn.Module):
    def __init__(self):
        super().__init__()
        names = ("\ufb01", "fi")
        self.parts = torch.nn.ModuleDict({name: torch.nn.Linear(1, 1, bias=False) for name in names})
        for power, part in enumerate(self.parts.values(), start=1):
            torch.nn.init.constant_(part.weight, 10.0**power)

    def forward(self, x):
        return torch.cat([part(x) for part in self.parts.values()], dim=1)


module, x = Sums(), torch.ones(1, 1)
program = torch.export.export(module, (x,)).module()
print("module: ", module(x).tolist())
print("program:", program(x).tolist())
assert module(x).tolist() == [[10.0, 100.0]]
assert program(x).tolist() == [[100.0, 100.0]], "the program no longer takes one child for both"
PYTHON
