"""The fleet: its models, their logs, and the representatives among them."""

from typing import TYPE_CHECKING

from smt.fleet.attributes import AttributeWeights
from smt.fleet.draw_holdout import draw_holdout
from smt.fleet.fleet_file import load_fleet
from smt.fleet.fleet_table import fleet_table
from smt.fleet.limits import Excess, ServingLimits
from smt.fleet.logs import (
    OpenedFleet,
    check_schemas,
    columns_needed,
    load_logs,
    log_folder,
    log_name,
    log_schema,
    model_columns,
    open_fleet,
    open_logs,
)
from smt.fleet.model_spec import Fleet, ModelSpec, SimulatedLog, StoredLog, TemplateRule
from smt.fleet.template_names import TemplateName, template_names
from smt.lazy import lazy_names

if TYPE_CHECKING:
    from smt.fleet.representatives import Representatives, select_representatives
    from smt.fleet.stability import Stability, measure_stability

__all__ = [
    "AttributeWeights",
    "Excess",
    "Fleet",
    "ModelSpec",
    "OpenedFleet",
    "Representatives",
    "ServingLimits",
    "SimulatedLog",
    "Stability",
    "StoredLog",
    "TemplateName",
    "TemplateRule",
    "check_schemas",
    "columns_needed",
    "draw_holdout",
    "fleet_table",
    "load_fleet",
    "load_logs",
    "log_folder",
    "log_name",
    "log_schema",
    "measure_stability",
    "model_columns",
    "open_fleet",
    "open_logs",
    "select_representatives",
    "template_names",
]

__getattr__ = lazy_names(
    __name__,
    {
        "smt.fleet.representatives": ("Representatives", "select_representatives"),
        "smt.fleet.stability": ("Stability", "measure_stability"),
    },
)
