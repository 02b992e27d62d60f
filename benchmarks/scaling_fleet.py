"""A fleet as large as one likes: the shipped one many times over, on a small simulated log."""

from pathlib import Path

import ray

from smt.data import Log
from smt.data.simulator import SimulatorSpec
from smt.execution.attempts import Lost
from smt.execution.resident import run_on_residents
from smt.fleet import Fleet, SimulatedLog, load_logs, log_name
from smt.fleet.fleet_file import FleetFile
from smt.model_iteration.instance import Job
from smt.model_iteration.make import Made, make_instance
from smt.template import catalogue

SHIPPED = Path(__file__).parents[1] / "experiments" / "fleets" / "simulated.yaml"
TEMPLATE = "sparsenn_small"
ROWS = 20_000
COMMON = {"view", "long_view", "click"}
"""Events that happen often enough in so few rows."""


def write_fleet(path: Path, models: int) -> None:
    """Write the YAML of a fleet of so many models."""
    shipped = FleetFile.load(SHIPPED)
    kept = [
        entry
        for entry in shipped.models
        if shipped.surfaces[entry.surface].log is None and {*entry.events} <= COMMON
    ]
    entries = [kept[number % len(kept)] for number in range(models)]
    named = tuple(
        entry.model_copy(update={"name": f"{entry.name}/{number}"})
        for number, entry in enumerate(entries)
    )
    log = SimulatedLog(simulator=SimulatorSpec(rows=ROWS))
    shipped.model_copy(update={"models": named, "log": log}).dump(path)


def make_jobs(fleet: Fleet, logs: dict[str, Log]) -> dict[str, Job]:
    """What `instantiate` makes of a fleet, by model."""
    template = catalogue[TEMPLATE]
    return {
        model.name: Job(
            template=template,
            version=1,
            baseline=template,
            model=model,
            seed=0,
            log_digest=logs[log_name(model.log)].digest,
        )
        for model in fleet.models
    }


def make_sample(job: Job, logs: dict[str, Log]) -> Made:
    """Really train and export one model, on a resident worker.

    Raises:
        RuntimeError: It could not ship, and so lacks files.
    """
    log = ray.put(load_logs(logs, [job.model])[job.log])
    made: Made | Lost
    [(_, made)] = run_on_residents(make_instance, [(job, [log])], workers=1)
    if isinstance(made, Lost) or made.evidence.finding != "could ship":
        raise RuntimeError(f"the sample could not ship: {made}")
    return made
