"""Make the next version of a template from a finished run, and try it against its parent."""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from smt.command_line import run


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
        fleet: YAML file of the fleet.
        log: Log folder to use in place of the one that the fleet names.
        seeds: Seeds a model and version; the first ones after the run's own.
        holdout: Models that are no representatives; as many as these where not given.
        write: Store the version, if the back-test keeps it.
        templates: Folder of templates' versions; the package's own by default.
        notes: Remark for the version's file.
        isolate: Every evaluation in a Ray Train run of its own.
        resume: Go on with the back-test that `out` holds.
    """

    run: str
    template: str
    out: str
    techniques: tuple[str, ...] = ()
    fleet: str = "experiments/fleets/simulated.yaml"
    log: str | None = None
    seeds: int = 3
    holdout: int | None = None
    write: bool = False
    templates: Path | None = None
    notes: str = ""
    isolate: bool = False
    resume: bool = False


def main(config: Config) -> None:
    """Integrate, show, back-test, save, report, store."""
    from rich.console import Console

    from smt.execution.storage import Folder
    from smt.fleet import load_fleet, open_logs
    from smt.iteration import backtest, choose_models, integrate, read_finished_run
    from smt.iteration.results import save
    from smt.iteration.summary import backtest_table
    from smt.report.backtest_page import write_backtest_report
    from smt.template import diff, load_version
    from smt.template.show import change_lines
    from smt.template.versions import TEMPLATES, write_version

    console = Console(width=None if sys.stdout.isatty() else 120)
    templates = config.templates or TEMPLATES
    finished = read_finished_run(config.run)
    version = integrate(
        config.run,
        config.template,
        techniques=config.techniques,
        folder=templates,
        notes=config.notes,
    )
    parent = load_version(version.name, version.parent, folder=templates)
    console.print(f"{version.name}: version {version.number}, from version {version.parent}")
    console.print(change_lines(diff(parent, version.template)))
    fleet = load_fleet(config.fleet, log=config.log)
    models = choose_models(fleet, finished, holdout=config.holdout)
    first = finished.settings.seed + 1
    found = backtest(
        parent,
        version.template,
        models,
        open_logs(models),
        seeds=range(first, first + config.seeds),
        settings=finished.settings,
        out=config.out,
        isolate=config.isolate,
        resume=config.resume,
        console=console,
    )
    typed = [each for each in sys.argv[1:] if each != "--resume"]
    command = shlex.join([Path(sys.argv[0]).name, *typed])
    version = version.model_copy(update={"backtest": found.record(fleet.name, command)})
    folder = Folder(config.out)
    result = save(finished, version, parent, found, folder)
    console.print(backtest_table(result))
    console.print(
        f"report: {write_backtest_report(folder)}\n{result['decision']}: {result['reason']}",
        soft_wrap=True,
        highlight=False,
    )
    if config.write and found.kept:
        console.print(f"wrote {write_version(version, templates)}", soft_wrap=True, highlight=False)


if __name__ == "__main__":
    run(main, Config)
