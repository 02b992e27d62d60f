"""Make the next versions of a run's templates, and try each against its parent.

The exit code is 0 where a version is kept, 1 where none is, and 2 for wrong input.
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
        out: Folder (or URI: s3://…, gs://…) of the back-test: ledger, evaluations.parquet,
            result.json, report.html. Of several templates, which one run tries, each has a folder
            of its name there, with an overview above them.
        template: Name of a template, one of whose versions the run searched; every one that a
            technique fits where not given.
        techniques: Techniques to integrate, or FILE.py:NAME for one of your own; all that
            generalize where none are given.
        expose: Let models set the hyperparameters that the run's sensitivity analysis wants
            exposed; all are fixed in the template with --no-expose.
        fleet: YAML file of the fleet.
        log: Log folder to use in place of the one that the fleet names.
        seeds: Seeds a model and version; the first ones after those that the run used.
        holdout: Models of a template that are no representatives; those that the run held out
            where not given, else as many as there are representatives.
        write: Store the versions that the back-test keeps.
        templates: Folder (or URI) of templates' versions; the package's own by default.
        notes: Remark for the versions' files.
        resources: What it may take of the cluster.
        resume: Go on with the back-test that `out` holds.
    """

    run: str
    out: str
    template: str | None = None
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
    """Make, try, report and store."""
    from smt.fleet import load_fleet
    from smt.template.versions import TEMPLATES
    from smt.template_iteration import Trying, improvements, try_templates

    console = open_console()
    if config.template is None:
        fitting = improvements(config.run, config.techniques)
    else:
        fitting = {config.template: config.techniques}
    typed = [argument for argument in sys.argv[1:] if argument != "--resume"]
    trying = Trying(
        exposing=config.expose,
        seeds=config.seeds,
        holdout=config.holdout,
        templates=config.templates or TEMPLATES,
        write=config.write,
        notes=config.notes,
        command=shlex.join([Path(sys.argv[0]).name, *typed]),
        resources=config.resources,
    )
    fleet = load_fleet(config.fleet, log=config.log)
    results = try_templates(
        config.run,
        fitting,
        fleet,
        trying,
        out=config.out,
        resume=config.resume,
        console=console,
    )
    if not results.kept:
        sys.exit(1)


if __name__ == "__main__":
    run(main, Config)
