"""What serves today where that is no template, as workers get it."""

from collections.abc import Mapping, Sequence
from typing import Any

import ray

from smt.data import Log
from smt.data.dictionaries import open_dictionaries
from smt.data.sources.outside_scores import (
    OutsideScores,
    check_outside_scores,
    read_outside_scores,
)
from smt.data.sources.raw_rows import Codings
from smt.errors import InputError
from smt.fleet import log_folder
from smt.model_iteration.instance import Job


def check_incumbents(jobs: Sequence[Job]) -> None:
    """Raise `InputError` for predictions that are not there, or lack a column; no row is read."""
    for job in jobs:
        if job.incumbent is None:
            continue
        try:
            columns = job.incumbent.columns(job.model.events)
            check_outside_scores(job.incumbent.predictions, job.incumbent.on, columns)
        except InputError as error:
            raise InputError(f"the incumbent of model '{job.model.name}': {error}") from None


def share_incumbents(
    jobs: Sequence[Job], logs: Mapping[str, Log]
) -> tuple[dict[str, list[Any]], dict[str, str]]:
    """Put predictions where all workers of the cluster can read them, alike ones once.

    Args:
        jobs: Some of which have predictions to be compared with.
        logs: By `log_name`.

    Returns:
        By model, a boxed object reference of its `OutsideScores`, of those that have any; and why
        those of others cannot be read.
    """
    shared: dict[str, list[Any]] = {}
    refused: dict[str, str] = {}
    known: dict[tuple[str, str, tuple[str, ...]], list[Any]] = {}
    for job in jobs:
        if job.incumbent is None:
            continue
        alike = (job.log, job.incumbent.digest(), job.model.events)
        try:
            if alike not in known:
                known[alike] = [ray.put(read_incumbent(job, logs[job.log]))]
            shared[job.model.name] = known[alike]
        except InputError as error:
            refused[job.model.name] = f"its incumbent: {error}"
    return shared, refused


def read_incumbent(job: Job, log: Log) -> OutsideScores:
    """The predictions that a model is compared with. Raises as `read_outside_scores`."""
    asked, folder = job.incumbent, log_folder(job.model.log)
    assert asked is not None
    # Workers may not see the log's files, and send what they say to people.
    needed = {log.schema.ids_of(name) for name in asked.on}
    every = {} if folder is None else open_dictionaries(folder)
    known = {name: dictionary for name, dictionary in every.items() if name in needed}
    columns = asked.columns(job.model.events)
    codings = Codings(log.schema, log.reading, known)
    return read_outside_scores(asked.predictions, asked.on, columns, codings)
