"""A small run, made without training anything, and saved by the code that saves real ones."""

from pathlib import Path

import pytest
from made_run import Plan, made_model, make_run

from smt.fleet import Fleet
from smt.search.settings import Settings
from smt.storage import Folder

HOSTILE = 'click/<b>all</b>&"x"/</script>'
SETTINGS = Settings(trials=8, alpha=0.05, epsilon=0.2, tau=0.05, seed=3, method="sobol")


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five representatives of twelve models, three of the others a holdout.

    A technique that helps, a weak one, a bad one; one that was lucky in the search; one that
    helps the representatives alone; one that does nothing and saves bytes.
    """
    path = tmp_path_factory.mktemp("run")
    fleet = Fleet(
        name="made & <up>",
        models=tuple(made_model(i, HOSTILE if i == 1 else None) for i in range(12)),
    )
    plans = {
        "helps": Plan(0.3, 0.1, slope=0.3, broken=frozenset({(2, HOSTILE)})),
        "weak": Plan(0.01, 0.02),
        "breaks": Plan(-0.4, 0.15, broken=frozenset({(0, None), (4, None)})),
        "lucky": Plan(0.02, 0.04, luck=0.2),
        "narrow": Plan(0.3, 0.05, outside=0.6),
        "saves": Plan(0.04, 0.003, saved=0.7),
    }
    make_run(Folder(path), fleet, SETTINGS, plans, representatives=5, holdout=3)
    return path
