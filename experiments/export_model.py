"""Train one model of a fleet, export its network to serve, and check what serving costs."""

from dataclasses import dataclass

from smt.command_line import open_console, run


@dataclass(frozen=True)
class Config:
    """Arguments of an export.

    Attributes:
        out: Folder for the exported programs, their manifest, and result.json.
        model: Name of a model of the fleet.
        fleet: YAML file of the fleet.
        log: Log folder to use in place of the one that the fleet names.
        template: NAME (its latest version), NAME@N, or a YAML file that holds a template; where
            not given, what the fleet says of the model, and sparsenn_small where it says nothing.
        templates: Folder (or URI) of templates' versions that are called by name; the package's
            own by default.
        baseline: result.json of an export of what serves now; without it only limits count.
        batches: How many batches of the test window programs and network are compared on.
        train_rows: Train on the latest so many rows only.
        seed: Of initial values.
    """

    out: str
    model: str
    fleet: str = "experiments/fleets/simulated.yaml"
    log: str | None = None
    template: str | None = None
    templates: str | None = None
    baseline: str | None = None
    batches: int = 8
    train_rows: int | None = None
    seed: int = 0


def main(config: Config) -> None:
    """Find, train and export, show."""
    from smt.fleet import load_fleet
    from smt.fleet.model_spec import choose_models
    from smt.report.terminal.export import export_table
    from smt.serving.export_model import export_model, read_cost
    from smt.template import find_fleet_templates
    from smt.template.versions import TEMPLATES

    baseline = None if config.baseline is None else read_cost(config.baseline)
    fleet = load_fleet(config.fleet, log=config.log)
    (model,) = choose_models(fleet, (config.model,))
    template = find_fleet_templates(
        fleet, config.template, folder=config.templates or TEMPLATES
    ).of(model)
    if config.train_rows is not None:
        template = template.change("data", train_rows=config.train_rows)
    exported = export_model(
        template,
        model,
        config.out,
        baseline=baseline,
        batches=config.batches,
        seed=config.seed,
    )
    console = open_console(highlight=False)
    console.print(export_table(exported))
    gate = exported.gate
    console.print("ships" if gate.passed else "does not ship: " + "; ".join(gate.reasons))


if __name__ == "__main__":
    run(main, Config)
