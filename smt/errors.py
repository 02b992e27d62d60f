"""The one exception that a user's input may cause, and how any error reads in a line."""


class InputError(ValueError):
    """Something a person typed, wrote in a file or passed as an argument is wrong.

    The message is one sentence that names the thing and says what would be right.
    Command lines print it on standard error and exit with code 2.
    """


def sentence(error: BaseException) -> str:
    """An error of any kind in one line, of at most 500 characters."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]
