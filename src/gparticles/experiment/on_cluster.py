"""Many files through one stored flow, each by some worker of a Dask cluster."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gparticles
from gparticles.errors import InputError
from gparticles.experiment import runs
from gparticles.experiment.folder import RunFolder
from gparticles.outputs import staged
from gparticles.tables.files import SUFFIXES

LOCAL = "local"
# how long a scheduler may take to answer, and to have a worker
_SECONDS = 10


def files_of(pattern: str) -> list[Path]:
    """The files that a pattern such as ``parts/*.parquet`` or a folder's name stands for, sorted.

    Raises:
        InputError: there are none, or two of one name.
    """
    parts = Path(pattern).iterdir() if Path(pattern).is_dir() else _matching(pattern)
    files = sorted(file for file in parts if file.name.lower().endswith(tuple(SUFFIXES)))
    if not files:
        raise InputError(f"{pattern}: stands for no file; write it in quotes, as 'parts/*.parquet'")
    names = [file.name for file in files]
    if repeated := {name for name in names if names.count(name) > 1}:
        raise InputError(f"{pattern}: holds several files called {min(repeated)}; rename them")
    return files


def _matching(pattern: str) -> Iterator[Path]:
    path = Path(pattern)
    return Path(path.anchor).glob(str(path.relative_to(path.anchor)))


def transform_files(
    folder: RunFolder,
    files: list[Path],
    out: Path,
    *,
    address: str = LOCAL,
    watch: Callable[[int], Any] = lambda _: None,
    **columns: Any,
) -> Path:
    """Carries every file's points along a stored flow; all of them are there, or none.

    A file whose worker died is moved by another one, to the same bytes.

    Args:
        folder: of a finished run, which workers see under this path.
        files: of different names.
        out: a folder for the moved points, in files of the same names.
        address: of a Dask scheduler; "local" for one worker per core of this machine.
        watch: called with the number of files that are done.
        columns: ``id_column`` and ``label_column``, as for ``runs.transform``.

    Raises:
        InputError: Dask is not installed, the scheduler does not answer, a worker has another
            version, or what moving one of the files refuses.
    """
    folder.flow()
    with _client(address) as client, staged(out) as temporary:
        home, place = Path(folder.path).absolute(), temporary.absolute()
        moving = [
            client.submit(
                _move,
                home,
                f.absolute(),
                place / f.name,
                columns,
                gparticles.__version__,
                pure=False,
            )
            for f in files
        ]
        from distributed import as_completed

        for count, done in enumerate(as_completed(moving), start=1):
            done.result()
            watch(count)
    return out


def _move(folder: Path, file: Path, out: Path, columns: dict[str, Any], version: str) -> None:
    # asked of whoever does it: workers come and go
    if gparticles.__version__ != version:
        raise InputError(
            f"a worker has gparticles {gparticles.__version__}, this process {version}; install "
            "the same version on all of them"
        )
    runs.transform(RunFolder(folder), file, out, **columns)


@contextmanager
def _client(address: str) -> Iterator[Any]:
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise InputError(
            "dask is not installed; run pip install 'gparticles[dask]', or give one file"
        ) from None
    if address == LOCAL:
        settings: Any = {"n_workers": os.cpu_count() or 1, "threads_per_worker": 1}
        # what a worker refuses is told once, in a line
        settings["silence_logs"] = logging.CRITICAL
        settings["dashboard_address"] = None
        with LocalCluster(**settings) as cluster, Client(cluster) as client:
            yield client
        return
    try:
        client = Client(address, timeout=_SECONDS)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:80]
        raise InputError(
            f"{address}: no Dask scheduler answers there ({reason}); give another address, or local"
        ) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=_SECONDS)
        except TimeoutError:
            raise InputError(
                f"{address}: the Dask scheduler has no workers; start one, as by "
                f"dask worker {address}"
            ) from None
        yield client
