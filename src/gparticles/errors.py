"""The error that a user can mend, and text that can be printed."""


class InputError(ValueError):
    """Something the user gave cannot be used; the message is one line and names the mend.

    The command prints it without a traceback and exits with status 2.
    """


def printable(text: object) -> str:
    """Text that can be printed and stored: bytes of a name that are not UTF-8 are escaped.

    >>> printable("few\\udcff.csv")
    'few\\\\udcff.csv'
    """
    return str(text).encode("utf-8", "backslashreplace").decode("utf-8")
