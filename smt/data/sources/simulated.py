"""The simulator's log as a source, with the NE that no model can beat in its report."""

from dataclasses import asdict

import pyarrow as pa

from smt.data.simulator import Simulator, SimulatorSpec
from smt.data.sources import Source


def read_simulated(spec: SimulatorSpec) -> Source:
    """Draw the log of a spec; split at the spec's `test_share`, the report's NE holds."""
    simulator = Simulator(spec)
    log = simulator.log()
    return Source(
        schema=log.schema,
        rows=pa.concat_tables([log.train, log.test]).combine_chunks(),
        # Impressions of one moment are drawn one after the other, before their labels are.
        ordered=True,
        report={
            "source": "simulator",
            "spec": spec.to_dict(),
            "bayes_ne": [asdict(entry) for entry in simulator.bayes_ne(log)],
        },
    )
