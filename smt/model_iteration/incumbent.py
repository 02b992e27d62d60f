"""What serves today where that is no template, as workers get it."""

from collections.abc import Mapping, Sequence
from typing import Any

import ray

from smt.data import Log
from smt.data.dictionaries import open_dictionaries
from smt.data.sources.outside_scores import (
    check_outside_scores,
    read_outside_scores,
)
from smt.data.sources.raw_rows import Codings
from smt.errors import InputError
from smt.fleet import ModelSpec, log_folder, log_name
from smt.fleet.incumbent import Checkpoint, Outside, Predictions
from smt.model_iteration.compare import Held
from smt.model_iteration.instance import Job
from smt.model_iteration.launched_network import CHECKPOINT, NETWORK, read_network, read_record
from smt.template.named_files import named_files


def incumbent_files(incumbent: Outside | None) -> tuple[str, ...]:
    """Paths or URIs of all that an incumbent's judgement depends on.

    Raises:
        InputError: It is no folder of a launched model.
    """
    if incumbent is None:
        return ()
    if isinstance(incumbent, Predictions):
        return (incumbent.predictions,)
    folder = incumbent.checkpoint
    own = (f"{folder}/{NETWORK}", f"{folder}/{CHECKPOINT}")
    return (*own, *named_files(read_record(folder).template))


def check_incumbents(
    incumbents: Sequence[tuple[ModelSpec, Outside | None]], logs: Mapping[str, Log]
) -> None:
    """Check what can be told of models' incumbents without a row and a weight.

    Args:
        logs: By `log_name`.

    Raises:
        InputError: Predictions are not there, or lack a column; or there is no network, or one
            whose features and events are not the model's, as its log has them.
    """
    for model, incumbent in incumbents:
        try:
            if incumbent is not None:
                _check(incumbent, model, logs[log_name(model.log)])
        except InputError as error:
            raise InputError(f"the incumbent of model '{model.name}': {error}") from None


def _check(incumbent: Outside, model: ModelSpec, log: Log) -> None:
    if isinstance(incumbent, Predictions):
        columns = incumbent.columns(model.events)
        check_outside_scores(incumbent.predictions, incumbent.on, columns)
        return
    why = read_record(incumbent.checkpoint).misfit(model, log)
    if why is not None:
        raise InputError(f"{incumbent.checkpoint}: {why}")


def share_incumbents(
    jobs: Sequence[Job], logs: Mapping[str, Log]
) -> tuple[dict[str, list[Any]], dict[str, str]]:
    """Put incumbents where all workers of the cluster can read them, alike ones once.

    Args:
        jobs: Some of which have incumbents that are no templates.
        logs: By `log_name`.

    Returns:
        By model, a boxed object reference of what `read_incumbent` gives; and why those of others
        cannot be read.
    """
    shared: dict[str, list[Any]] = {}
    refused: dict[str, str] = {}
    known: dict[tuple[object, ...], list[Any]] = {}
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


def read_incumbent(job: Job, log: Log) -> Held:
    """What a model is compared with. Raises as `read_outside_scores` and `read_network`."""
    asked, folder = job.incumbent, log_folder(job.model.log)
    assert asked is not None
    if isinstance(asked, Checkpoint):
        return read_network(asked.checkpoint)
    # Workers may not see the log's files, and send what they say to people.
    needed = {log.schema.ids_of(name) for name in asked.on}
    every = {} if folder is None else open_dictionaries(folder)
    known = {name: dictionary for name, dictionary in every.items() if name in needed}
    columns = asked.columns(job.model.events)
    codings = Codings(log.schema, log.reading, known)
    return read_outside_scores(asked.predictions, asked.on, columns, codings)
