"""What is written is there whole or not at all, and never in the place of something unasked."""

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gparticles.errors import InputError

# of the names under which files and folders are made: the process, eight digits, the final name
_TEMPORARY = re.compile(r"\.writing-(\d+)-[0-9a-f]{8}-(.+)", re.DOTALL)


def replace_file(path: Path, data: bytes) -> None:
    """Replaces a file at once: whoever reads it sees the old bytes or the new ones.

    A symbolic link of that name is replaced, and what it names is left alone.

    Raises:
        OSError: the place cannot be written, or the disk is full.
    """
    temporary = _temporary(path)
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        remove(temporary)
        raise


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Lends a temporary path beside ``path``; the file or folder made there is moved into place.

    The temporary name ends like the final one. What is left of a failure is removed, and so is
    what killed processes left of the same name. A file, a symbolic link or an empty folder that
    exists is replaced; a folder that holds anything is not.

    Raises:
        InputError: the folder is absent or cannot be written, or the disk is full.
    """
    temporary = _temporary(path)
    try:
        _sweep_folder(path.parent, name=path.name)
        yield temporary
        if temporary.is_file():
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        why = error.strerror or error
        raise InputError(f"{path}: cannot be written ({why}); give a place that can be") from error
    finally:
        with suppress(OSError):
            remove(temporary)


@contextmanager
def staged(home: Path) -> Iterator[Path]:
    """Lends a temporary folder beside ``home``, and moves what was made there into ``home``.

    Entries of the same names are replaced, all others are left. What is left of a failure is
    removed, and then ``home`` is as it was.

    Raises:
        InputError: the place cannot be written.
    """
    # the folder that one stands in has no name, and what is beside it may be another's
    temporary = _temporary(home if home.name else home / "outputs")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        home.mkdir(exist_ok=True)
        for entry in sorted(temporary.iterdir()):
            place = home / entry.name
            if place.is_dir():
                remove(place)
            entry.replace(place)
    except OSError as error:
        why = error.strerror or error
        raise InputError(f"{home}: cannot be written ({why}); give another place") from error
    finally:
        with suppress(OSError):
            remove(temporary)


def check_free(*paths: Path, force: bool, mend: str = "give another name") -> None:
    """Refuses to replace what exists without being asked, and places that cannot be written.

    Args:
        paths: that will be written.
        force: whether the user asked to replace what is there.
        mend: what else the user can do.

    Raises:
        InputError: one of the paths exists, or its folder cannot be written.
    """
    taken = [path for path in paths if path.exists()]
    if taken and not force:
        raise InputError(f"{taken[0]}: exists; {mend}, or --force to replace it")
    for path in paths:
        beside = next(parent for parent in path.absolute().parents if parent.exists())
        if not beside.is_dir():
            raise InputError(f"{path}: {beside} is a file; give another place")
        check_writable(beside, path)


def check_writable(folder: Path, path: Path) -> None:
    """Refuses a place that cannot be written, which making a folder there tells in every case.

    Args:
        folder: that exists.
        path: that will be written there.

    Raises:
        InputError: nothing can be made in the folder.
    """
    trial = _temporary(folder / "trial")
    try:
        trial.mkdir()
        trial.rmdir()
    except OSError as error:
        why = error.strerror or error
        raise InputError(
            f"{path}: {folder} cannot be written to ({why}); give another place"
        ) from None


def remove(path: Path) -> None:
    """Removes a file, a link or a folder with all that is in it; nothing where there is none.

    A folder goes out of its name first, so that a half of it is never taken for the whole.

    Raises:
        OSError: it cannot be removed.
    """
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    if _TEMPORARY.fullmatch(path.name) is None:
        path = path.replace(_temporary(path))
    shutil.rmtree(path)


def sweep(folder: Path) -> None:
    """Removes what killed processes left half written in a folder and in those below it."""
    for below, folders, _ in os.walk(folder):
        _sweep_folder(Path(below))
        folders[:] = [name for name in folders if _TEMPORARY.fullmatch(name) is None]


def is_temporary(path: Path) -> bool:
    """Whether something of this name is half written."""
    return _TEMPORARY.fullmatch(path.name) is not None


def _temporary(path: Path) -> Path:
    # a name may have 255 bytes, and what writes a file looks at how its name ends
    return path.with_name(f".writing-{os.getpid()}-{secrets.token_hex(4)}-{path.name[-50:]}")


def _sweep_folder(folder: Path, *, name: str | None = None) -> None:
    """Removes what is half written by no living process: of one name, or of all and our own."""
    with suppress(OSError):
        for entry in os.scandir(folder):
            parts = _TEMPORARY.fullmatch(entry.name)
            if parts is None or _writes(int(parts[1])):
                continue
            if name is None or (name[-50:] == parts[2] and int(parts[1]) != os.getpid()):
                with suppress(OSError):
                    remove(Path(entry.path))


def _writes(process: int) -> bool:
    """Whether another process of this number runs, which may be writing still."""
    if process == os.getpid():
        return False
    if os.name != "posix":
        # elsewhere the question would end it
        return True
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True
