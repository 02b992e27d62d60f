"""The next versions of a run's templates: made, tried in one run, reported and stored."""

import math
from collections.abc import Mapping, Sequence
from contextlib import closing

from rich.console import Console

from smt.errors import InputError
from smt.execution.ledger import check_place
from smt.fleet import Fleet
from smt.report.pages.backtest import write_backtest_report
from smt.report.pages.integrations import write_integrations_report
from smt.report.terminal.integrations import integrations_table
from smt.results.folder import write_result
from smt.results.integration import IntegrationResult
from smt.results.integrations import (
    IntegrationsResult,
    TemplateIntegration,
    integration_of,
)
from smt.seeds import backtest_seeds
from smt.storage import Folder
from smt.template.serving_budget import ServingBudget
from smt.template.versions import write_version
from smt.template_iteration.backtest import backtest
from smt.template_iteration.candidate import Candidate, StoredVersion
from smt.template_iteration.decision import VersionDecision
from smt.template_iteration.prepare_versions import (
    Making,
    Prepared,
    Trying,
    open_candidates,
    prepare_versions,
    show_error,
    show_name,
)
from smt.template_iteration.record import save
from smt.template_iteration.show_versions import show_decision

# What a template came to; why it gets no version where it gets none.
Found = IntegrationResult | InputError


def try_templates(
    run: str,
    fitting: Mapping[str, Sequence[str]],
    fleet: Fleet,
    trying: Trying,
    *,
    out: str,
    resume: bool,
    console: Console,
) -> IntegrationsResult:
    """Try a version of each of some templates in one run; each is kept or refused by itself.

    Of several, each has a folder of its name under `out`, with an overview above them; the only
    one has `out` itself.

    Args:
        run: Folder or URI of the generalization.
        fitting: Template -> its techniques, as `integrate` takes them.
        resume: Go on where `out` stopped; what is trained is not again.

    Raises:
        InputError: `out` holds files already and is not to be resumed, or none of the templates
            gets a version; the sentence is the first one's then.
    """
    folder = Folder(out)
    check_place(folder, resume=resume)
    making = Making(run, fitting, fleet, trying, console)
    places = {name: Folder(folder.path(name)) if making.several else folder for name in fitting}
    prepared = prepare_versions(making, places if resume else {})
    logs, unfit = open_candidates(prepared)
    for name, error in unfit.items():
        prepared[name] = error
        show_name(name, making)
        show_error(error, making)
    found = _known_outcomes(prepared)
    entries = [entry for entry in prepared.values() if not isinstance(entry, InputError)]
    if len(found) < len(fitting):
        budget = _budget(making)
        tried = backtest(
            cheapest_first(entries, budget),
            logs,
            budget=budget,
            seeds=_seeds(making),
            out=out,
            known_by={"templates": [*fitting]},
            resources=trying.resources,
            resume=resume,
            console=console,
        )
        with closing(tried):
            for candidate, decision in tried:
                name = candidate.name
                show_name(name, making)
                found[name] = _conclude(candidate, decision, places[name], making)
    results = _overview(making, {name: found[name] for name in fitting})
    if making.several:
        write_result(folder, results)
        console.print(integrations_table(results))
        report = write_integrations_report(folder)
        console.print(f"report: {report}", soft_wrap=True, highlight=False)
    return results


def _budget(making: Making) -> ServingBudget:
    """What serving the fleet costs under the run's templates, and may cost by its capacity."""
    run = making.searched
    models = [model for model in making.fleet.models if model.name in run.model_templates]
    today = {model.name: run.templates[run.model_templates[model.name]] for model in models}
    return ServingBudget(models, today, run.settings.capacity)


def cheapest_first(
    entries: Sequence[Candidate | StoredVersion], budget: ServingBudget
) -> list[Candidate | StoredVersion]:
    """The order in which versions are decided: those that save make room for those that cost.

    What is stored comes before all that is still to be tried.
    """

    def growth(entry: Candidate | StoredVersion) -> float:
        if isinstance(entry, StoredVersion):
            return -math.inf
        return budget.growth(entry.changed).largest

    return sorted(entries, key=growth)


def _seeds(making: Making) -> tuple[int, ...]:
    settings = making.searched.settings
    return backtest_seeds(settings.seed, settings.measured_seeds, making.trying.seeds)


def _known_outcomes(prepared: Prepared) -> dict[str, Found]:
    """Of what is not to be tried."""
    return {
        name: entry.result if isinstance(entry, StoredVersion) else entry
        for name, entry in prepared.items()
        if not isinstance(entry, Candidate)
    }


def _conclude(
    candidate: Candidate, decision: VersionDecision | InputError, folder: Folder, making: Making
) -> Found:
    """Save, show and report a decision, and store the version where it is kept."""
    if isinstance(decision, InputError):
        show_error(decision, making)
        return decision
    version, trying, console = candidate.change.version, making.trying, making.console
    if decision.comparison is not None:
        record = decision.comparison.record(making.fleet.name, trying.command, decision.growth)
        version = version.model_copy(update={"backtest": record})
    result = save(candidate.change, version, decision, folder)
    show_decision(result, write_backtest_report(folder), console)
    if result.kept and trying.write:
        written = write_version(version, trying.templates)
        console.print(f"wrote {written}", soft_wrap=True, highlight=False)
    elif result.kept:
        console.print(
            f"version {result.number} is not stored: --resume --write stores it", highlight=False
        )
    return result


def _overview(making: Making, found: Mapping[str, Found]) -> IntegrationsResult:
    """Of all templates. Raises the first one's `InputError` where none gets a version."""
    errors = [result for result in found.values() if isinstance(result, InputError)]
    if len(errors) == len(found):
        raise errors[0]
    rows = (
        TemplateIntegration(template=name, decision="not made", reason=str(result))
        if isinstance(result, InputError)
        else integration_of(result)
        for name, result in found.items()
    )
    return IntegrationsResult(run=making.run, fleet=making.fleet.name, templates=tuple(rows))
