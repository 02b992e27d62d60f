"""From a trained network to what serves: exported programs, their cost, the ship gate."""

from smt.serving.export import ExportReport, export_network, load_exported
from smt.serving.gate import Gate, check_neutral, ship_gate
from smt.serving.loaded import Exported, Served
from smt.serving.measure import ServingCost, measure_in_turn, measure_once, measure_serving
from smt.serving.parity import ParityError
from smt.serving.serve import serve

__all__ = [
    "ExportReport",
    "Exported",
    "Gate",
    "ParityError",
    "Served",
    "ServingCost",
    "check_neutral",
    "export_network",
    "load_exported",
    "measure_in_turn",
    "measure_once",
    "measure_serving",
    "serve",
    "ship_gate",
]
