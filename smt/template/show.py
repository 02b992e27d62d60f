"""Templates, their changes and their history on a terminal."""

from collections.abc import Mapping

from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from smt.space import Domain
from smt.spec import Spec
from smt.template.architecture import sizes
from smt.template.difference import Change
from smt.template.template import PARTS, Template
from smt.template.versions import AppliedTechnique, Version


def words(value: object) -> str:
    """A value of a template as a person would say it.

    Example:
        >>> from smt.template.features import PositionWeighting
        >>> words(PositionWeighting(max_positions=14, half_life=23.1))
        'max_positions 14, half_life 23.1'
        >>> words(None)
        'none'
    """
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_inner_words, value))}]" if value else "none"
    if isinstance(value, Mapping):
        return _pairs(value) or "none"
    if isinstance(value, Spec) and not isinstance(value, Domain):
        kind, inside = _kind(value), _pairs(sizes(value))
        return f"{kind} ({inside})" if kind and inside else kind or inside
    return str(value)


def template_tree(template: Template, version: Version | None = None) -> Tree:
    """The five parts with their values; what is a default is dim.

    Args:
        version: Where the template comes from.
    """
    root = Tree(Text(template.name, style="bold"))
    if version is not None:
        root.add(Text(_origin(version)))
        if version.notes:
            root.add(Text(version.notes))
    if template.features.remark is not None:
        root.add(Text(f"remark: {template.features.remark}", style="yellow"))
    root.add(Text(f"paradigm {template.paradigm}, scale {template.scale}"))
    for part in PARTS:
        _add_fields(root.add(Text(part, style="bold")), getattr(template, part), plain=False)
    exposed = root.add(Text("exposed" if template.exposed else "exposed none", style="bold"))
    for place, domain in template.exposed.items():
        exposed.add(Text(f"{place} {words(template.value(place))}, {domain}"))
    return root


def change_lines(changes: list[Change]) -> Text:
    """One line a change, under its part."""
    if not changes:
        return Text("no difference")
    lines = Text()
    for part in ("template", *PARTS):
        here = [change for change in changes if change.part == part]
        if here:
            lines.append(f"{part}\n", style="bold")
        for change in here:
            values = f"{words(change.before)} -> {words(change.after)}"
            lines.append(f"  {change.place}: {values}\n")
    lines.rstrip()
    return lines


def history_table(versions: tuple[Version, ...]) -> Table:
    """One row a version: what made it, and what it was worth; below, notes and remarks."""
    caption = ["μ: mean Δ in percent of NE; R: share of models that regress"]
    caption += [line for version in versions for line in _remarks(version)]
    table = Table(caption=Text("\n".join(caption)), caption_justify="left")
    for name in ("version", "parent", "written", "techniques", "run: μ, R", "back-test: μ, R"):
        table.add_column(name)
    for version in versions:
        chosen = [technique.name for technique in version.techniques]
        numbers = version.run.techniques if version.run is not None else {}
        reached = [numbers.get(name) for name in chosen]
        test = version.backtest
        table.add_row(
            str(version.number),
            words(version.parent),
            version.written,
            Text("\n".join(map(_technique, version.techniques)) or "none"),
            "\n".join(
                "none" if measured is None else _effect(measured.mean, measured.regression_rate)
                for measured in reached
            )
            or "none",
            "none"
            if test is None
            else f"{_effect(test.mean, test.regression_rate)}, {test.models} models",
            end_section=True,
        )
    return table


def _add_fields(tree: Tree, spec: Spec, *, plain: bool) -> None:
    """Add a branch a field; `plain` where the whole spec is a default."""
    for key, value in sizes(spec).items():
        field = type(spec).model_fields[key]
        default = plain or (not field.is_required() and field.get_default() == value)
        style = "dim" if default else ""
        if isinstance(value, Spec):
            branch = tree.add(Text(f"{key} {_kind(value)}".rstrip(), style=style))
            _add_fields(branch, value, plain=default)
        elif isinstance(value, tuple) and any(isinstance(member, Spec) for member in value):
            branch = tree.add(Text(key, style=style))
            for member in value:
                inner = branch.add(Text(_kind(member) or type(member).__name__, style=style))
                _add_fields(inner, member, plain=default)
        else:
            tree.add(Text(f"{key} {words(value)}", style=style))


def _origin(version: Version) -> str:
    made = f"version {version.number}, written {version.written}"
    if version.parent is not None:
        made += f", from version {version.parent}"
    if version.techniques:
        made += f" by {', '.join(map(_technique, version.techniques))}"
    return made


def _remarks(version: Version) -> list[str]:
    """What its author noted, and the fault that it has."""
    remark = version.template.features.remark
    notes = [version.notes] if version.notes else []
    notes += [] if remark is None else [f"remark: {remark}"]
    return [f"version {version.number}: {note}" for note in notes]


def _technique(technique: AppliedTechnique) -> str:
    theta = _pairs(technique.theta)
    if technique.exposed:
        theta += f"; exposes {', '.join(technique.exposed)}"
    return f"{technique.name} ({theta})" if theta else technique.name


def _effect(mean: float, regression_rate: float) -> str:
    return f"{mean:+.3f}%, {regression_rate:.2f}"


def _kind(spec: Spec) -> str:
    return str(getattr(spec, "kind", ""))


def _pairs(values: Mapping[str, object]) -> str:
    return ", ".join(f"{key} {_inner_words(value)}" for key, value in values.items())


def _inner_words(value: object) -> str:
    """Words inside other words: in brackets where they hold a comma of their own."""
    said = words(value)
    nested = isinstance(value, Spec) and "," in said and not _kind(value)
    return f"({said})" if nested else said
