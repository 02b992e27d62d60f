"""The one exception that a user's input may cause."""


class InputError(ValueError):
    """Something a person typed, wrote in a file or passed as an argument is wrong.

    The message is one sentence that names the thing and says what would be right.
    Command lines print it on standard error and exit with code 2.
    """
