"""Template iteration (§3.3.2): from a run to the next version of a template, back-tested."""

from smt.template_iteration.backtest import backtest
from smt.template_iteration.backtest_models import choose_models
from smt.template_iteration.candidate import Candidate, StoredVersion
from smt.template_iteration.comparison import Comparison, ModelComparison
from smt.template_iteration.decision import VersionDecision
from smt.template_iteration.integrate import Integration, improvements, integrate
from smt.template_iteration.prepare_versions import Trying
from smt.template_iteration.try_versions import try_templates

__all__ = [
    "Candidate",
    "Comparison",
    "Integration",
    "ModelComparison",
    "StoredVersion",
    "Trying",
    "VersionDecision",
    "backtest",
    "choose_models",
    "improvements",
    "integrate",
    "try_templates",
]
