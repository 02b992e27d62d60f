"""Show the techniques, or one of them in full."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import tyro

from smt.command_line import open_console, run

if TYPE_CHECKING:
    from rich.table import Table

    from smt.template import Technique


@dataclass(frozen=True)
class Config:
    """What to show."""

    name: Annotated[tyro.conf.Positional[str | None], tyro.conf.arg(metavar="[NAME]")] = None
    """Name of a technique, or FILE.py:NAME for one of your own; all by default."""


def main(config: Config) -> None:
    """Print the table of all techniques, or a page on one."""
    from smt.techniques import catalogue, find_technique

    console = open_console(highlight=False)
    if config.name is None:
        console.print(_catalogue_table(list(catalogue.values())))
        return
    technique = find_technique(config.name)
    for line in _describe(technique):
        console.print(line, markup=False)
    if technique.space:
        console.print(_space_table(technique))


def _catalogue_table(techniques: list[Technique]) -> Table:
    from rich.table import Table

    table = Table("technique", "part", "what it does", "hyperparameters")
    for technique in techniques:
        names = ", ".join(technique.space)
        table.add_row(technique.name, technique.part, technique.summary, names)
    return table


def _describe(technique: Technique) -> list[str]:
    return [
        f"{technique.name}: {technique.summary}",
        f"part       {technique.part}",
        f"paradigms  {', '.join(technique.paradigms)}",
        f"scales     {', '.join(technique.scales)}",
        f"reads      {', '.join(technique.reads) or 'whatever features there are'}",
        f"source     {technique.source}",
    ]


def _space_table(technique: Technique) -> Table:
    from rich.table import Table

    from smt.space import describe_condition

    table = Table("hyperparameter", "domain", "meaning")
    for name, domain in technique.space.items():
        scale = ", on a log scale" if getattr(domain, "log", False) else ""
        condition = f", {describe_condition(domain)}" if domain.when else ""
        meaning = technique.meanings.get(name, "")
        table.add_row(name, f"{domain}{scale}{condition}", meaning)
    return table


if __name__ == "__main__":
    run(main, Config)
