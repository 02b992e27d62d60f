"""Memory that a process frees and soon asks for again, as every training step does."""

import ctypes

# `mallopt`'s parameters (malloc.h), and up to what the process keeps: the largest that glibc takes
# of the first, and more than a step frees of the second.
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1
_KEPT = {_MMAP_THRESHOLD: 32 * 2**20, _TRIM_THRESHOLD: 2**30}


def keep_freed_memory() -> bool:
    """Let this process keep freed memory in place of giving it back to the system.

    By default glibc gives blocks of megabytes back at once, so that each step's are cleared and
    mapped anew, page by page: a fifth of the time of a wide network's step. What a process holds
    at most is the same.

    Returns:
        Whether the C library is one that can be told so.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(mallopt(*setting) for setting in _KEPT.items())
