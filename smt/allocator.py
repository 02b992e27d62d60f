"""Memory that a process frees and soon asks for again, as every training step does."""

import ctypes

# Bytes: the largest that glibc takes, and more than a step frees.
MMAP_THRESHOLD = 32 * 2**20
TRIM_THRESHOLD = 2**30
# By `mallopt`'s names for them (malloc.h).
_KEPT = {-3: MMAP_THRESHOLD, -1: TRIM_THRESHOLD}


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
