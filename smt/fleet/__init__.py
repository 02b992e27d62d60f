"""The fleet: its models, their logs, and the representatives among them."""

from smt.fleet.fleet_file import load_fleet
from smt.fleet.logs import load_logs, log_name, log_schema, model_columns, open_logs
from smt.fleet.model_spec import Fleet, ModelSpec, ServingLimits, SimulatedLog
from smt.fleet.representatives import Representatives, select_representatives

__all__ = [
    "Fleet",
    "ModelSpec",
    "Representatives",
    "ServingLimits",
    "SimulatedLog",
    "load_fleet",
    "load_logs",
    "log_name",
    "log_schema",
    "model_columns",
    "open_logs",
    "select_representatives",
]
