"""Template integration (§3.3.2): T_G⁺ at θ* becomes the next version of a template."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from smt.errors import InputError
from smt.results.folder import read_result
from smt.results.generalization import GeneralizationResult
from smt.results.integration import Exposure
from smt.results.technique import Kind
from smt.spec import suggest
from smt.storage import Folder
from smt.techniques import catalogue, find_technique
from smt.template import Technique, Template, diff, history
from smt.template.versions import TEMPLATES, AppliedTechnique, RunRecord, TechniqueNumbers, Version
from smt.template_iteration.applied import Applied, apply_techniques
from smt.template_iteration.decision import LeftOut
from smt.template_iteration.exposure import expose, find_exposures
from smt.template_iteration.left_exposure import find_left_exposures


@dataclass(frozen=True)
class Integration:
    """A version that a run makes of a template, not tried yet.

    Attributes:
        source: Where the run is.
        called: What the run calls the parent.
        exposures: Of the hyperparameters that the run wants exposed; empty where none are, or
            all are to stay fixed.
        reduced: The version without each technique in turn; empty where it has only one.
    """

    source: str
    run: GeneralizationResult
    called: str
    parent: Version
    version: Version
    exposures: tuple[Exposure, ...]
    reduced: tuple[LeftOut, ...]

    def as_trained(self, template: Template) -> Template:
        """The template as the run trained its own: on as many rows, by as many workers."""
        return _as_trained(template, self.run.templates[self.called])

    @property
    def kinds(self) -> dict[str, Kind]:
        """Technique of the version -> why it generalized in the run."""
        names = {technique.name for technique in self.version.techniques}
        return {
            technique.name: technique.kind
            for technique in self.run.techniques
            if technique.name in names and technique.kind is not None
        }


def integrate(
    run: str | Path,
    name: str,
    *,
    techniques: Sequence[str] | None = None,
    exposing: bool = True,
    folder: str | Path = TEMPLATES,
    notes: str = "",
) -> Integration:
    """The version that a finished generalization makes of a template; nothing is written.

    Where no technique generalizes, the version only exposes what models had better choose. Its
    techniques are applied in the catalogue's order, and after those any of one's own; in
    the run's order where it measured one on top of the other.

    Args:
        run: Folder or URI of the generalization.
        name: Of the template. The run's techniques were tried on one of its versions, which
            becomes the parent.
        techniques: Those to integrate, as `find_technique` takes them; all of T_G⁺ that fit the
            template where none are named.
        exposing: Whether hyperparameters that the run wants exposed are; all are fixed where not.
        folder: Of templates' versions.

    Raises:
        InputError: None of the run's templates is a version of `name`; a technique did not
            generalize, or does not fit it; the techniques do not go together; or the version
            exists.
    """
    source = str(run)
    result = read_result(Folder(run), GeneralizationResult)
    versions = history(name, folder=folder)
    called, parent = _parent(result, versions, name, source)
    chosen = _choose(result, techniques, parent.template, source)
    _check_effects(chosen, parent.template)
    template, exposures = _make(chosen, parent.template, result, exposing)
    if template == parent.template:
        raise InputError(
            f"{source}: none of its techniques generalizes, and there is nothing to expose in "
            f"'{name}@{parent.number}'"
        )
    for version in versions:
        if version.template == template:
            raise InputError(f"{run}: what it leads to is '{name}@{version.number}' already")
    version = Version(
        name=name,
        number=versions[-1].number + 1,
        parent=parent.number,
        techniques=tuple(
            AppliedTechnique(
                name=technique.name,
                theta=theta,
                exposed=tuple(
                    exposure.hyperparameter
                    for exposure in exposures
                    if exposure.technique == technique.name and exposure.place is not None
                ),
            )
            for technique, theta in chosen
        ),
        run=_run_record(result, parent),
        written=date.today().isoformat(),
        notes=notes if chosen else " ".join([*filter(None, [notes]), *map(_say, exposures)]),
        template=template,
    )
    reduced = tuple(_reduce(chosen, parent.template, result, exposing))
    return Integration(source, result, called, parent, version, exposures, reduced)


def _say(exposure: Exposure) -> str:
    """What is exposed and why, in a sentence, for a version that only exposes."""
    return f"{exposure}: {exposure.reason}."


def improvements(
    run: str | Path, techniques: Sequence[str] | None = None
) -> dict[str, tuple[str, ...]]:
    """Template of a run -> those of the techniques that fit it, of all that one fits.

    Where no technique generalizes that is none for each template, which may still expose something.

    Args:
        run: Folder or URI of the generalization.
        techniques: As for `integrate`; all of T_G⁺ where none are named.

    Raises:
        InputError: A technique did not generalize, or must be named.
    """
    source = str(run)
    result = read_result(Folder(run), GeneralizationResult)
    named = _generalized(result, techniques, source)
    fitting = {
        template.name: tuple(name for name, known in named.items() if known.applies_to(template))
        for template in result.templates.values()
    }
    return {template: names for template, names in fitting.items() if names or not named}


def _make(
    chosen: Sequence[Applied], parent: Template, run: GeneralizationResult, exposing: bool
) -> tuple[Template, tuple[Exposure, ...]]:
    """The parent with techniques, and what they, and those that do not generalize, expose."""
    template = apply_techniques(chosen, parent)
    if not exposing:
        return template, ()
    exposures = find_exposures(chosen, parent, run.sensitivity)
    template = expose(template, exposures)
    others = find_left_exposures(run, template)
    return expose(template, others), exposures + others


def _reduce(
    chosen: Sequence[Applied], parent: Template, run: GeneralizationResult, exposing: bool
) -> Iterator[LeftOut]:
    for technique, _ in chosen if len(chosen) > 1 else ():
        try:
            template, _ = _make(_without(technique, chosen), parent, run, exposing)
        except InputError as error:
            yield LeftOut(technique.name, failure=str(error))
        else:
            yield LeftOut(technique.name, template=template)


def _without(technique: Technique, chosen: Sequence[Applied]) -> list[Applied]:
    return [(other, theta) for other, theta in chosen if other is not technique]


def _parent(
    run: GeneralizationResult, versions: tuple[Version, ...], name: str, source: str
) -> tuple[str, Version]:
    """The latest version that is one of the run's templates; what the run calls it.

    A run whose fleet pins an older one has both.
    """
    for version in reversed(versions):
        called = called_in(run, version.template)
        if called is not None:
            return called, version
    latest = versions[-1]
    (called, template), *others = sorted(
        run.templates.items(), key=lambda item: item[1].name != name
    )
    places = ", ".join(change.place for change in diff(latest.template, template))
    several = f"; its templates: {', '.join(run.templates)}" if others else ""
    raise InputError(
        f"{source}: its template '{template.name}' is no version of '{name}'; it "
        f"differs from '{name}@{latest.number}' in {places}{several}"
    )


def called_in(run: GeneralizationResult, template: Template) -> str | None:
    """What a run calls a template of its own; None where it has it not.

    It is the same to the letter, but for the rows and workers that the run trained it with.
    """
    return next(
        (
            called
            for called, searched in run.templates.items()
            if _as_trained(template, searched) == searched
        ),
        None,
    )


def _as_trained(template: Template, searched: Template) -> Template:
    """A template with the rows and workers of one that a run searched."""
    return template.change("data", train_rows=searched.data.train_rows).change(
        "training", workers=searched.training.workers
    )


def _generalized(
    run: GeneralizationResult, names: Sequence[str] | None, source: str
) -> dict[str, Technique]:
    """As named -> the technique; all of T_G⁺ where none are named."""
    if names and not run.generalized:
        raise InputError(f"{source}: none of its techniques generalizes")
    if not names:
        for name in run.generalized:
            if name not in catalogue:
                raise InputError(
                    f"{source}: technique '{name}' is not in the catalogue; name the "
                    "techniques to integrate, this one as FILE.py:NAME"
                )
    techniques = {name: find_technique(name) for name in names or run.generalized}
    for technique in techniques.values():
        if technique.name not in run.generalized:
            raise InputError(
                f"{source}: technique '{technique.name}' does not generalize; "
                f"{suggest(technique.name, [*run.generalized])}"
            )
    return techniques


def _choose(
    run: GeneralizationResult, names: Sequence[str] | None, parent: Template, source: str
) -> list[Applied]:
    """Techniques with their θ*, in the order in which they are applied."""
    by_name = {known.name: known for known in _generalized(run, names, source).values()}
    if not names:
        by_name = {key: known for key, known in by_name.items() if known.applies_to(parent)}
    if not by_name and run.generalized:
        raise InputError(
            f"{source}: no technique that generalizes fits template '{parent.name}'; "
            f"{' and '.join(run.generalized)} fit others"
        )
    order = run.generalized if run.settings.sequential else catalogue
    places = {name: place for place, name in enumerate(order)}
    ordered = sorted(by_name, key=lambda name: places.get(name, len(places)))
    return [(by_name[name], run.generalized[name]) for name in ordered]


def _check_effects(chosen: Sequence[Applied], parent: Template) -> None:
    """Raise `InputError` for a technique without which the template would be the same."""
    template = apply_techniques(chosen, parent)
    for technique, _ in chosen:
        others = _without(technique, chosen)
        try:
            without = apply_techniques(others, parent)
        except InputError:
            continue
        if without == template:
            beside = ", ".join(other.name for other, _ in others) or "nothing"
            raise InputError(
                f"technique '{technique.name}' changes nothing of template '{parent.name}' "
                f"beside {beside}; name the techniques to integrate, without it"
            )


def _run_record(run: GeneralizationResult, parent: Version) -> RunRecord:
    """What a version keeps of its run, less the techniques that break a model at every θ."""
    return RunRecord(
        fleet=run.fleet,
        representatives=run.representative_names,
        trials=run.settings.trials,
        seed=run.settings.seed,
        techniques={
            technique.name: TechniqueNumbers(
                mean=technique.shown.mean,
                regression_rate=technique.shown.regression_rate,
                value=technique.shown.value,
            )
            for technique in run.techniques
            if technique.shown.mean is not None
        },
        command=_command(run, parent),
    )


def _command(run: GeneralizationResult, parent: Version) -> str:
    """A command that searches the same again; a run does not keep what was typed."""
    one = f"{parent.name}@{parent.number}" if len(run.templates) == 1 else None
    searched = next(iter(run.templates.values()))
    options = {
        "template": one,
        "representatives": len(run.representatives),
        "train_rows": searched.data.train_rows,
        **run.settings.to_dict(),
    }
    said = [_option(name.replace("_", "-"), value) for name, value in options.items()]
    tried = [technique.name for technique in run.techniques]
    return shlex.join(["generalize.py", "--techniques", *tried, *filter(None, said)])


def _option(name: str, value: object) -> str | None:
    """As a command takes it; None where there is nothing to say."""
    if value is None:
        return None
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no-{name}"
    return f"--{name}={value}"
