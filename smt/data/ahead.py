"""Items made in another thread before they are asked for."""

from collections import deque
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
BATCHES_AHEAD = 2
"""Made into tensors, in a thread of their own, while the network is at the one before."""


def ahead(items: Generator[Item], count: int) -> Generator[Item]:
    """The same items in the same order, up to `count` of them made while one is used.

    What making one raises is raised where it would have been given. Where no more are asked for,
    the generator is closed, once it is done with the item it is at.
    """
    ended = object()
    pool = ThreadPoolExecutor(max_workers=1)
    try:
        waiting = deque([pool.submit(next, items, ended)])
        while (item := waiting.popleft().result()) is not ended:
            while len(waiting) < count:
                waiting.append(pool.submit(next, items, ended))
            yield item  # type: ignore[misc]
    finally:
        pool.shutdown(cancel_futures=True)
        items.close()
