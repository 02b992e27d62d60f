"""Template integration (§3.3.2): T_G⁺ at θ* becomes the next version of a template."""

import shlex
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from smt.errors import InputError
from smt.iteration.finished_run import FinishedRun, read_finished_run
from smt.spec import suggest
from smt.techniques import catalogue, find_technique
from smt.template import Technique, Template, Theta, diff, history
from smt.template.versions import TEMPLATES, AppliedTechnique, RunRecord, Version

Applied = tuple[Technique, Theta]


def integrate(
    run: str | Path,
    name: str,
    *,
    techniques: Sequence[str] | None = None,
    folder: str | Path = TEMPLATES,
    notes: str = "",
) -> Version:
    """The version that a finished generalization makes of a template; nothing is written.

    Its techniques are applied in the catalogue's order, and after those any of one's own.

    Args:
        run: Folder or URI of the generalization.
        name: Of the template. The run's techniques were tried on one of its versions, which
            becomes the parent.
        techniques: Those to integrate, as `find_technique` takes them; all of T_G⁺ where none
            are named.
        folder: Of templates' versions.

    Raises:
        InputError: The run's template is no version of `name`; a technique did not
            generalize; the techniques do not go together; or the version exists.
    """
    finished = read_finished_run(run)
    versions = history(name, folder=folder)
    parent = _parent(finished, versions, name)
    chosen = _choose(finished, techniques)
    template = _apply(chosen, parent.template)
    _check_effects(chosen, parent.template, template)
    for version in versions:
        if version.template == template:
            raise InputError(f"{run}: what it leads to is '{name}@{version.number}' already")
    return Version(
        name=name,
        number=versions[-1].number + 1,
        parent=parent.number,
        techniques=tuple(
            AppliedTechnique(name=technique.name, theta=theta) for technique, theta in chosen
        ),
        run=RunRecord(
            fleet=finished.fleet,
            representatives=finished.representatives,
            trials=finished.settings.trials,
            seed=finished.settings.seed,
            techniques=finished.techniques,
            command=_command(finished, parent),
        ),
        written=date.today().isoformat(),
        notes=notes,
        template=template,
    )


def _parent(run: FinishedRun, versions: tuple[Version, ...], name: str) -> Version:
    """The latest version that is the run's template to the letter."""
    for version in reversed(versions):
        if version.template == run.template:
            return version
    latest = versions[-1]
    places = ", ".join(change.place for change in diff(latest.template, run.template))
    raise InputError(
        f"{run.location}: its template '{run.template.name}' is no version of '{name}'; it "
        f"differs from '{name}@{latest.number}' in {places}"
    )


def _choose(run: FinishedRun, names: Sequence[str] | None) -> list[Applied]:
    """Techniques with their θ*, in the order in which they are applied."""
    if not run.generalized:
        raise InputError(f"{run.location}: none of its techniques generalizes")
    if not names:
        for name in run.generalized:
            if name not in catalogue:
                raise InputError(
                    f"{run.location}: technique '{name}' is not in the catalogue; name the "
                    "techniques to integrate, this one as FILE.py:NAME"
                )
    found = {each.name: each for each in map(find_technique, names or run.generalized)}
    for name in found:
        if name not in run.generalized:
            raise InputError(
                f"{run.location}: technique '{name}' does not generalize; "
                f"{suggest(name, [*run.generalized])}"
            )
    places = {name: place for place, name in enumerate(catalogue)}
    ordered = sorted(found, key=lambda name: places.get(name, len(places)))
    return [(found[name], run.generalized[name]) for name in ordered]


def _apply(chosen: Sequence[Applied], template: Template) -> Template:
    for technique, theta in chosen:
        try:
            template = technique.apply(template, theta)
        except InputError as error:
            raise InputError(
                f"technique '{technique.name}' cannot be integrated: {error}"
            ) from None
    return template


def _check_effects(chosen: Sequence[Applied], parent: Template, template: Template) -> None:
    """Raise `InputError` for a technique without which the template would be the same."""
    for technique, _ in chosen:
        others = [each for each in chosen if each[0] is not technique]
        try:
            without = _apply(others, parent)
        except InputError:
            continue
        if without == template:
            beside = ", ".join(each.name for each, _ in others) or "nothing"
            raise InputError(
                f"technique '{technique.name}' changes nothing of template '{parent.name}' "
                f"beside {beside}; name the techniques to integrate, without it"
            )


def _command(run: FinishedRun, parent: Version) -> str:
    """A command that searches the same again; a run does not keep what was typed."""
    options = {
        "template": f"{parent.name}@{parent.number}",
        "representatives": len(run.representatives),
        **run.settings.to_dict(),
    }
    said = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    return shlex.join(["generalize.py", "--techniques", *run.tried, *said])
