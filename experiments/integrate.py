"""Make the next version of a template from a finished run, and try it against its parent.

The exit code is 0 where the version is kept, 1 where it is not, and 2 for wrong input.
"""

import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path

import tyro

from smt.command_line import open_console, run
from smt.execution.resources import Resources


@dataclass(frozen=True)
class Config:
    """Arguments of an integration.

    Attributes:
        run: Folder (or URI) of a finished run of generalize.py.
        template: Name of the template; the run searched one of its versions.
        out: Folder (or URI: s3://…, gs://…) of the back-test: ledger, evaluations.parquet,
            result.json, report.html.
        techniques: Techniques to integrate, or FILE.py:NAME for one of your own; all that
            generalize where none are given.
        expose: Let models set the hyperparameters that the run's sensitivity analysis wants
            exposed; all are fixed in the template with --no-expose.
        fleet: YAML file of the fleet.
        log: Log folder to use in place of the one that the fleet names.
        seeds: Seeds a model and version; the first ones after those that the run used.
        holdout: Models that are no representatives; those that the run held out where not given,
            else as many as there are representatives.
        write: Store the version, if the back-test keeps it.
        templates: Folder (or URI) of templates' versions; the package's own by default.
        notes: Remark for the version's file.
        resources: What it may take of the cluster.
        resume: Go on with the back-test that `out` holds.
    """

    run: str
    template: str
    out: str
    techniques: tuple[str, ...] = ()
    expose: bool = True
    fleet: str = "experiments/fleets/simulated.yaml"
    log: str | None = None
    seeds: int = 3
    holdout: int | None = None
    write: bool = False
    templates: str | None = None
    notes: str = ""
    resources: tyro.conf.OmitArgPrefixes[Resources] = field(default_factory=Resources)
    resume: bool = False


def main(config: Config) -> None:
    """Integrate, show, back-test, save, report, store."""
    from smt.fleet import load_fleet, open_logs
    from smt.report.pages.backtest import write_backtest_report
    from smt.report.terminal.backtest import backtest_table, blame_table, misfit_table
    from smt.seeds import backtest_seeds
    from smt.storage import Folder
    from smt.template import diff
    from smt.template.show import change_lines
    from smt.template.versions import TEMPLATES, write_version
    from smt.template_iteration import backtest, choose_models, integrate
    from smt.template_iteration.record import save

    console = open_console()
    templates = config.templates or TEMPLATES
    change = integrate(
        config.run,
        config.template,
        techniques=config.techniques,
        exposing=config.expose,
        folder=templates,
        notes=config.notes,
    )
    version, settings = change.version, change.run.settings
    console.print(f"{version.name}: version {version.number}, from version {version.parent}")
    for name, kind in change.kinds.items():
        console.print(f"{name}: generalized by its {kind}", highlight=False, markup=False)
    console.print(change_lines(diff(change.parent.template, version.template)))
    for exposure in change.exposures:
        console.print(str(exposure), soft_wrap=True, highlight=False, markup=False)
    fleet = load_fleet(config.fleet, log=config.log)
    models = choose_models(
        fleet, change.run, change.called, source=change.source, holdout=config.holdout
    )
    built = change.run.built_from(change.called)
    decision = backtest(
        change,
        models,
        open_logs(models),
        fleet=[model for model in fleet.models if model.name in built],
        seeds=backtest_seeds(settings.seed, settings.measured_seeds, config.seeds),
        out=config.out,
        resources=config.resources,
        resume=config.resume,
        console=console,
    )
    if decision.comparison is not None:
        typed = [argument for argument in sys.argv[1:] if argument != "--resume"]
        command = shlex.join([Path(sys.argv[0]).name, *typed])
        record = decision.comparison.record(fleet.name, command)
        version = version.model_copy(update={"backtest": record})
    folder = Folder(config.out)
    result = save(change, version, decision, folder)
    console.print(misfit_table(result) if result.misfits else backtest_table(result))
    if result.blame:
        console.print(blame_table(result))
    console.print(
        f"report: {write_backtest_report(folder)}\n{result.decision}: {result.reason}",
        soft_wrap=True,
        highlight=False,
        markup=False,
    )
    if not result.kept:
        if result.blame_reason is not None:
            console.print(f"blame: {result.blame_reason}", soft_wrap=True, highlight=False)
        console.print(f"version {version.number} is not written", highlight=False)
        sys.exit(1)
    if config.write:
        console.print(f"wrote {write_version(version, templates)}", soft_wrap=True, highlight=False)


if __name__ == "__main__":
    run(main, Config)
