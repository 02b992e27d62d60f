"""How every script starts and prints: a typed config in, tables and an exit code out."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import tyro

from smt.errors import InputError, StoppedError

if TYPE_CHECKING:
    from rich.console import Console

Config = TypeVar("Config")

# Of a pipe or a log, which have no width of their own: Rich's 80 cut the tables.
LOG_WIDTH = 120


def run(main: Callable[[Config], None], config: Any) -> None:
    """Parse the command line into `config` (a dataclass, or a union of them) and call `main`.

    Wrong input is one sentence on standard error and exit code 2, as for a wrong option; a run
    that could not go on is one, and exit code 1.
    """
    # torchrec asks torch whether fx traces, which torch 2.13 answers with a warning.
    logging.getLogger("torch.fx._symbolic_trace").setLevel(logging.ERROR)
    # Where SQLAlchemy is installed, Ax says so as it is imported.
    logging.getLogger("ax.storage.sqa_store.with_db_settings_base").disabled = True
    parsed = tyro.cli(config, description=sys.modules[main.__module__].__doc__)
    try:
        main(parsed)
    except (InputError, StoppedError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, InputError) else 1)


def open_console(*, highlight: bool = True) -> Console:
    """Standard output, as wide as the terminal, or `LOG_WIDTH` columns where it is none.

    Texts are printed as they are: a model may be named `[bold]` or `:star:`.
    """
    # `--help` and wrong options need none of it.
    from rich.console import Console

    width = None if sys.stdout.isatty() else LOG_WIDTH
    return Console(width=width, highlight=highlight, markup=False, emoji=False)
