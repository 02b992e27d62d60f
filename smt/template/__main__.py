"""Look at templates: one as a tree, what changed, its history, the card of a model."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from smt.command_line import open_console, run

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True)
class Show:
    """Print a template as a tree; defaults are dim."""

    name: tyro.conf.Positional[str]
    """NAME (its latest version), NAME@N, or a YAML file."""
    folder: str | None = None
    """Folder (or URI) of templates' versions; the package's own by default."""


@dataclass(frozen=True)
class Diff:
    """Print what differs between two versions of a template."""

    name: tyro.conf.Positional[str]
    """Name of the template."""
    before: tyro.conf.Positional[int]
    """Number of a version."""
    after: tyro.conf.Positional[int]
    """Number of another version."""
    folder: str | None = None
    """Folder (or URI) of templates' versions; the package's own by default."""


@dataclass(frozen=True)
class History:
    """Print a template's versions: what made them, and what they were worth."""

    name: tyro.conf.Positional[str]
    """Name of the template."""
    folder: str | None = None
    """Folder (or URI) of templates' versions; the package's own by default."""


@dataclass(frozen=True)
class Card:
    """Print the model card of a model of a fleet: inputs, size and cost of its network."""

    name: tyro.conf.Positional[str]
    """NAME (its latest version), NAME@N, or a YAML file."""
    fleet: Path
    """YAML file of the fleet."""
    model: str
    """Name of the model."""
    log: str | None = None
    """Log folder to use in place of the one that the fleet names."""
    folder: str | None = None
    """Folder (or URI) of templates' versions; the package's own by default."""
    out: Path | None = None
    """Markdown file to write as well."""


Config = (
    Annotated[Show, tyro.conf.subcommand("show")]
    | Annotated[Diff, tyro.conf.subcommand("diff")]
    | Annotated[History, tyro.conf.subcommand("history")]
    | Annotated[Card, tyro.conf.subcommand("card")]
)


def main(config: Show | Diff | History | Card) -> None:
    """Find, print."""
    console = open_console()
    if isinstance(config, Show):
        console.print(_show(config))
    elif isinstance(config, Diff):
        console.print(_diff(config))
    elif isinstance(config, History):
        console.print(_history(config))
    else:
        console.print(_card(config))


# What the subcommands import loads torch, which --help should not wait for.
def _show(config: Show) -> RenderableType:
    from smt.template.catalogue import find_template, find_version
    from smt.template.show import template_tree
    from smt.template.versions import TEMPLATES

    folder = config.folder or TEMPLATES
    template = find_template(config.name, folder=folder)
    return template_tree(template, find_version(config.name, folder=folder))


def _diff(config: Diff) -> RenderableType:
    from smt.template.difference import diff
    from smt.template.show import change_lines
    from smt.template.versions import TEMPLATES, load_version

    before, after = (
        load_version(config.name, number, folder=config.folder or TEMPLATES)
        for number in (config.before, config.after)
    )
    return change_lines(diff(before, after))


def _history(config: History) -> RenderableType:
    from smt.template.show import history_table
    from smt.template.versions import TEMPLATES, history

    return history_table(history(config.name, folder=config.folder or TEMPLATES))


def _card(config: Card) -> RenderableType:
    from rich.markdown import Markdown

    from smt.errors import InputError
    from smt.fleet import load_fleet, log_schema
    from smt.template.card import model_card
    from smt.template.catalogue import find_template, find_version
    from smt.template.versions import TEMPLATES

    models = {model.name: model for model in load_fleet(config.fleet, log=config.log).models}
    if config.model not in models:
        # A fleet has too many models to list them all.
        nearest = ", ".join(get_close_matches(config.model, models, cutoff=0.0))
        message = f"no model is named '{config.model}'; the nearest names are {nearest}"
        raise InputError(f"{config.fleet}: {message}")
    model = models[config.model]
    folder = config.folder or TEMPLATES
    template = find_template(config.name, folder=folder)
    version = find_version(config.name, folder=folder)
    number = None if version is None else version.number
    text = model_card(template, model, log_schema(model.log), version=number).to_markdown()
    if config.out is not None:
        config.out.write_text(text, encoding="utf-8")
    return Markdown(text)


if __name__ == "__main__":
    run(main, Config)
