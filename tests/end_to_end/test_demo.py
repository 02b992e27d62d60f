"""`make demo`, whole, from five seeds."""

import subprocess
from pathlib import Path

import pytest

from smt.results.cycle import CycleResult
from smt.results.folder import read_result
from smt.storage import Folder

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_five_seeds_in_a_row_come_to_the_same_verdicts(cluster: str, tmp_path: Path) -> None:
    verdicts = []
    for seed in range(5):
        out = tmp_path / str(seed)
        subprocess.run(["make", "demo", f"DEMO={out}", f"SEED={seed}"], cwd=ROOT, check=True)
        result = read_result(Folder(out), CycleResult)
        verdicts.append((result.techniques, result.versions))
    kept = {"decoupled_sparsenn_demo@2": "kept", "sparsenn_demo@2": "kept"}
    assert verdicts == [({"ema_weights": True, "past_rates": False}, kept)] * 5
