"""A Tune trial: one θ of one technique, fanned out over the representative models."""

from typing import Any

import ray
from ray import tune


def run_trial(config: dict[str, Any], dispatcher: Any) -> None:
    """Evaluate the tasks of the trial through the dispatcher and report what was found."""
    evaluations = ray.get(dispatcher.trial.remote(config["tasks"], config["rejection"]))
    tune.report({"evaluations": evaluations})
