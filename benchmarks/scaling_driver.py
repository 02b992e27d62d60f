"""What a driver does for a whole fleet that is no evaluation: before, after, and to resume."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scaling_fleet import TEMPLATE, make_jobs

from smt.fleet import load_fleet, load_logs, open_logs
from smt.model_iteration import LaunchSettings, decide, launch_fleet
from smt.model_iteration.instance import Evidence
from smt.model_iteration.instantiate import in_order
from smt.model_iteration.make import Made
from smt.model_iteration.model_files import find_made, write_decided, write_made
from smt.model_iteration.record import save_instances
from smt.report.pages.launch import write_instances_report
from smt.storage import Folder


def driver_costs(fleet_file: Path, sample: Evidence, out: Path) -> tuple[dict[str, float], int]:
    """CPU seconds a step, and the bytes of the report.

    Args:
        sample: The evidence of a model, which all models get.
        out: Folder for the records, a file a model.
    """
    seconds: dict[str, float] = {}

    @contextmanager
    def timed(step: str) -> Iterator[None]:
        begun = time.process_time()
        yield
        seconds[step] = time.process_time() - begun

    folder = Folder(out)
    with timed("read the fleet file"):
        fleet = load_fleet(fleet_file)
    with timed("open the log, check every model"):
        logs = open_logs(fleet.models)
    with timed("make the jobs"):
        jobs = make_jobs(fleet, logs)
    with timed("put them in order"):
        in_order(list(jobs.values()), logs)
    with timed("load the log"):
        load_logs(logs, fleet.models)
    with timed("write the evidence"):
        for name, job in jobs.items():
            evidence = sample.model_copy(update={"model": name, "key": job.key})
            write_made(job, Made(evidence, {}), folder)
    with timed("resume: find the evidence"):
        done = dict(find_made(folder, jobs.values()))
    if len(done) != len(jobs):
        raise RuntimeError(f"{len(done)} of {len(jobs)} models were found again")
    launch = launch_fleet(fleet, TEMPLATE)
    with timed("decide"):
        instances = decide(fleet.models, [done[name] for name in jobs], LaunchSettings())
    with timed("write the records"):
        for instance in instances:
            write_decided(instance, folder)
    with timed("write models.parquet and result.json"):
        save_instances(instances, fleet, launch, LaunchSettings(), folder)
    with timed("write the report"):
        write_instances_report(folder)
    return seconds, (out / "report.html").stat().st_size
