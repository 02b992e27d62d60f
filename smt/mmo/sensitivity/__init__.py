"""Which hyperparameters the models should choose themselves (Eq. 7)."""

from smt.mmo.sensitivity.sensitivity import Sensitivity, analyze_sensitivity

__all__ = ["Sensitivity", "analyze_sensitivity"]
