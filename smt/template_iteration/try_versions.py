"""Versions made, tried, reported and stored: of one template, or of every one of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from rich.console import Console

from smt.errors import InputError
from smt.execution.ledger import RUN_FILE
from smt.execution.resources import Resources
from smt.fleet import Fleet, open_logs
from smt.report import numbers
from smt.report.pages.backtest import write_backtest_report
from smt.report.pages.integrations import write_integrations_report
from smt.report.terminal.backtest import backtest_table, blame_table, misfit_table
from smt.report.terminal.generalization import FEW
from smt.report.terminal.integrations import integrations_table
from smt.results.folder import RESULT, read_result
from smt.results.generalization import GeneralizationResult
from smt.results.integration import IntegrationResult
from smt.results.integrations import (
    IntegrationsResult,
    TemplateIntegration,
    integration_of,
    save_integrations,
)
from smt.seeds import backtest_seeds
from smt.storage import Folder
from smt.template import Template, diff, history, load_version
from smt.template.serving_budget import ServingBudget
from smt.template.show import change_lines
from smt.template.versions import TEMPLATES, write_version
from smt.template_iteration.backtest import backtest
from smt.template_iteration.backtest_models import choose_models
from smt.template_iteration.integrate import Integration, integrate
from smt.template_iteration.record import save


@dataclass(frozen=True)
class Trying:
    """How versions are made and tried.

    Attributes:
        exposing: Whether hyperparameters that the run wants exposed are.
        seeds: Seeds a model and version; the first ones after those that the run used.
        holdout: Models of a template that are no representatives; None as `choose_models` says.
        templates: Folder of templates' versions, or its URI.
        write: Whether versions that the back-test keeps are stored there.
        notes: Remark for the versions' files.
        command: What was typed, for those.
    """

    exposing: bool = True
    seeds: int = 3
    holdout: int | None = None
    templates: str | Path = TEMPLATES
    write: bool = False
    notes: str = ""
    command: str = ""
    resources: Resources = field(default_factory=Resources)


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
    """Try a version of each of several templates, in folders of their names; each by itself.

    Args:
        fitting: Template -> its techniques.
        resume: Go on where `out` stopped; what is trained is not again.

    Raises:
        InputError: `out` holds files already and is not to be resumed, or none of the templates
            gets a version; the sentence is the first one's then.
    """
    folder, errors = Folder(out), list[InputError]()
    if not resume and folder.list():
        raise InputError(f"{out}: is not empty; go on with --resume, or choose another --out")
    tried: list[TemplateIntegration] = []
    searched = read_result(Folder(run), GeneralizationResult)
    kept: dict[str, Template] = {}
    for name, techniques in fitting.items():
        console.rule(name, align="left")
        own = Folder(folder.path(name))
        stored = _read_stored(own, trying.templates) if resume else None
        if stored is not None:
            console.print("is tried and stored already", highlight=False)
            tried.append(integration_of(stored))
            kept |= _kept_by_models(stored, searched, trying.templates)
            continue
        try:
            result = try_version(
                run,
                name,
                techniques,
                fleet,
                trying,
                out=own.location,
                resume=resume and own.exists(RUN_FILE),
                console=console,
                beside=kept,
            )
        except InputError as error:
            console.print(f"no version: {error}", soft_wrap=True, highlight=False, markup=False)
            errors.append(error)
            tried.append(TemplateIntegration(template=name, decision="not made", reason=str(error)))
        else:
            tried.append(integration_of(result))
            kept |= _kept_by_models(result, searched, trying.templates)
    if len(errors) == len(fitting):
        raise errors[0]
    results = save_integrations(run, fleet.name, tried, folder)
    console.print(integrations_table(results))
    console.print(f"report: {write_integrations_report(folder)}", soft_wrap=True, highlight=False)
    return results


def _kept_by_models(
    result: IntegrationResult, run: GeneralizationResult, folder: str | Path
) -> dict[str, Template]:
    """Model -> the version, of those that were built from its parent; none where it is not kept."""
    if not result.kept:
        return {}
    parent = load_version(result.template, result.parent, folder=folder)
    return {
        model: result.version.template
        for model, called in run.model_templates.items()
        if run.templates[called] == parent
    }


def _budget(run: GeneralizationResult, fleet: Fleet) -> ServingBudget:
    """What serving the fleet costs under the run's templates, and may cost by its capacity."""
    models = [model for model in fleet.models if model.name in run.model_templates]
    today = {model.name: run.templates[run.model_templates[model.name]] for model in models}
    return ServingBudget(models, today, run.settings.capacity)


def _read_stored(folder: Folder, templates: str | Path) -> IntegrationResult | None:
    """A finished back-test whose version is in the folder of versions; None where it is not."""
    if not folder.exists(RESULT):
        return None
    result = read_result(folder, IntegrationResult)
    known = (stored.template for stored in history(result.version.name, folder=templates))
    return result if result.version.template in known else None


def try_version(
    run: str,
    name: str,
    techniques: Sequence[str],
    fleet: Fleet,
    trying: Trying,
    *,
    out: str,
    resume: bool,
    console: Console,
    beside: Mapping[str, Template] = MappingProxyType({}),
) -> IntegrationResult:
    """Make a template's next version, show it, back-test it, save, report, and store it.

    Args:
        run: Folder or URI of the generalization.
        techniques: As for `integrate`.
        beside: Model -> what it gets beside this version, of others that are kept already.

    Raises:
        InputError: As `integrate`, `choose_models` and `backtest`.
    """
    change = integrate(
        run,
        name,
        techniques=techniques,
        exposing=trying.exposing,
        folder=trying.templates,
        notes=trying.notes,
    )
    show_change(change, console)
    models = choose_models(
        fleet, change.run, change.called, source=change.source, holdout=trying.holdout
    )
    built, settings = set(change.run.built_from(change.called)), change.run.settings
    decision = backtest(
        change,
        models,
        open_logs(models),
        fleet=[model for model in fleet.models if model.name in built],
        budget=_budget(change.run, fleet),
        beside=beside,
        seeds=backtest_seeds(settings.seed, settings.measured_seeds, trying.seeds),
        out=out,
        resources=trying.resources,
        resume=resume,
        console=console,
    )
    version = change.version
    if decision.comparison is not None:
        record = decision.comparison.record(fleet.name, trying.command, decision.growth)
        version = version.model_copy(update={"backtest": record})
    folder = Folder(out)
    result = save(change, version, decision, folder)
    show_decision(result, write_backtest_report(folder), console)
    if result.kept and trying.write:
        written = write_version(version, trying.templates)
        console.print(f"wrote {written}", soft_wrap=True, highlight=False)
    elif result.kept:
        console.print(
            f"version {result.number} is not stored: --resume --write stores it", highlight=False
        )
    return result


def show_change(change: Integration, console: Console) -> None:
    """What a version is made of, and what models may set in it."""
    version = change.version
    console.print(f"{version.name}: version {version.number}, from version {version.parent}")
    for name, kind in change.kinds.items():
        console.print(f"{name}: generalized by its {kind}", highlight=False, markup=False)
    console.print(change_lines(diff(change.parent.template, version.template)))
    for exposure in change.exposures:
        console.print(str(exposure), soft_wrap=True, highlight=False, markup=False)


def show_decision(result: IntegrationResult, report: str, console: Console) -> None:
    """What a back-test came to."""
    console.print(misfit_table(result) if result.misfits else backtest_table(result))
    if result.blame:
        console.print(blame_table(result))
    console.print(
        f"report: {report}\n{result.decision}: {result.reason}",
        soft_wrap=True,
        highlight=False,
        markup=False,
    )
    if len(result.models) < FEW:
        console.print(
            f"of {numbers.plural(len(result.models), 'model')}; fewer than {FEW} tell little",
            highlight=False,
        )
    if not result.kept:
        if result.blame_reason is not None:
            console.print(f"blame: {result.blame_reason}", soft_wrap=True, highlight=False)
        console.print(f"version {result.number} is not written", highlight=False)
