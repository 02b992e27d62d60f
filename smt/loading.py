"""Imports that take seconds: beside what waits, and without a search for garbage."""

import gc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module


def load_modules(*names: str) -> None:
    """Import modules by their names, the garbage collector paused: imports leave it little.

    What a worker needs (torch, torchrec, Ray Train, scikit-learn) took 3.6 s for 4.4 s.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        for name in names:
            import_module(name)
    finally:
        if collects:
            gc.enable()


@contextmanager
def loading(*names: str) -> Iterator[None]:
    """Import modules in a thread while the block runs; it is left once they are there.

    For a block that waits, and imports nothing that they import too.

    Raises:
        ImportError: One cannot be imported.
    """
    with ThreadPoolExecutor(1) as executor:
        loaded = executor.submit(load_modules, *names)
        yield
        loaded.result()
