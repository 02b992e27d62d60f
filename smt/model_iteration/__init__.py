"""Model iteration (§3.4): every model of a fleet from a version of a template."""

from smt.model_iteration.decide import decide
from smt.model_iteration.instance import Evidence, Instance
from smt.model_iteration.instantiate import instantiate
from smt.model_iteration.templates import FleetLaunch, Launch, launch_fleet, launch_templates
from smt.results.launch_settings import LaunchSettings

__all__ = [
    "Evidence",
    "FleetLaunch",
    "Instance",
    "Launch",
    "LaunchSettings",
    "decide",
    "instantiate",
    "launch_fleet",
    "launch_templates",
]
