"""The methods that choose the next θ.

To add one, write a module here with

    def propose(state: SearchState) -> Proposal | None

which is a pure function of the state, and whose None leaves the next point to "sobol"; then add a
line to `METHODS`. Commands, settings and messages know it from there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

from smt.errors import InputError
from smt.search.goal import Goal
from smt.search.trial import Trial


@dataclass(frozen=True)
class SearchMethod:
    """Where a method is, and what it can do.

    Attributes:
        module: Under `smt.search.methods`; loaded when it is used.
        needs: A package that is not installed with this one; None where there is none.
        surrogate: Whether the module says what it thinks of each trial, by
            `estimate(state) -> list[Estimate]`, and learns from earlier trials.
    """

    module: str
    needs: str | None = None
    surrogate: bool = False

    def load(self) -> Any:
        """The module."""
        return import_module(f"smt.search.methods.{self.module}")


METHODS = {
    "composite": SearchMethod("composite", surrogate=True),
    "ax": SearchMethod("ax_search"),
    "sobol": SearchMethod("sobol"),
    "tpe": SearchMethod("tpe", needs="optuna"),
}

if TYPE_CHECKING:
    Method = str
else:
    Method = Literal[tuple(METHODS)]


def check_method(method: str) -> None:
    """Raise `InputError` for a method that is not known or not installed."""
    if method not in METHODS:
        raise InputError(f"unknown method '{method}'; known: {', '.join(METHODS)}")
    package = METHODS[method].needs
    if package is not None and find_spec(package) is None:
        raise InputError(
            f"method '{method}' needs {package.title()}, which is not installed; install it by "
            f"pip install -c constraints.txt {package}, or choose method 'composite'"
        )


def check_earlier(earlier: Sequence[Trial], goal: Goal, method: Method) -> None:
    """Raise `InputError` for earlier trials of other models, or with a method that has no use."""
    if earlier and not METHODS[method].surrogate:
        raise InputError(
            f"method '{method}' cannot learn from earlier trials; choose method 'composite', or "
            "give none"
        )
    for trial in earlier:
        if len(trial.outcomes) != len(goal.shares):
            raise InputError(
                f"an earlier trial has {len(trial.outcomes)} deltas for {len(goal.shares)} models; "
                "it needs one for each, None where it has none"
            )
