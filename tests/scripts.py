"""How tests run the scripts of experiments/, and on which fleet."""

import io
import runpy
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "experiments" / "generalize.py"
TRAINING = ("generalize.py", "integrate.py", "instantiate.py")
TEMPLATE = "sparsenn_small@3"
FLEET = """
name: tiny
log: {simulator: {rows: 6000, num_users: 300, num_items: 200}}
stages:
  ranking: {features: [user, item, advertiser, user_age, item_price, item_tags, history]}
  retrieval: {features: [user, item, category], limits: {flops: 30000}}
surfaces:
  all: {}
  feed: {filter: {surface: 0}}
data_constraints:
  full: {}
models:
- {name: view-all, stage: ranking, events: [view], surface: all, data_constraint: full, weight: 3}
- {name: click-retrieval, stage: retrieval, events: [click], surface: all, data_constraint: full}
- {name: view-feed, stage: ranking, events: [view, click], surface: feed, data_constraint: full}
"""
ARGUMENTS = [
    *("--trials", "3", "--representatives", "3", "--capacity", "free"),
    *("--techniques", "label_smoothing", "dcn_v2"),
]


@dataclass(frozen=True)
class Run:
    out: Path
    stdout: str


def command(fleet: Path, out: Path, *options: str) -> list[str]:
    pinned = _pinned(options)
    return [sys.executable, str(SCRIPT), "--fleet", str(fleet), "--out", str(out), *pinned]


def _pinned(options: Sequence[str]) -> list[str]:
    """With the template that the models' limits are made for, unless one is named."""
    return [*options] if "--template" in options else ["--template", TEMPLATE, *options]


def run_script(name: str, *arguments: str | Path) -> None:
    """Run a script of experiments/ in this process, which has loaded everything already.

    One that trains gets one warm worker, unless it says how many: each loads torch for seconds.
    """
    script = str(SCRIPT.with_name(name))
    if name in TRAINING and not {"--warm-workers", "--isolate", "--workers"} & {*arguments}:
        arguments = (*arguments, "--warm-workers", "1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [script, *map(str, arguments)])
        runpy.run_path(script, run_name="__main__")


def generalize(fleet: Path, out: Path, *options: str) -> Run:
    """A run of generalize.py, on one template."""
    return generalize_by_rules(fleet, out, *_pinned(options))


def generalize_by_rules(fleet: Path, out: Path, *options: str) -> Run:
    """A run of generalize.py in which every model has the template that the fleet's rules say."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        run_script(SCRIPT.name, "--fleet", fleet, "--out", out, *options)
    return Run(out, printed.getvalue())


def refused(capsys: pytest.CaptureFixture[str], fleet: Path, out: Path, *options: str) -> str:
    """What generalize.py says, in one sentence, before it exits with 2."""
    with pytest.raises(SystemExit) as stop:
        generalize(fleet, out, *options)
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert "Traceback" not in said
    return said
