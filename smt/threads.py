"""Computing on one thread, where more gain nothing."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits


@contextmanager
def one_thread() -> Iterator[None]:
    """Within, torch and the libraries under NumPy and SciPy compute on one thread.

    Several wait for each other on a busy machine, longest where the work is small: SciPy's L-BFGS
    took five times as long.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)
