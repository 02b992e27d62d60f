"""Template iteration (§3.3.2): techniques become a version, which is tried against its parent."""

from smt.iteration.backtest import backtest, choose_models
from smt.iteration.comparison import Comparison, ModelComparison
from smt.iteration.finished_run import FinishedRun, read_finished_run
from smt.iteration.integrate import integrate

__all__ = [
    "Comparison",
    "FinishedRun",
    "ModelComparison",
    "backtest",
    "choose_models",
    "integrate",
    "read_finished_run",
]
