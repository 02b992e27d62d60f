"""What two launches are compared by."""

import pyarrow.parquet as pq
import torch
from safetensors.torch import load_file

# Of a row of models.parquet: what the machine's speed changes.
MEASURED = ("latency_ms", "baseline_latency_ms", "seconds", "device_hours")


def rows_of(out):
    rows = pq.read_table(out / "models.parquet").to_pylist()
    return [{key: value for key, value in row.items() if key not in MEASURED} for row in rows]


def same_tensors(one, other):
    """Whether two safetensors files hold the same, to the last bit."""
    before, after = load_file(one), load_file(other)
    return before.keys() == after.keys() and all(
        torch.equal(value, after[name]) for name, value in before.items()
    )
