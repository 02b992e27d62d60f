"""A Tune trial: one θ of one technique, fanned out over the representative models."""

from typing import Any

import ray
from ray import tune


def run_trial(config: dict[str, Any], dispatcher: Any) -> None:
    """Evaluate every task of the trial through the dispatcher and report what was found."""
    evaluations = ray.get([dispatcher.evaluate.remote(task) for task in config["tasks"]])
    tune.report({"evaluations": evaluations})
