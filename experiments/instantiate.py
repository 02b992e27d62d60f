"""Make every model of a fleet from its template's version: train, measure, export, decide."""

from dataclasses import dataclass, field

import tyro

from smt.command_line import open_console, run
from smt.execution.resources import Resources


@dataclass(frozen=True)
class Config:
    """Arguments of a launch.

    Attributes:
        out: Folder (or URI: s3://…, gs://…) of a folder a model, models.parquet, result.json,
            report.html.
        fleet: YAML file of the fleet.
        template: What all models are made from: NAME, NAME@N, or a YAML file that holds one;
            where not given, what the fleet's rules say, and sparsenn_small where it has none.
        version: Its number; the latest where not given.
        baseline: What models are compared with: NAME, NAME@N, a YAML file, or `none`; where not
            given the version's parent, from the folder that the version is in.
        templates: Folder (or URI) of templates' versions that are called by name; the package's
            own by default.
        log: Log folder to use in place of the one that the fleet names.
        alpha: Percent; a model whose true Δ is likelier than not below -alpha is held back.
        capacity: Percent by which serving the fleet may become dearer, in FLOPs by traffic and in
            bytes, or `free`.
        seed: Of initial values.
        train_rows: Train on the latest so many rows only.
        workers: That train a model together, in a Ray Train run of its own where more than one;
            the template's where not given.
        strategy: Of the dense part over several workers: data_parallel, fsdp or hybrid; the
            template's where not given.
        tables: Over several workers: planned, data_parallel, table_wise, column_wise or row_wise;
            the template's where not given.
        checkpoint_steps: From one checkpoint to the next, of a model of several workers.
        tune_evaluations: Networks that may be trained to choose the hyperparameters that the
            template exposes and the model does not set, the defaults' included; compared on the
            end of the training window.
        resources: What it may take of the cluster.
        resume: Go on with the launch that `out` holds.
    """

    out: str
    fleet: str = "experiments/fleets/simulated.yaml"
    template: str | None = None
    version: int | None = None
    baseline: str | None = None
    templates: str | None = None
    log: str | None = None
    alpha: float = 0.05
    capacity: str = "5"
    seed: int = 0
    train_rows: int | None = None
    workers: int | None = None
    strategy: str | None = None
    tables: str | None = None
    checkpoint_steps: int = 1000
    tune_evaluations: int = 0
    resources: tyro.conf.OmitArgPrefixes[Resources] = field(default_factory=Resources)
    resume: bool = False


def main(config: Config) -> None:
    """Load, instantiate, save, report."""
    from smt.fleet import load_fleet
    from smt.model_iteration import LaunchSettings, instantiate, launch_fleet
    from smt.model_iteration.record import save_instances
    from smt.report.pages.launch import write_instances_report
    from smt.report.terminal.launch import instances_sentence, instances_summary
    from smt.storage import Folder
    from smt.template.versions import TEMPLATES

    console = open_console()
    settings = LaunchSettings.parse(
        {name: getattr(config, name) for name in LaunchSettings.model_fields}, source="command line"
    )
    fleet = load_fleet(config.fleet, log=config.log)
    launch = launch_fleet(
        fleet,
        config.template,
        version=config.version,
        baseline=config.baseline,
        train_rows=config.train_rows,
        workers=config.workers,
        strategy=config.strategy,
        tables=config.tables,
        folder=config.templates or TEMPLATES,
    )
    instances = instantiate(
        fleet,
        launch,
        out=config.out,
        settings=settings,
        resources=config.resources,
        resume=config.resume,
        console=console,
    )
    folder = Folder(config.out)
    result = save_instances(instances, fleet, launch, settings, folder)
    console.print(instances_summary(result))
    console.print(
        f"{instances_sentence(result)}\nreport: {write_instances_report(folder)}",
        soft_wrap=True,
        highlight=False,
    )


if __name__ == "__main__":
    run(main, Config)
