"""What is to try of each template: a version, one that is stored already, or nothing and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from rich.console import Console

from smt.data import Log
from smt.errors import InputError
from smt.execution.resources import Resources
from smt.execution.run import check_judges
from smt.fleet import Fleet, open_logs
from smt.results.folder import RESULT, read_result
from smt.results.generalization import GeneralizationResult
from smt.results.integration import IntegrationResult
from smt.storage import Folder
from smt.template import history, load_version
from smt.template.versions import TEMPLATES
from smt.template_iteration.backtest_models import choose_models
from smt.template_iteration.candidate import Candidate, StoredVersion
from smt.template_iteration.integrate import called_in, integrate
from smt.template_iteration.show_versions import show_change

# Template -> what is to try of it, what was stored, or why it gets no version.
Prepared = dict[str, Candidate | StoredVersion | InputError]


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


@dataclass(frozen=True)
class Making:
    """What versions are made of, and how.

    Attributes:
        run: Folder or URI of the generalization.
        fitting: Template -> its techniques, as `integrate` takes them.
    """

    run: str
    fitting: Mapping[str, Sequence[str]]
    fleet: Fleet
    trying: Trying
    console: Console

    @property
    def several(self) -> bool:
        """Whether there is more than one template."""
        return len(self.fitting) > 1

    @cached_property
    def searched(self) -> GeneralizationResult:
        """What the run decided."""
        return read_result(Folder(self.run), GeneralizationResult)


def prepare_versions(making: Making, before: Mapping[str, Folder]) -> Prepared:
    """Make the next version of each template and show it; nothing is written.

    Args:
        before: Template -> folder of its back-test, of those that are gone on with.
    """
    prepared: Prepared = {}
    for name, techniques in making.fitting.items():
        show_name(name, making)
        stored = _read_stored(before[name], making) if name in before else None
        if stored is not None:
            making.console.print("is tried and stored already", highlight=False)
            prepared[name] = stored
            continue
        try:
            prepared[name] = _make(name, techniques, making)
        except InputError as error:
            show_error(error, making)
            prepared[name] = error
    return prepared


def show_name(name: str, making: Making) -> None:
    """Which template what follows is of, where there are several."""
    if making.several:
        making.console.rule(name, align="left")


def show_error(error: InputError, making: Making) -> None:
    """Why a template gets no version; of the only one it is what the command ends with."""
    if making.several:
        making.console.print(f"no version: {error}", soft_wrap=True, highlight=False, markup=False)


def open_candidates(prepared: Prepared) -> tuple[dict[str, Log], dict[str, InputError]]:
    """Logs of all candidates' models, by `log_name`, and why a candidate does not fit them."""
    candidates = [entry for entry in prepared.values() if isinstance(entry, Candidate)]
    try:
        return open_logs([model for candidate in candidates for model in candidate.models]), {}
    except InputError:
        return _open_each(candidates)


def _open_each(candidates: Sequence[Candidate]) -> tuple[dict[str, Log], dict[str, InputError]]:
    logs: dict[str, Log] = {}
    unfit: dict[str, InputError] = {}
    for candidate in candidates:
        try:
            logs |= open_logs(candidate.models)
        except InputError as error:
            unfit[candidate.name] = error
    return logs, unfit


def _make(name: str, techniques: Sequence[str], making: Making) -> Candidate:
    """Raises `InputError` as `integrate` and `choose_models`, or where nothing can be compared."""
    trying = making.trying
    change = integrate(
        making.run,
        name,
        techniques=techniques,
        exposing=trying.exposing,
        folder=trying.templates,
        notes=trying.notes,
    )
    show_change(change, making.console)
    models = choose_models(
        making.fleet, change.run, change.called, source=change.source, holdout=trying.holdout
    )
    change.run.settings.goal(models)
    built = set(change.run.built_from(change.called))
    fleet = tuple(model for model in making.fleet.models if model.name in built)
    candidate = Candidate(change, models, fleet)
    check_judges(candidate.templates)
    return candidate


def _read_stored(folder: Folder, making: Making) -> StoredVersion | None:
    """A finished back-test whose version is in the folder of versions; None where it is not."""
    if not folder.exists(RESULT):
        return None
    result, templates = read_result(folder, IntegrationResult), making.trying.templates
    known = (stored.template for stored in history(result.version.name, folder=templates))
    if result.version.template not in known:
        return None
    if not result.kept:
        return StoredVersion(result, {})
    parent, run = load_version(result.template, result.parent, folder=templates), making.searched
    called = called_in(run, parent)
    built = () if called is None else run.built_from(called)
    return StoredVersion(result, dict.fromkeys(built, result.version.template))
