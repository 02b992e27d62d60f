"""A new interaction takes three files: its own, its spec's and its technique's."""

import shutil
import subprocess
import sys
from pathlib import Path

import smt

MODULE = '''
"""Tokens and their sum."""

import torch
from torch import Tensor

from smt.layers.interactions.interaction import Interaction


class SumInteraction(Interaction):
    """The tokens, and their sum `copies` times."""

    def __init__(self, num_tokens: int, dim: int, *, copies: int) -> None:
        super().__init__(num_tokens, dim, num_tokens + copies)
        self.copies = copies

    def forward(self, tokens: Tensor) -> Tensor:
        """`[B, F, D]` -> `[B, F + copies, D]`."""
        return torch.cat([tokens, *[tokens.sum(dim=1, keepdim=True)] * self.copies], dim=1)
'''
SPEC = '''
class Sum(InteractionSpec):
    """The tokens, and their sum."""

    module: ClassVar = "smt.layers.interactions.sum:SumInteraction"
    kind: Literal["sum"] = "sum"
    copies: PositiveInt


Single = Sum | '''
TECHNIQUE = """

@technique(part="architecture", copies=(Int(1, 3), "of the sum"), source="This test")
def token_sum(template: Template, *, copies: int) -> Template:
    \"\"\"The sum of the tokens beside them.\"\"\"
    return before(template, architecture.Sum(copies=copies))


by_name = {
    technique.name: technique
    for technique in (
        token_sum,"""
USE = """
from smt.data.simulator import Simulator, SimulatorSpec
from smt.fleet import ModelSpec
from smt.layers.interactions.sum import SumInteraction
from smt.techniques import find_technique
from smt.template import Template, build, catalogue
from smt.training import train

template = find_technique("token_sum").apply(catalogue["sparsenn_small"], {"copies": 2})
assert Template.parse(template.to_dict(), source="test") == template
model = ModelSpec(
    name="m", stage="ranking", events=("click",), surface="all", data_constraint="full", log="l",
    features=("user", "item"),
)
log = Simulator(SimulatorSpec(rows=2000)).log()
first = build(template, model, log.schema).tower.interactions.members[0]
assert isinstance(first, SumInteraction) and first.copies == 2
assert 0 < train(template, model, log).ne < 3
print("TRAINED")
"""


def edit(file: Path, *changes: tuple[str, str]) -> None:
    text = file.read_text()
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    file.write_text(text)


def test_an_interaction_is_added_in_three_files(tmp_path):
    package = tmp_path / "smt"
    shutil.copytree(smt.__path__[0], package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "layers" / "interactions" / "sum.py").write_text(MODULE)
    edit(package / "template" / "architecture.py", ("\nSingle = ", SPEC))
    edit(
        package / "techniques" / "interactions.py",
        (
            "from smt.template.technique",
            "from smt.template import architecture\nfrom smt.template.technique",
        ),
        ("\nby_name = {\n    technique.name: technique\n    for technique in (", TECHNIQUE),
    )
    done = subprocess.run(
        [sys.executable, "-c", USE],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip().endswith("TRAINED"), done.stderr
