"""The entry to Algorithm 1: what must hold is checked, and workers start before all else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from smt.command_line import open_console
from smt.execution.ledger import check_place
from smt.execution.resources import Resources, check_resources
from smt.execution.run import start_workers
from smt.fleet import AttributeWeights, Fleet, check_schemas
from smt.mmo.checks import check_techniques
from smt.search.optimize import check_search
from smt.search.settings import Settings
from smt.storage import Folder
from smt.template import FleetTemplates, Technique, Template, find_fleet_templates

if TYPE_CHECKING:
    from smt.mmo.generalization import Generalization


def generalize(
    techniques: Sequence[Technique],
    fleet: Fleet,
    *,
    out: str | Path,
    template: Template | None = None,
    templates: FleetTemplates | None = None,
    settings: Settings | None = None,
    representatives: int | None = None,
    attribute_weights: AttributeWeights | None = None,
    resources: Resources | None = None,
    resume: bool = False,
    baselines: str | Path | None = None,
    warm_start: Sequence[str | Path] = (),
    console: Console | None = None,
    **more_resources: Any,
) -> Generalization:
    """Search every technique over the fleet's representative models at once, on Ray.

    Every finished evaluation is under `out` before it counts. After an interruption,
    `resume` goes on and ends with the numbers of an undisturbed run.

    Args:
        template: What all models are built from, and techniques change.
        templates: What each is built from, where not all are from `template`; where neither is
            given the fleet's rules say it, and SparseNN Small is the default.
        representatives: How many models stand for the fleet; None lets the elbow decide.
        attribute_weights: How much each attribute counts in choosing them; alike where None.
        resources: What the run may take of the cluster; all that there is where None.
        baselines: Folder of baselines to share between runs; `out/baselines` where None.
        warm_start: Folders of finished runs whose trials of the same techniques tell the
            search where to look; for method "composite".
        more_resources: Fields of `resources`, by their names.

    Raises:
        InputError: Something asked for is impossible; nothing is written then.
        StoppedError: The run cannot go on; what is finished is kept.
    """
    settings, console = settings or Settings(), console or open_console()
    resources = check_resources(replace(resources or Resources(), **more_resources))
    if template is not None:
        templates = FleetTemplates.of_one(template, fleet)
    templates = templates or find_fleet_templates(fleet)
    check_search(settings.trials, settings.method)
    check_techniques(techniques, templates.templates.values())
    check_schemas(fleet.models)
    check_place(Folder(out), resume=resume)
    trainings = [(model, templates.of(model)) for model in fleet.models]
    with start_workers(trainings, resources) as workers:
        # It takes seconds to import, in which the workers start.
        from smt.mmo.generalization import search_fleet

        return search_fleet(
            techniques,
            fleet,
            workers,
            out=out,
            templates=templates,
            settings=settings,
            representatives=representatives,
            attribute_weights=attribute_weights,
            resources=resources,
            resume=resume,
            baselines=baselines,
            warm_start=warm_start,
            console=console,
        )
