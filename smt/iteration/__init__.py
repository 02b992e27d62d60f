"""Template iteration (§3.3.2), and model iteration (§3.4): a version, and the fleet made of it."""

from smt.iteration.backtest import backtest
from smt.iteration.comparison import Comparison, ModelComparison
from smt.iteration.finished_run import FinishedRun, read_finished_run
from smt.iteration.instance import Instance
from smt.iteration.instantiate import LaunchSettings, instantiate
from smt.iteration.integrate import Integration, integrate
from smt.iteration.launch import Launch, launch_templates
from smt.iteration.models import choose_models
from smt.iteration.outcome import Outcome

__all__ = [
    "Comparison",
    "FinishedRun",
    "Instance",
    "Integration",
    "Launch",
    "LaunchSettings",
    "ModelComparison",
    "Outcome",
    "backtest",
    "choose_models",
    "instantiate",
    "integrate",
    "launch_templates",
    "read_finished_run",
]
