"""Templates, techniques' spaces, and the networks that templates build."""

from smt.layers.networks import Network
from smt.space import Choice, Float, Int, Space, Theta
from smt.template.build import build
from smt.template.catalogue import catalogue, find_template
from smt.template.difference import diff
from smt.template.flops import above_flops_limit, count_fleet_flops, count_flops
from smt.template.technique import Technique
from smt.template.template import Template
from smt.template.versions import history, load_version

__all__ = [
    "Choice",
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
    "find_template",
    "history",
    "load_version",
]
