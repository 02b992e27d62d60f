"""Do whole runs agree on what generalizes? One search of a real log, of one seed after another.

A run's seed is that of its networks' initial values, of its searches, of its fresh seeds and of the
holdout that it draws. Prints a row a technique, a column a run, and a JSON line last:

  agree        share of (technique, pair of runs) whose verdicts are the same
  agree_paper  the same of what Algorithm 1 says by the searches alone (`--paper-exact`)
  generalizes  technique -> share of the runs in which it does

Each run takes ten minutes on two cores; `--out` keeps them, and the same command goes on where it
was stopped.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table

from smt.command_line import open_console, run
from smt.results.folder import RESULT, read_result
from smt.results.generalization import GeneralizationResult
from smt.results.technique import TechniqueRecord
from smt.storage import Folder

EXPERIMENTS = Path(__file__).resolve().parents[1] / "experiments"


@dataclass(frozen=True)
class Config:
    """What is run; by default a search of three techniques over KuaiRand.

    Attributes:
        seeds: Runs, of seeds 0, 1, …
        fleet: YAML file.
        template: A version of one.
        techniques: That are searched.
        representatives: Of the fleet.
        trials: Of a technique.
        method: Of the search.
        out: Folder of the runs' folders.
    """

    seeds: int = 5
    fleet: str = "experiments/fleets/kuairand.yaml"
    template: str = "decoupled_sparsenn_small@3"
    techniques: tuple[str, ...] = ("past_rates", "ema_weights", "piecewise_linear_numerics")
    representatives: int = 8
    trials: int = 6
    method: str = "ax"
    out: str = "runs/agreement"


def main(config: Config) -> None:
    """Run what is not finished yet, compare, print."""
    folders = [Path(config.out) / f"seed{seed}" for seed in range(config.seeds)]
    for seed, folder in enumerate(folders):
        if not (folder / RESULT).exists():
            subprocess.run(command(seed, folder, config), check=True)
    results = [read_result(Folder(str(folder)), GeneralizationResult) for folder in folders]
    by_technique: dict[str, list[TechniqueRecord]] = {}
    for result in results:
        for record in result.techniques:
            by_technique.setdefault(record.name, []).append(record)
    verdicts = {
        name: [record.generalizes for record in records] for name, records in by_technique.items()
    }
    of_paper = [
        [record.paper_generalizes for record in records] for records in by_technique.values()
    ]
    show(by_technique)
    figures = {
        "agree": agreement(list(verdicts.values())),
        "agree_paper": agreement(of_paper),
        "generalizes": {name: sum(said) / len(said) for name, said in verdicts.items()},
    }
    print(json.dumps({"runs": config.seeds, **figures}))


def command(seed: int, folder: Path, config: Config) -> list[str]:
    """A run; one that was stopped goes on."""
    return [
        *(sys.executable, str(EXPERIMENTS / "generalize.py"), "--out", str(folder)),
        *("--fleet", config.fleet, "--template", config.template),
        *("--techniques", *config.techniques, "--representatives", str(config.representatives)),
        *("--trials", str(config.trials), "--method", config.method, "--no-early-rejection"),
        *("--seed", str(seed), *(("--resume",) if folder.exists() else ())),
    ]


def agreement(verdicts: Sequence[Sequence[bool]]) -> float:
    """Share of (technique, pair of runs) that agree, of a row a technique, a column a run."""
    pairs = [first == second for said in verdicts for first, second in combinations(said, 2)]
    return round(sum(pairs) / len(pairs), 4)


def show(by_technique: dict[str, list[TechniqueRecord]]) -> None:
    """Whether each generalizes in each run, and its μ there."""
    runs = len(next(iter(by_technique.values())))
    table = Table("technique", *(f"run {number}" for number in range(runs)), box=SIMPLE_HEAD)
    for name, records in by_technique.items():
        table.add_row(name, *map(verdict, records))
    open_console().print(table)


def verdict(record: TechniqueRecord) -> str:
    """Whether it generalizes, and μ of θ*, percent."""
    mean = record.shown.mean
    value = "-" if mean is None else f"{mean:+.3f}%"
    return f"{'yes' if record.generalizes else 'no'} {value}"


if __name__ == "__main__":
    run(main, Config)
