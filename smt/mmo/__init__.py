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
        "smt.mmo.generalization": ("Generalization",),
        "smt.mmo.start": ("generalize",),
        "smt.mmo.sensitivity.sensitivity": ("analyze_sensitivity",),
        "smt.mmo.verdict.conclusion": ("TechniqueResult", "Verdict"),
    },
)
