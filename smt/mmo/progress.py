"""What a person sees while a run goes on: a live bar on a terminal, else plain lines."""

import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import ray
from ray.exceptions import RayActorError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from smt.search.trial import Trial

POLL_SECONDS = 0.5
PATIENCE_SECONDS = 20


class Display:
    """Follows a run; use as a context manager.

    Shows the technique, its trial, evaluations done of all, the best A so far and the time
    left, which is the time a fresh evaluation took so far times those still to come. Baselines are
    counted once they are asked for, the others as planned.
    """

    def __init__(self, console: Console, dispatcher: Any, *, evaluations: int) -> None:
        self._console = console
        self._dispatcher = dispatcher
        self._planned = evaluations
        self._total = evaluations
        self._started = time.monotonic()
        self._label = "baselines"
        self._best = float("-inf")
        self._done = self._finished = 0
        self._left: float | None = None
        self._warned = False
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("evaluations"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(self._label, total=evaluations, left="")

    def __enter__(self) -> Self:
        self._bar.start()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        self._thread.join()
        self._bar.stop()

    def technique(self, name: str, trials: int) -> None:
        """A technique's search begins."""
        self._best = float("-inf")
        self._finished = 0
        self._label = f"{name}: 0 of {trials} trials"

    def measuring(self, name: str, what: str, evaluations: int) -> None:
        """A technique is measured again, on fresh seeds or other models."""
        self.plan(evaluations)
        self._label = f"{name}: {what}"
        self.say(f"{name}: {what}, {evaluations} evaluations")

    def say(self, line: str) -> None:
        """A line that stays."""
        self._console.print(line, highlight=False, soft_wrap=True)

    def plan(self, evaluations: int) -> None:
        """So many more evaluations are needed; fewer where negative."""
        self._planned += evaluations

    def trial(self, name: str, number: int, trials: int, trial: Trial) -> None:
        """A trial of it is done."""
        self._best = max(self._best, trial.aggregate.value)
        self._finished += 1
        self._label = f"{name}: {self._finished} of {trials} trials, {self._best_text()}"
        outcome = trial.aggregate
        self.plan(-trial.skipped)
        value = f"{outcome.value:+.3f}%" if outcome.feasible else "-inf"
        self._refresh()
        self.say(
            f"{name} trial {number} ({self._finished} of {trials}): A {value} "
            f"({_mean_text(trial)}, R {outcome.regression_rate:.2f}), {self._best_text()}; "
            f"{self._done}/{self._total} evaluations{self._left_text()}"
        )

    def _best_text(self) -> str:
        return f"best A {self._best:+.3f}%" if self._best > float("-inf") else "none feasible yet"

    def _left_text(self) -> str:
        if self._left is None:
            return ""
        minutes, seconds = divmod(round(self._left), 60)
        return f", {minutes}:{seconds:02d} left"

    def _follow(self) -> None:
        # Whoever waits for the dispatcher says that it died.
        with suppress(RayActorError):
            while not self._stopped.wait(POLL_SECONDS):
                self._refresh()

    def _refresh(self) -> None:
        progress = ray.get(self._dispatcher.progress.remote())
        self._done = progress.done
        # A cancelled evaluation may have ended all the same.
        self._total = max(self._planned + progress.baselines, self._done)
        if progress.waiting and not self._warned:
            if time.monotonic() - self._started > PATIENCE_SECONDS:
                self._warned = True
                self._console.print(
                    "waiting for workers: they are starting, or the cluster's CPUs are in use"
                )
            return
        if progress.fresh:
            elapsed = time.monotonic() - self._started
            self._left = elapsed / progress.fresh * max(self._total - progress.done, 0)
        self._bar.update(
            self._task,
            completed=self._done,
            total=self._total,
            description=self._label,
            left=self._left_text().removeprefix(", "),
        )


def _mean_text(trial: Trial) -> str:
    if trial.skipped:
        return f"rejected early, {trial.skipped} of {len(trial.outcomes)} models not evaluated"
    return f"mu {trial.aggregate.mean:+.3f}%"
