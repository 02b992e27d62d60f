"""One model of a fleet: trained, exported, measured and judged."""

import json
from itertools import islice
from pathlib import Path

import numpy as np

from smt.data.dictionaries import open_dictionaries
from smt.fleet import ModelSpec, load_logs, log_folder, log_name, open_logs
from smt.serving.export import ExportReport, export_network
from smt.serving.gate import ship_gate
from smt.serving.measure import ServingCost
from smt.serving.serve import serve
from smt.spec import Spec, read_yaml
from smt.storage import Folder
from smt.template import Template
from smt.training import paired_delta, train_network
from smt.training.predict import judge, judged_batches, predict

COMPARED = 512
"""Rows of a batch on which programs and network are compared."""
RESULT = "result.json"


class ServedNE(Spec):
    """NE of the network as training left it, and as it serves."""

    trained: float
    served: float


class ServingDelta(Spec):
    """Δ of serving instead of the trained network, with its standard error; percent."""

    value: float
    sem: float


class ShipVerdict(Spec):
    """Of the ship gate: whether the model may ship, and a sentence a reason why not."""

    passed: bool
    reasons: tuple[str, ...]


class ExportedModel(Spec):
    """What an export decided, with its numbers: the content of `result.json`."""

    model: str
    template: Template
    ne: ServedNE
    delta: ServingDelta
    export: ExportReport
    cost: ServingCost
    gate: ShipVerdict


def export_model(
    template: Template,
    model: ModelSpec,
    out: str | Path,
    *,
    baseline: ServingCost | None = None,
    batches: int = 8,
    seed: int = 0,
) -> ExportedModel:
    """Train a model, export its network to a folder, and check what serving it costs.

    Args:
        out: For the programs, their manifest, and `result.json`.
        baseline: Cost of what serves now; without it only limits count.
        batches: Of the test window, on which programs and network are compared.
        seed: Of initial values.

    Raises:
        InputError: The model does not fit its log or its template.
        ParityError: Programs and network differ by more than rounding.
    """
    template = template.for_model(model)
    log = load_logs(open_logs([model]), [model])[log_name(model.log)]
    folder = log_folder(model.log)
    trained = train_network(template, model, log, seed=seed)
    network, windows = trained.reads, trained.windows
    report = export_network(
        network,
        template,
        out,
        batches=islice(judged_batches(network, windows, COMPARED), batches),
        correction=trained.correction,
        model=model.name,
        reading=log.reading,
        dictionaries=None if folder is None else open_dictionaries(folder),
    )
    backgrounds = windows.backgrounds(model.events)
    device = network.bias.device
    as_trained, as_served = (
        judge(predict(one, network, windows, trained.correction, device), backgrounds)[1]
        for one in (trained.network, serve(network, template.serving.table_precision))
    )
    delta, sem = paired_delta(as_trained, as_served, trained.groups)
    gate = ship_gate(network, template, model, baseline)
    exported = ExportedModel(
        model=model.name,
        template=template,
        ne=ServedNE(
            trained=float(as_trained.mean(dtype=np.float64)),
            served=float(as_served.mean(dtype=np.float64)),
        ),
        delta=ServingDelta(value=delta, sem=sem),
        export=report,
        cost=gate.cost,
        gate=ShipVerdict(passed=gate.passed, reasons=gate.reasons),
    )
    Folder(out).write(RESULT, json.dumps(exported.to_dict(), indent=2).encode())
    return exported


def read_cost(path: str) -> ServingCost:
    """What an exported model costs, from its `result.json`. Raises `InputError`."""
    return ServingCost.parse(read_yaml(path).get("cost"), source=path)
