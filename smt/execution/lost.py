"""How the loss of a worker reads, in a row of a table."""

from ray.exceptions import OutOfMemoryError, RayError, RayTaskError

from smt.errors import sentence


def why_lost(error: RayError, times: int) -> str:
    """Why a call came to nothing, in one sentence.

    Ray and the system end a process that takes too much memory. Of a worker that is started again
    Ray does not tell that from another end.

    Args:
        times: How often it was tried.
    """
    if isinstance(error, RayTaskError):
        return sentence(error.cause)
    if isinstance(error, OutOfMemoryError):
        return f"out of memory: its worker was ended for it {times} times"
    return (
        f"its worker died {times} times, as workers do that run out of memory "
        f"({type(error).__name__})"
    )
