"""Train one model of a fleet, export its network to serve, and check what serving costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smt.command_line import open_console, run

if TYPE_CHECKING:
    from rich.table import Table

COMPARED = 512
"""Rows of a batch on which programs and network are compared."""


@dataclass(frozen=True)
class Config:
    """Arguments of an export.

    Attributes:
        out: Folder for the exported programs, their manifest, and result.json.
        model: Name of a model of the fleet.
        fleet: YAML file of the fleet.
        log: Log folder to use in place of the one that the fleet names.
        template: NAME (its latest version), NAME@N, or a YAML file that holds a template.
        baseline: result.json of an export of what serves now; without it only limits count.
        batches: How many batches of the test window programs and network are compared on.
        train_rows: Train on the latest so many rows only.
        seed: Of initial values.
    """

    out: str
    model: str
    fleet: str = "experiments/fleets/simulated.yaml"
    log: str | None = None
    template: str = "sparsenn_small"
    baseline: str | None = None
    batches: int = 8
    train_rows: int | None = None
    seed: int = 0


def main(config: Config) -> None:
    """Train, export, measure, judge, save."""
    import json
    from itertools import islice
    from pathlib import Path

    import numpy as np

    from smt.data.log import open_dictionaries
    from smt.fleet import load_fleet, load_logs, log_name, open_logs
    from smt.fleet.model_spec import choose_models
    from smt.serving import ServingCost, export_network, serve, ship_gate
    from smt.spec import read_yaml
    from smt.template import find_template
    from smt.training import paired_delta, train_network
    from smt.training.predict import judge, predict, test_batches

    console = open_console(highlight=False)
    baseline = None
    if config.baseline is not None:
        before = read_yaml(config.baseline).get("cost")
        baseline = ServingCost.parse(before, source=config.baseline)
    template = find_template(config.template)
    if config.train_rows is not None:
        template = template.change("data", train_rows=config.train_rows)
    (model,) = choose_models(load_fleet(config.fleet, log=config.log), (config.model,))
    template = template.for_model(model)
    log = load_logs(open_logs([model]), [model])[log_name(model.log)]

    trained = train_network(template, model, log, seed=config.seed)
    network, windows = trained.reads, trained.windows
    batches = test_batches(network, windows, COMPARED)
    report = export_network(
        network,
        template,
        config.out,
        batches=islice(batches, config.batches),
        correction=trained.correction,
        model=model.name,
        reading=log.reading,
        dictionaries=open_dictionaries(model.log) if isinstance(model.log, str) else None,
    )
    rates = {event: windows.base_rate(event) for event in model.events}
    device = network.bias.device
    losses = [
        judge(predict(each, network, windows, trained.correction, device), rates)[1]
        for each in (trained.network, serve(network, template.serving.table_precision))
    ]
    delta, sem = paired_delta(losses[0], losses[1])
    gate = ship_gate(network, template, model, baseline)
    result = {
        "model": model.name,
        "template": template.to_dict(),
        "ne": {
            name: float(each.mean(dtype=np.float64))
            for name, each in zip(("trained", "served"), losses, strict=True)
        },
        "delta": {"value": delta, "sem": sem},
        "export": report.to_dict(),
        "cost": gate.cost.to_dict(),
        "gate": {"passed": gate.passed, "reasons": gate.reasons},
    }
    (Path(config.out) / "result.json").write_text(json.dumps(result, indent=2))
    console.print(_table(result))
    console.print("ships" if gate.passed else "does not ship: " + "; ".join(gate.reasons))


def _table(result: dict[str, Any]) -> Table:
    """The result on a terminal."""
    from rich.table import Table

    cost, differences = result["cost"], result["export"]["differences"]
    rows = {
        "NE as trained": f"{result['ne']['trained']:.5f}",
        "NE as served": f"{result['ne']['served']:.5f}",
        "Δ of serving": f"{result['delta']['value']:+.4f}% ± {result['delta']['sem']:.4f}%",
        "largest difference as served": f"{differences['from_served']:.1e}",
        "largest difference as trained": f"{differences['from_trained']:.1e}",
        "FLOPs an example": f"{cost['flops']:,}",
        "table bytes": f"{cost['table_bytes']:,} ({result['export']['precision']})",
        "dense bytes": f"{cost['dense_bytes']:,}",
        f"latency of {cost['batch_size']} examples": f"{cost['latency_ms']:.2f} ms (p99), "
        f"{cost['latency_ms_median']:.2f} ms (median), on {cost['measured_on']}",
    }
    if cost["flops_item_cached"] is not None:
        rows["FLOPs with item vectors at hand"] = f"{cost['flops_item_cached']:,}"
    table = Table(
        "serving", "value", title=f"{result['model']}: {', '.join(result['export']['programs'])}"
    )
    for name, value in rows.items():
        table.add_row(name, value)
    return table


if __name__ == "__main__":
    run(main, Config)
