"""A process that trains one ranking model: some steps whenever it reads a line, then their time.

Run by `training.py`, under the build on PYTHONPATH; only names that earlier builds have too.
"""

import inspect
import json
import sys
import time
from itertools import islice
from types import SimpleNamespace
from typing import Any

import torch

from smt.fleet import ModelSpec, model_columns
from smt.fleet.logs import open_source
from smt.template import load_version
from smt.training.course import start_course
from smt.training.enrich import enrich_log
from smt.training.workers import LOCAL


def main(path: str, name: str, number: str, event: str, steps: int, rounds: int) -> None:
    """Print each step's loss once, then the CPU seconds of every round."""
    torch.set_num_threads(1)
    opened = open_source(path)
    model = ModelSpec(
        name=event,
        stage="ranking",
        events=(event,),
        surface="all",
        data_constraint="full",
        log=path,
        features=opened.schema.features,
    )
    log = opened.load(model_columns(model, opened.schema))
    template = load_version(name, int(number)).for_model(model)
    model, log = enrich_log(template, model, log)
    # An older build is given the log itself.
    rows = "rows" in inspect.signature(start_course).parameters
    source: Any = SimpleNamespace(log=log, history=None) if rows else log
    course = start_course(template, model, source, seed=0, workers=LOCAL)
    examples = list(islice(course.examples, steps * rounds))
    for turn, _ in enumerate(sys.stdin):
        losses, started = [], time.thread_time()
        for step in range(turn * steps, (turn + 1) * steps):
            batch, labels, weights = examples[step]
            logits = course.learner.step(step, batch, labels, weights)
            losses.append((logits, labels))
        seconds = time.thread_time() - started
        means = [
            float(torch.nn.functional.binary_cross_entropy_with_logits(*pair)) for pair in losses
        ]
        print(json.dumps({"seconds": seconds, "losses": means}), flush=True)


if __name__ == "__main__":
    path, name, number, event, steps, rounds = sys.argv[1:]
    main(path, name, number, event, int(steps), int(rounds))
