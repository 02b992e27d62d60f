"""The exceptions that are one sentence to a person, and how any error reads in a line."""

# Of torch's allocator for CPUs, C++, and CUDA: they raise a plain RuntimeError.
_OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "bad_alloc", "out of memory")


class InputError(ValueError):
    """Something a person typed, wrote in a file or passed as an argument is wrong.

    The message is one sentence that names the thing and says what would be right.
    Command lines print it on standard error and exit with code 2.
    """


class StoppedError(RuntimeError):
    """A run cannot go on, though nothing that was asked for is wrong: its disk is full, say.

    The message is one sentence that says what to do; what is finished is kept.
    Command lines print it on standard error and exit with code 1.
    """


def sentence(error: BaseException) -> str:
    """An error of any kind in one line, of at most 500 characters; memory that ran out is named."""
    text = f"{type(error).__name__}: {' '.join(str(error).split())}"
    return (f"out of memory: {text}" if _is_out_of_memory(error) else text)[:500]


def _is_out_of_memory(error: BaseException) -> bool:
    named = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return named or any(said in str(error) for said in _OUT_OF_MEMORY)
