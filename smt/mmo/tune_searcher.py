"""Tune's side of a search: hands out trials, takes what they found."""

import json
import logging
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.search import Searcher

from smt.errors import StoppedError
from smt.execution.tune_trial import run_trial
from smt.search.trial import Proposal, Trial
from smt.space import Theta

TRIAL_MEMORY = 64 * 2**20
# A trial only waits; where its process or node dies, another goes on waiting.
TRIAL_RETRIES = 5


class FleetSearcher(Searcher):
    """A Tune searcher whose proposals do not depend on timing.

    Trial t is proposed once the trials up to t - `lag` are done, from their outcomes alone;
    of those after them only θ is used. `lag` trials run at a time, and the outcome of the
    search is the same whenever they end.
    """

    def __init__(
        self,
        *,
        trials: int,
        lag: int,
        propose: Callable[[int, list[Trial], list[Theta]], Proposal | str],
        configure: Callable[[int, Proposal], dict[str, Any]],
        conclude: Callable[[int, Theta, dict[str, Any]], Trial],
    ) -> None:
        """Set up a search.

        Args:
            propose: (number, finished trials, pending θ) -> what to try, or why the search ends.
            configure: (number, what to try) -> the config of the Tune trial.
            conclude: (number, θ, Tune's result) -> the finished trial.
        """
        super().__init__()
        self.finished: dict[int, Trial] = {}
        self.trials = trials
        self.lag = lag
        self._propose = propose
        self._configure = configure
        self._conclude = conclude
        self._thetas: list[Theta] = []
        self._numbers: dict[str, int] = {}
        self._closed = False
        self.ended: str | None = None
        self.stopped: str | None = None

    @property
    def lost(self) -> list[int]:
        """Numbers of the trials that were handed out and never came back."""
        return [n for n in range(len(self._thetas)) if n not in self.finished]

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """The config of the next trial; None while it is too early, FINISHED at the end."""
        number = len(self._thetas)
        if self._closed or number == self.trials:
            return str(Searcher.FINISHED)
        settled = max(number - self.lag + 1, 0)
        if any(earlier not in self.finished for earlier in range(settled)):
            return None
        proposal = self._propose(
            number, [self.finished[earlier] for earlier in range(settled)], self._thetas[settled:]
        )
        if isinstance(proposal, str):
            self._closed, self.ended = True, proposal
            return str(Searcher.FINISHED)
        self._thetas.append(proposal.theta)
        self._numbers[trial_id] = number
        return self._configure(number, proposal)

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Take a trial's result.

        Where Tune lost the trial, or it reports why the run cannot go on, no other begins; the
        caller of Tune raises it.
        """
        if result is None or error:
            self._closed = True
            return
        if "stopped" in result:
            self.stopped, self._closed = result["stopped"], True
            return
        number = self._numbers[trial_id]
        self.finished[number] = self._conclude(number, self._thetas[number], result)

    def __getstate__(self) -> dict[str, Any]:
        """For Tune, which pickles searchers to disk: the callbacks belong to this process."""
        return {**self.__dict__, "_propose": None, "_configure": None, "_conclude": None}

    def save(self, checkpoint_path: str) -> None:
        """Write the state as JSON, for Tune's own checkpoints."""
        finished = {number: trial.to_dict() for number, trial in self.finished.items()}
        state = {"thetas": self._thetas, "numbers": self._numbers, "finished": finished}
        Path(checkpoint_path).write_text(json.dumps(state))

    def restore(self, checkpoint_path: str) -> None:
        """Read what `save` wrote."""
        state = json.loads(Path(checkpoint_path).read_text())
        self._thetas, self._numbers = state["thetas"], state["numbers"]
        self.finished = {
            int(number): Trial.from_dict(trial) for number, trial in state["finished"].items()
        }


def run_tune(searcher: FleetSearcher, dispatcher: Any) -> None:
    """Try what the searcher hands out, by Ray Tune.

    Raises:
        StoppedError: A trial says why the run cannot go on, or Ray lost one.
    """
    # The ledger is the record; Tune's own logs and messages would only repeat it.
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    # A trial only waits, so it asks for a sliver of memory and leaves every CPU to training.
    waiting = tune.PlacementGroupFactory([{"memory": TRIAL_MEMORY}])
    with tempfile.TemporaryDirectory(prefix="smt-tune-") as scratch:
        tuner = tune.Tuner(
            tune.with_resources(tune.with_parameters(run_trial, dispatcher=dispatcher), waiting),
            tune_config=tune.TuneConfig(
                search_alg=searcher,
                num_samples=searcher.trials,
                max_concurrent_trials=searcher.lag,
                reuse_actors=True,
                trial_dirname_creator=lambda trial: str(trial.trial_id),
            ),
            run_config=tune.RunConfig(
                storage_path=scratch,
                verbose=0,
                failure_config=tune.FailureConfig(max_failures=TRIAL_RETRIES),
            ),
        )
        tuner.fit()
    if searcher.stopped is not None:
        raise StoppedError(searcher.stopped)
    if lost := searcher.lost:
        raise StoppedError(f"Ray Tune lost trials {lost}; go on with --resume")
