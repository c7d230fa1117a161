"""The error that a user can mend."""


class InputError(ValueError):
    """Something the user gave cannot be used; the message is one line and names the mend.

    The command prints it without a traceback and exits with status 2.
    """
