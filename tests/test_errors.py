import numpy as np
import pyarrow as pa
import pytest
import torch

from smt.errors import sentence

# Far more than any machine has: it is refused at once.
HUGE = 2**50


@pytest.mark.parametrize(
    "allocate",
    [
        lambda: torch.empty(HUGE),
        lambda: np.ones(HUGE),
        lambda: bytearray(HUGE),
        lambda: pa.allocate_buffer(HUGE),
    ],
    ids=["torch", "numpy", "python", "arrow"],
)
def test_memory_that_ran_out_is_named_whoever_asked_for_it(allocate):
    with pytest.raises((MemoryError, RuntimeError)) as raised:
        allocate()
    said = sentence(raised.value)
    assert said.startswith("out of memory: ")
    assert type(raised.value).__name__ in said


def test_another_error_is_not_called_so():
    assert sentence(ValueError("no\n memory of it")) == "ValueError: no memory of it"
