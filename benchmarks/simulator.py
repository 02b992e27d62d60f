"""How fast the simulator makes a log, sequences included. Prints a JSON line last."""

import json
import time
from dataclasses import dataclass

from smt.command_line import run
from smt.data.simulator import Simulator, SimulatorSpec


@dataclass(frozen=True)
class Config:
    """Rows of the log."""

    rows: int = 1_000_000


def main(config: Config) -> None:
    """Make one log and print its rows and seconds of CPU time and of wall time."""
    wall, cpu = time.perf_counter(), time.process_time()
    log = Simulator(SimulatorSpec(rows=config.rows)).log()
    figures = {
        "rows": log.train.num_rows + log.test.num_rows,
        "wall_s": round(time.perf_counter() - wall, 2),
        "cpu_s": round(time.process_time() - cpu, 2),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    run(main, Config)
