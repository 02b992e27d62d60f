"""Tasks of the tiny fleet's models, for a dispatcher without a driver."""

from contextlib import contextmanager

import ray
from plain_templates import PLAIN

from smt.execution.dispatcher import start_dispatcher
from smt.execution.evaluation import Task

TEMPLATE = PLAIN["sparsenn_small"]


def task(model, template=TEMPLATE, **fields):
    return Task(template=template, model=model, seed=3, log_digest="log", **fields)


def numbers(evaluation):
    return {key: value for key, value in evaluation.items() if key != "seconds"}


@contextmanager
def dispatcher(folder, logs, capacity, *, limit_s=None):
    """One as long as it is needed, and its workers; all CPUs are free again after it."""
    baselines = f"{folder}/baselines"
    templates = dict.fromkeys(("view-all", "click-retrieval", "view-feed"), TEMPLATE)
    started = start_dispatcher(str(folder), baselines, templates, logs, capacity, limit_s=limit_s)
    try:
        yield started
    finally:
        ray.get(started.stop.remote())
        ray.kill(started)
