"""The back-test (§3.3.2): versions against their parents, on samples of models, in one run."""

from collections.abc import Generator, Mapping, Sequence
from itertools import chain, product
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rich.console import Console

from smt.command_line import open_console
from smt.data import Log
from smt.errors import InputError
from smt.execution.ledger import claim_run
from smt.execution.resources import Resources, check_resources
from smt.execution.run import log_digests, open_run, plan_run
from smt.mmo.progress import Display
from smt.storage import Folder
from smt.template.named_files import FileDigests
from smt.template.serving_budget import ServingBudget
from smt.template_iteration.candidate import Candidate, StoredVersion
from smt.template_iteration.decide_versions import (
    Outcome,
    count_costs,
    decide_versions,
    worth_training,
)
from smt.template_iteration.sample_training import SampleTraining


def backtest(
    entries: Sequence[Candidate | StoredVersion],
    logs: dict[str, Log],
    *,
    budget: ServingBudget | None = None,
    seeds: Sequence[int],
    out: str | Path,
    known_by: Mapping[str, Any] = MappingProxyType({}),
    resources: Resources | None = None,
    resume: bool = False,
    console: Console | None = None,
) -> Generator[Outcome, None, None]:
    """Count what the fleet's networks cost, then train the samples of all versions at once, on Ray.

    One run trains the models of all candidates under their versions and parents; then each is
    kept or refused by its own evidence, beside those before it that are kept. A version that
    breaks a limit of serving is not trained. One that is not kept is tried again without each of
    its techniques: counted where a limit is broken, else trained on the same models with the same
    seeds. Every finished evaluation is under `out` before it counts. After an interruption,
    `resume` goes on and ends with the numbers of an undisturbed run.

    Args:
        entries: In the order in which they are decided; no model is in two fleets.
        logs: Of the candidates' models, as `smt.fleet.open_logs` returns them.
        budget: What the whole fleet may cost to serve; nobody asks where None.
        known_by: Plain data by which the run is known too, besides what it trains.
        resources: What the back-test may take of the cluster; all that there is where None.

    Yields:
        Each candidate once it is decided, with what it came to. The run ends with the iterator:
        close it.

    Raises:
        InputError: Something asked for is impossible.
        StoppedError: The run cannot go on; what is finished is kept.
    """
    if not seeds or len(set(seeds)) < len(seeds):
        raise InputError(f"seeds are {list(seeds)}; at least one is needed, each once")
    resources = check_resources(resources)
    console = console or open_console()
    candidates = [entry for entry in entries if isinstance(entry, Candidate)]
    count = sum(len(candidate.fleet) for candidate in candidates)
    console.print(f"counting what the fleet's {count} models cost to serve", highlight=False)
    counted = count_costs(entries, budget)
    trained = worth_training(counted)
    digests = log_digests([*chain(*(candidate.models for candidate in candidates))], logs)
    files, folder, every = FileDigests(), Folder(out), tuple(seeds)
    identity = {**known_by, "seeds": [*every]}
    for candidate in candidates:
        identity |= candidate.identity(digests, files.of(*candidate.templates))
    if not trained:
        with claim_run(folder, identity, resume=resume):
            yield from decide_versions(counted, None, every)
        return
    trainings = chain(*(product(each.models, each.templates) for each in trained))
    planned = plan_run([*trainings], logs, resources)
    with open_run(planned, folder, identity, resume=resume, console=console) as run:
        parents = {model.name: each.parent for each in trained for model in each.models}
        dispatcher = run.start_dispatcher(parents)
        named = files.of(*chain(*(each.templates for each in trained)))
        with Display(console, dispatcher, evaluations=0) as display:
            training = SampleTraining(every, digests, named, dispatcher, display)
            yield from decide_versions(counted, training, every)
