"""A Tune trial: one θ of one technique, fanned out over the representative models."""

from typing import Any

import ray
from ray import tune
from ray.exceptions import RayTaskError

from smt.errors import InputError, StoppedError


def run_trial(config: dict[str, Any], dispatcher: Any) -> None:
    """Evaluate the tasks of the trial through the dispatcher and report what was found.

    Where the run cannot go on, it reports why: another try would not help.
    """
    try:
        evaluations = ray.get(dispatcher.trial.remote(config["tasks"], config["settling"]))
    except RayTaskError as error:
        if not isinstance(error.cause, InputError | StoppedError):
            raise
        tune.report({"stopped": str(error.cause)})
    else:
        tune.report({"evaluations": evaluations})
