"""Templates, techniques' spaces, and the networks that templates build."""

from typing import TYPE_CHECKING

from smt.lazy import lazy_names
from smt.space import Choice, Float, Int, Space, Theta
from smt.template.catalogue import catalogue, find_template
from smt.template.difference import diff
from smt.template.fleet_templates import FleetTemplates, find_fleet_templates
from smt.template.technique import Technique
from smt.template.template import Template
from smt.template.versions import history, load_version

if TYPE_CHECKING:
    from smt.layers.networks import Network
    from smt.template.build_network import build
    from smt.template.flops import above_flops_limit, count_fleet_flops, count_flops

__all__ = [
    "Choice",
    "FleetTemplates",
    "Float",
    "Int",
    "Network",
    "Space",
    "Technique",
    "Template",
    "Theta",
    "above_flops_limit",
    "build",
    "catalogue",
    "count_fleet_flops",
    "count_flops",
    "diff",
    "find_fleet_templates",
    "find_template",
    "history",
    "load_version",
]

__getattr__ = lazy_names(
    __name__,
    {
        "smt.layers.networks": ("Network",),
        "smt.template.build_network": ("build",),
        "smt.template.flops": ("above_flops_limit", "count_fleet_flops", "count_flops"),
    },
)
