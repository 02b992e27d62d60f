"""Template iteration (§3.3.2): techniques become a version, which is tried against its parent."""

from smt.iteration.backtest import backtest
from smt.iteration.comparison import Comparison, ModelComparison
from smt.iteration.finished_run import FinishedRun, read_finished_run
from smt.iteration.integrate import Integration, integrate
from smt.iteration.models import choose_models
from smt.iteration.outcome import Outcome

__all__ = [
    "Comparison",
    "FinishedRun",
    "Integration",
    "ModelComparison",
    "Outcome",
    "backtest",
    "choose_models",
    "integrate",
    "read_finished_run",
]
