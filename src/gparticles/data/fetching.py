"""Public files, fetched once, checked and kept in a folder of the user's."""

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from gparticles.errors import InputError

FOLDER = "GPARTICLES_DATA"
"""The environment variable that names the folder; the user's cache by default."""


@dataclass(frozen=True)
class Remote:
    """A public file.

    Attributes:
        url: where it is.
        checksum: what it must have, as in ``"sha256:..."``; None where nobody states one.
        size: megabytes, to be told before it comes; None where that is not known.
    """

    url: str
    checksum: str | None
    size: int | None = None

    @property
    def name(self) -> str:
        """The file's own name."""
        return Path(urlsplit(self.url).path).name


def data_folder() -> Path:
    """Where fetched files are kept."""
    import pooch

    folder = os.environ.get(FOLDER)
    return Path(folder) if folder else Path(pooch.os_cache("gparticles"))


def fetch(remote: Remote) -> Path:
    """The file's path on this machine; it is fetched where it is not there yet.

    A file that somebody put there by hand is taken if its checksum is right.

    Raises:
        InputError: it cannot be reached, or is not the one whose checksum is known.
    """
    import pooch

    folder = data_folder()
    place = folder / remote.name
    mend = f"download it by hand to {place}, or name the folder that holds it in {FOLDER}"
    # pooch would say where it puts the file, and so does an error of ours
    pooch.get_logger().setLevel(logging.WARNING)
    try:
        return Path(
            pooch.retrieve(remote.url, known_hash=remote.checksum, fname=remote.name, path=folder)
        )
    except ValueError as error:
        raise InputError(f"{remote.url}: is not the file it was ({brief(error)}); {mend}") from None
    except OSError as error:  # of the network as well as of the disk
        size = "" if remote.size is None else f", {remote.size} MB"
        raise InputError(
            f"{remote.url}: cannot be fetched ({brief(error)}{size}); {mend}"
        ) from None


def brief(error: Exception) -> str:
    """What a library says, in one line that is not long."""
    words = " ".join(str(error).split()) or type(error).__name__
    return words if len(words) <= 120 else words[:117] + "..."
