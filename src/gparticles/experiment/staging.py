"""Files that are written to a temporary folder first and then moved to their places."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gparticles.errors import InputError


def check_free(paths: list[Path], *, force: bool) -> None:
    """Refuses to replace anything without being asked.

    Raises:
        InputError: one of the paths exists.
    """
    taken = [path for path in paths if path.exists()]
    if taken and not force:
        raise InputError(f"{taken[0]}: exists; give another name, or --force to replace it")
    for path in paths:
        beside = next(parent for parent in path.absolute().parents if parent.exists())
        if not beside.is_dir():
            raise InputError(f"{path}: {beside} is a file; give another place")
        if not os.access(beside, os.W_OK):
            raise InputError(f"{path}: {beside} cannot be written to; give another place")


@contextmanager
def staged(home: Path) -> Iterator[Path]:
    """Lends a temporary folder beside ``home``, and moves what was made there into ``home``.

    Entries of the same names are replaced, all others are left. What is left of a failure is
    removed, and then ``home`` is as it was.

    Raises:
        InputError: the place cannot be written.
    """
    temporary = home.parent / f".{os.getpid()}-{secrets.token_hex(4)}-{home.name}"
    try:
        temporary.mkdir(parents=True)
        yield temporary
        home.mkdir(exist_ok=True)
        for entry in sorted(temporary.iterdir()):
            place = home / entry.name
            if place.is_dir():
                shutil.rmtree(place)
            entry.replace(place)
    except OSError as error:
        why = error.strerror or error
        raise InputError(f"{home}: cannot be written ({why}); give another place") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
