"""Multi-Model Optimization (§3.3.2). What is heavy is imported when it is asked for."""

from typing import TYPE_CHECKING

from smt.lazy import lazy_names
from smt.search.aggregate import Aggregate, aggregate
from smt.search.optimize import Optimization, optimize
from smt.search.settings import Settings
from smt.search.trial import Trial

if TYPE_CHECKING:
    from smt.mmo.generalization import Generalization
    from smt.mmo.sensitivity.sensitivity import analyze_sensitivity
    from smt.mmo.start import generalize
    from smt.mmo.verdict.conclusion import TechniqueResult, Verdict

__all__ = [
    "Aggregate",
    "Generalization",
    "Optimization",
    "Settings",
    "TechniqueResult",
    "Trial",
    "Verdict",
    "aggregate",
    "analyze_sensitivity",
    "generalize",
    "optimize",
]

__getattr__ = lazy_names(
    __name__,
    {
        "Generalization": "smt.mmo.generalization",
        "generalize": "smt.mmo.start",
        "analyze_sensitivity": "smt.mmo.sensitivity.sensitivity",
        "TechniqueResult": "smt.mmo.verdict.conclusion",
        "Verdict": "smt.mmo.verdict.conclusion",
    },
)
