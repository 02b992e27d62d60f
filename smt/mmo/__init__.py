"""Multi-Model Optimization (§3.3.2)."""

from smt.mmo.aggregate import Aggregate, aggregate
from smt.mmo.conclusion import TechniqueResult, Verdict
from smt.mmo.generalize import Generalization, generalize
from smt.mmo.optimize import Optimization, optimize
from smt.mmo.sensitivity import Sensitivity, analyze_sensitivity
from smt.mmo.settings import Settings
from smt.mmo.trial import Trial

__all__ = [
    "Aggregate",
    "Generalization",
    "Optimization",
    "Sensitivity",
    "Settings",
    "TechniqueResult",
    "Trial",
    "Verdict",
    "aggregate",
    "analyze_sensitivity",
    "generalize",
    "optimize",
]
