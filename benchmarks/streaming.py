"""Training from a log on disk that is larger than memory should be. Prints a JSON line last.

Writes a log of `gib` GiB of Parquet to `out`, where there is none yet: the training window of
one simulated log again and again. Every measurement is a process of its own, and the files are
dropped from the page cache before those from disk. It prints:

  peak_mib        most resident memory while SparseNN Small trains on the last `rows` rows of the
                  log and predicts its test window; the bar is 2048
  waiting         share of the training loop's time between asking for a batch and having it,
                  conversion to tensors included; the bar is 0.05
  waiting_memory  the same where the rows are in memory
  disk_per_s      examples a second of the training loop, from disk
  memory_per_s    the same from memory
  open_s          seconds before the first batch is asked for: all rows' labels are counted
  read_per_s      rows a second where the whole training window is read and nothing trained
  read_peak_mib   most resident memory then
"""

import json
import math
import os
import resource
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch

from smt.command_line import run
from smt.data import Log, open_log, read_batches, write_log
from smt.data.log import ROW_GROUP_ROWS
from smt.data.records import read_records
from smt.data.simulator import Simulator, SimulatorSpec
from smt.fleet import ModelSpec
from smt.template import Template, catalogue
from smt.training.course import start_course
from smt.training.judged_rows import JudgedRows
from smt.training.predict import EVALUATION_BATCH, judge, predict
from smt.training.workers import LOCAL

GIB = 2**30


@dataclass(frozen=True)
class Config:
    """Where the log is, and how much of it is used.

    Attributes:
        out: Folder of the log; it stays, for the next time.
        gib: Parquet files of the training window.
        rows: Examples trained on, the last of the window.
        part_rows: Rows of the simulated log of which the big one is made.
        event: What the model predicts.
    """

    out: Path
    gib: float = 8.0
    rows: int = 400_000
    part_rows: int = 500_000
    event: str = "click"


def write_big_log(config: Config) -> None:
    """Write one part, and copy its file until there are enough."""
    spec = SimulatorSpec(rows=config.part_rows, num_users=200_000, num_items=100_000)
    part = Simulator(spec).log()
    draft = config.out.with_name(f"{config.out.name}.partial")
    write_log(draft, part.schema, part.train, part.test)
    first = draft / "train" / "part-0.parquet"
    for number in range(1, math.ceil(config.gib * GIB / first.stat().st_size)):
        shutil.copyfile(first, draft / "train" / f"part-{number}.parquet")
    draft.rename(config.out)


def train_from_disk(config: Config) -> dict[str, float]:
    """What training costs, and how much memory it takes at most."""
    figures = _train(config, open_log(config.out))
    return {
        "peak_mib": _peak_mib(),
        "waiting": figures["waiting"],
        "disk_per_s": figures["per_s"],
        "open_s": figures["open_s"],
    }


def train_from_memory(config: Config) -> dict[str, float]:
    """The same of the same rows, read beforehand."""
    log = open_log(config.out)
    columns = log.train.schema.names
    skip = log.train.count_rows() - config.rows
    last = pa.Table.from_batches(read_records(log.train, columns, size=ROW_GROUP_ROWS, skip=skip))
    figures = _train(config, replace(log, train=last.combine_chunks(), test=log.test.to_table()))
    return {"waiting_memory": figures["waiting"], "memory_per_s": figures["per_s"]}


def read_all(config: Config) -> dict[str, float]:
    """Batches of the whole training window, with nothing done to them."""
    log, model = open_log(config.out), _model(config, open_log(config.out))
    started, rows = time.perf_counter(), 0
    for batch in read_batches(
        log.train,
        log.schema,
        features=model.features,
        events=model.events,
        batch_size=EVALUATION_BATCH,
    ):
        rows += len(batch)
    seconds = time.perf_counter() - started
    return {"rows": rows, "read_per_s": rows / seconds, "read_peak_mib": _peak_mib()}


def _train(config: Config, log: Log) -> dict[str, float]:
    torch.set_num_threads(1)
    started = time.perf_counter()
    test_window = JudgedRows(log, None)
    course = start_course(
        _template(config), _model(config, log), test_window, seed=0, workers=LOCAL
    )
    opened = time.perf_counter()
    waiting, step, rows = 0.0, 0, 0
    while True:
        asked = time.perf_counter()
        example = next(course.examples, None)
        waiting += time.perf_counter() - asked
        if example is None:
            break
        course.learner.step(step, *example)
        step, rows = step + 1, rows + len(example[0])
    seconds = time.perf_counter() - opened
    predictions = predict(
        course.learner.finish(),
        course.network,
        course.windows,
        course.correction,
        torch.device("cpu"),
    )
    judge(predictions, course.windows.backgrounds(course.network.events))
    return {"waiting": waiting / seconds, "per_s": rows / seconds, "open_s": opened - started}


def _template(config: Config) -> Template:
    return catalogue["sparsenn_small"].change("data", train_rows=config.rows)


def _model(config: Config, log: Log) -> ModelSpec:
    return ModelSpec(
        name=config.event,
        stage="ranking",
        events=(config.event,),
        surface="all",
        data_constraint="full",
        log=str(config.out),
        features=log.schema.features,
    )


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _uncached(log: Path) -> None:
    """Ask the kernel to forget what it has of the files."""
    for file in log.glob("*/*.parquet"):
        descriptor = os.open(file, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def _alone(measure: Callable[[Config], Any], config: Config) -> Any:
    """The result of a function that has a process for itself."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, config).result()


def main(config: Config) -> None:
    """Measure and print."""
    if not config.out.exists():
        print(f"writing {config.gib:g} GiB to {config.out}", flush=True)
        _alone(write_big_log, config)
    size = sum(file.stat().st_size for file in config.out.glob("train/*.parquet"))
    figures: dict[str, float] = {"gib": size / GIB}
    for measure in (train_from_disk, train_from_memory, read_all):
        _uncached(config.out)
        measured = _alone(measure, config)
        print(f"{measure.__name__}: {measured}", flush=True)
        figures |= measured
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))


if __name__ == "__main__":
    run(main, Config)
