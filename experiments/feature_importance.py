"""Measure which features a fleet's models rely on, for templates that select the top K a type."""

from dataclasses import dataclass
from typing import Literal

from smt.command_line import open_console, run


@dataclass(frozen=True)
class Config:
    """Arguments of a measurement.

    Attributes:
        out: Folder (or URI: s3://…, gs://…) for importance.parquet, result.json, report.html.
        fleet: YAML file of the fleet.
        log: Log folder to use in place of the one that the fleet names.
        template: What all models are built from: NAME, NAME@N, or a YAML file that holds one;
            where not given, what the fleet's rules say, and sparsenn_small where it has none.
        templates: Folder (or URI) of templates' versions that are called by name; the package's
            own by default.
        representatives: How many models stand for the fleet; the elbow decides where not given.
        models: Names of models to measure in place of representatives.
        method: Permuting a feature's values, one pass of gradients, or both.
        repeats: Permutations a feature.
        rows: Measure on so many of the rows that are held out of training.
        train_rows: Train on the latest so many rows only.
        seed: Of initial values and permutations.
        resume: Go on with the run that `out` holds.
    """

    out: str
    fleet: str = "experiments/fleets/simulated.yaml"
    log: str | None = None
    template: str | None = None
    templates: str | None = None
    representatives: int | None = None
    models: tuple[str, ...] = ()
    method: Literal["permutation", "gradient", "both"] = "permutation"
    repeats: int = 1
    rows: int | None = None
    train_rows: int | None = None
    seed: int = 0
    resume: bool = False


def main(config: Config) -> None:
    """Choose models, measure, save, report."""
    from rich.progress import track

    from smt.fleet import load_fleet, open_fleet, open_logs, select_representatives
    from smt.fleet.model_spec import choose_models
    from smt.importance.fleet import describe_measured, measure_models
    from smt.report.pages.importance import write_importance_report
    from smt.report.terminal.importance import importance_table
    from smt.results.importance import IMPORTANCE, ImportanceSettings, save_importance
    from smt.storage import Folder
    from smt.template import count_fleet_flops, find_fleet_templates
    from smt.template.versions import TEMPLATES

    console = open_console()
    settings = ImportanceSettings.parse(
        {name: getattr(config, name) for name in ImportanceSettings.model_fields},
        source="command line",
    )
    fleet = load_fleet(config.fleet, log=config.log)
    templates = find_fleet_templates(fleet, config.template, folder=config.templates or TEMPLATES)
    if config.train_rows is not None:
        templates = templates.change("data", train_rows=config.train_rows)
    for remark in templates.remarks:
        console.print(remark, highlight=False, markup=False, soft_wrap=True)
    models = choose_models(fleet, config.models)
    if models:
        logs = open_logs(models)
    else:
        opened = open_fleet(fleet)
        logs = opened.logs
        for remark in opened.remarks:
            console.print(remark, highlight=False, markup=False, soft_wrap=True)
        counted = count_fleet_flops(templates, opened.fleet, logs)
        models = select_representatives(
            counted, count=config.representatives, seed=config.seed, kinds=templates.names
        ).models
    folder = Folder(config.out)
    measured_models = []
    for measured in track(
        measure_models(
            models, logs, templates, settings, folder, resume=config.resume, console=console
        ),
        total=len(models),
        description="models",
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ):
        measured_models.append(measured)
        console.print(
            f"{describe_measured(measured)} ({len(measured_models)} of {len(models)})",
            highlight=False,
            soft_wrap=True,
        )
    result = save_importance(measured_models, fleet, templates, settings, folder)
    console.print(importance_table(result))
    console.print(
        f"select by it: features.selection.importance: {folder.path(IMPORTANCE)}\n"
        f"report: {write_importance_report(folder)}",
        soft_wrap=True,
        highlight=False,
    )


if __name__ == "__main__":
    run(main, Config)
