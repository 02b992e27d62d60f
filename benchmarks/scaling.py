"""How orchestration scales: evaluations that sleep, on simulated nodes of one machine.

A launch's path first, as `instantiate` takes it, at each number of workers. Its queue always holds
the whole fleet; smaller sizes end after `--steady-s` seconds with every worker at work, the largest
once its queue is empty. Workers return the record of a model that one of them really trained, with
`--files` its files too; the driver writes them. Then a search's path, by the dispatcher and the
ledger, at the largest size; both once more with evaluations of no length, for the most that one
driver can do; and what a driver does for the fleet beside evaluations. Nodes, of sixteen workers,
are Ray's (`ray.cluster_utils`); all share this machine's cores.

Prints a JSON line last:

  efficiency_W               share of W workers' time that they slept, while all were at work
  whole_efficiency           the same at the largest size, from call to end: workers' start included
  start_s                    seconds until all of them were at work
  driver_ms_per_evaluation   CPU time of the driver's process at the largest size
  record_ms                  wall time of writing one model's files there
  driver_peak_mib            its resident memory, at the highest
  driver_per_s               evaluations a second that one driver gets done, of no length
  search_efficiency          as efficiency_W, of the search at the largest size
  dispatcher_ms_per_evaluation, dispatcher_peak_mib, dispatcher_per_s
                             as the driver's, of the search's dispatcher
  ledger_files, ledger_list_s, ledger_read_s
                             of the ledger that the search left
  fleet_s                    CPU seconds a step of what the driver does for the fleet, by step
  report_mib                 size of report.html
"""

import json
import logging
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import ray
from ray.cluster_utils import Cluster
from rich.table import Table
from scaling_driver import driver_costs
from scaling_figure import write_figure
from scaling_fleet import TEMPLATE, make_jobs, make_sample, write_fleet
from scaling_launch import MIB, Scaling, measure_launch
from scaling_search import SearchScaling, measure_search

from smt.command_line import open_console, run
from smt.fleet import load_fleet, open_logs
from smt.model_iteration.make import Made
from smt.storage import Folder
from smt.template import catalogue

NODE_WORKERS = 16
REPRESENTATIVES = 20
# Of evaluations of no length: enough to keep a driver busy, and few enough to leave it a core.
CEILING_WORKERS = 16
# The head's object store counts as the driver's memory once it is used.
HEAD_STORE, NODE_STORE = 256 * MIB, 128 * MIB


@dataclass(frozen=True)
class Config:
    """Size of the measurement. Takes 20 minutes, 12 GB of memory, with files 14 GB of disk.

    Attributes:
        models: Of the fleet: the evaluations at the largest size.
        workers: Sizes, ascending.
        seconds: That an evaluation sleeps.
        steady_s: Seconds that every size but the largest is measured.
        ceiling_s: Seconds that evaluations of no length are.
        search_evaluations: Of the search's path.
        files: Workers return 1.3 MB of files with a record; the record alone by default.
        figure: HTML file to draw efficiency against workers into; none by default.
    """

    models: int = 10_000
    workers: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    seconds: float = 2.0
    steady_s: float = 30.0
    ceiling_s: float = 20.0
    search_evaluations: int = 2_000
    files: bool = False
    figure: Path | None = None


class Nodes:
    """A cluster whose head runs no evaluation, and which grows."""

    def __init__(self) -> None:
        head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": HEAD_STORE}
        self._cluster = Cluster(initialize_head=True, head_node_args=head)
        self._workers = 0
        ray.init(self._cluster.address, log_to_driver=False, logging_level=logging.ERROR)

    def grow(self, workers: int) -> None:
        """Add nodes until there is room for so many workers."""
        while self._workers < workers:
            self._cluster.add_node(num_cpus=NODE_WORKERS, object_store_memory=NODE_STORE)
            self._workers += NODE_WORKERS

    def end(self) -> None:
        """Disconnect and stop them all."""
        ray.shutdown()
        self._cluster.shutdown()


@dataclass(frozen=True)
class Launches:
    """The launch at every size, and once more with evaluations of no length."""

    sizes: list[Scaling]
    ceiling: Scaling
    sample: Made


def measure_launches(config: Config, fleet_file: Path, scratch: Path, nodes: Nodes) -> Launches:
    """Launch the fleet again and again, at growing sizes."""
    fleet = load_fleet(fleet_file)
    logs = open_logs(fleet.models)
    jobs = list(make_jobs(fleet, logs).values())
    nodes.grow(1)
    sample = make_sample(jobs[0], logs)
    if not config.files:
        sample = Made(sample.evidence, {})

    def measure(workers: int, seconds: float, steady_s: float | None) -> Scaling:
        nodes.grow(workers)
        folder = Folder(scratch / "launch")
        scaling = measure_launch(
            jobs, sample, folder, workers=workers, seconds=seconds, steady_s=steady_s
        )
        shutil.rmtree(scratch / "launch")
        return scaling

    *smaller, largest = config.workers
    sizes = [measure(workers, config.seconds, config.steady_s) for workers in smaller]
    sizes.append(measure(largest, config.seconds, None))
    ceiling = measure(min(largest, CEILING_WORKERS), 0.0, config.ceiling_s)
    return Launches(sizes, ceiling, sample)


def measure_searches(
    config: Config, fleet_file: Path, scratch: Path, nodes: Nodes
) -> tuple[SearchScaling, SearchScaling]:
    """The search at the largest size, and with evaluations of no length."""
    models = list(load_fleet(fleet_file).models[:REPRESENTATIVES])
    largest = config.workers[-1]
    nodes.grow(largest)
    sizes = (largest, config.seconds), (min(largest, CEILING_WORKERS), 0.0)
    slept, ceiling = (
        measure_search(
            models,
            catalogue[TEMPLATE],
            str(scratch / f"search-{seconds:g}"),
            evaluations=config.search_evaluations,
            workers=workers,
            seconds=seconds,
        )
        for workers, seconds in sizes
    )
    return slept, ceiling


def scaling_table(launches: Launches) -> Table:
    """A row a size."""
    table = Table(title="a launch whose models sleep")
    columns = (
        ("workers", "{workers}"),
        ("evaluations", "{evaluations:,}"),
        ("start, s", "{start_s:.1f}"),
        ("efficiency", "{efficiency:.1%}"),
        ("with the start", "{whole_efficiency:.1%}"),
        ("a second", "{rate:.1f}"),
        ("driver CPU, ms", "{driver_ms:.1f}"),
        ("writing, ms", "{record_ms:.1f}"),
        ("driver peak, MiB", "{peak_mib:.0f}"),
    )
    for title, _ in columns:
        table.add_column(title, justify="right")
    for size in (*launches.sizes, launches.ceiling):
        table.add_row(*(form.format(**asdict(size)) for _, form in columns))
    table.caption = "last row: evaluations of no length"
    return table


def main(config: Config) -> None:
    """Measure, draw, print."""
    console = open_console()
    nodes = Nodes()
    with tempfile.TemporaryDirectory(prefix="smt-scaling-") as folder:
        scratch = Path(folder)
        fleet_file = scratch / "fleet.yaml"
        write_fleet(fleet_file, config.models)
        try:
            launches = measure_launches(config, fleet_file, scratch, nodes)
            console.print(scaling_table(launches))
            slept, search_ceiling = measure_searches(config, fleet_file, scratch, nodes)
        finally:
            nodes.end()
        costs, report_bytes = driver_costs(fleet_file, launches.sample.evidence, scratch / "costs")
    largest = launches.sizes[-1]
    figures = {
        **{f"efficiency_{size.workers}": round(size.efficiency, 4) for size in launches.sizes},
        "whole_efficiency": round(largest.whole_efficiency, 4),
        "start_s": round(largest.start_s, 1),
        "evaluations": largest.evaluations,
        "driver_ms_per_evaluation": round(largest.driver_ms, 2),
        "record_ms": round(largest.record_ms, 2),
        "driver_peak_mib": round(max(size.peak_mib for size in launches.sizes)),
        "driver_per_s": round(launches.ceiling.rate, 1),
        "search_efficiency": round(slept.efficiency, 4),
        "dispatcher_ms_per_evaluation": round(slept.dispatcher_ms, 2),
        "dispatcher_peak_mib": round(slept.peak_mib),
        "dispatcher_per_s": round(search_ceiling.rate, 1),
        "ledger_files": slept.evaluations,
        "ledger_list_s": round(slept.list_s, 3),
        "ledger_read_s": round(slept.read_s, 3),
        "fleet_s": {step: round(seconds, 2) for step, seconds in costs.items()},
        "report_mib": round(report_bytes / MIB, 1),
    }
    if config.figure is not None:
        write_figure(launches.sizes, figures, config.figure)
    print(json.dumps(figures))


if __name__ == "__main__":
    run(main, Config)
