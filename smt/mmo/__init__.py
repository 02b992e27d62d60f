"""Multi-Model Optimization (§3.3.2). What needs Ray is imported when it is asked for."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from smt.mmo.sensitivity import Sensitivity, analyze_sensitivity
from smt.search.aggregate import Aggregate, aggregate
from smt.search.optimize import Optimization, optimize
from smt.search.settings import Settings
from smt.search.trial import Trial

if TYPE_CHECKING:
    from smt.mmo.generalization import Generalization, generalize
    from smt.mmo.verdict.conclusion import TechniqueResult, Verdict

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


def __getattr__(name: str) -> Any:
    if name in ("Generalization", "generalize"):
        return getattr(import_module("smt.mmo.generalization"), name)
    if name in ("TechniqueResult", "Verdict"):
        return getattr(import_module("smt.mmo.verdict.conclusion"), name)
    raise AttributeError(f"module 'smt.mmo' has no attribute '{name}'")
