"""The run folder: what may be in it, when it may be written to, and what is read back."""

import csv
import io
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
from threadpoolctl import threadpool_info

from gparticles.errors import InputError, printable
from gparticles.experiment.checked import brief
from gparticles.experiment.provenance import SourceLaw, load_law
from gparticles.flow import Flow, load_flow
from gparticles.latent import LatentFlow, load_latent_flow
from gparticles.outputs import check_writable, is_temporary, remove, replace_file, sweep
from gparticles.synthesizer import TableUnits, load_units
from gparticles.tables import save

CONFIG = "config.toml"
METRICS = "metrics.json"
_MACHINE = "# on "


class RunFolder:
    """One run's results. It is finished once ``metrics.json``, written last, is there."""

    def __init__(self, path: str | Path):
        self.path = Path(path)

    def __str__(self) -> str:
        return str(self.path)

    @property
    def finished(self) -> bool:
        return (self.path / METRICS).exists()

    @property
    def begun(self) -> bool:
        return (self.path / CONFIG).exists() or (self.path / "checkpoint").exists()

    def check(self, *, resume: bool) -> None:
        """Refuses to touch what is not a new run's, or an unfinished one's to be continued.

        Raises:
            InputError: one line that names ``--out`` or ``--resume``.
        """
        for parent in (self.path, *self.path.parents):
            if parent.exists() and not parent.is_dir():
                raise InputError(f"{self}: {parent} is a file; name another folder with --out")
        if self.finished and resume:
            raise InputError(f"{self}: this run is finished; there is nothing to resume")
        if self.finished:
            raise InputError(
                f"{self}: holds a finished run, which is never overwritten; "
                "name another folder with --out"
            )
        if self.begun and not resume:
            raise InputError(
                f"{self}: holds an unfinished run; continue it with --resume, "
                "or name another folder with --out"
            )
        if not self.begun and self._holds_others():
            raise InputError(f"{self}: holds other files; name another folder with --out")
        self._check_entries()
        place = self.path.absolute()
        check_writable(next(p for p in (place, *place.parents) if p.exists()), self.path)

    def _holds_others(self) -> bool:
        # a run that was killed while it wrote its first file leaves that half written
        entries = self.path.iterdir() if self.path.exists() else ()
        return not all(is_temporary(entry) for entry in entries)

    def _check_entries(self) -> None:
        """Refuses what would be read or written elsewhere: links out of the folder, and devices."""
        home = self.path.resolve()
        for below, folders, files in os.walk(home):
            for entry in (Path(below) / name for name in (*folders, *files)):
                place = self.path / entry.relative_to(home)
                if entry.is_symlink() and not entry.resolve().is_relative_to(home):
                    raise InputError(f"{place}: is a link to elsewhere; put what it names there")
                if entry.exists() and not (entry.is_file() or entry.is_dir()):
                    raise InputError(f"{place}: is neither a file nor a folder; remove it")

    def began_on(self) -> str | None:
        """The ``machine`` that an unfinished run began on; None where it does not say."""
        with suppress(OSError):
            lines = (self.path / CONFIG).read_text("utf-8", errors="replace").splitlines()
            said = [line for line in lines[:3] if line.startswith(_MACHINE)]
            return said[0].removeprefix(_MACHINE) if said else None

    def begin(self, text: str) -> None:
        """Makes the folder, writes the configuration, and removes what a kill left half written."""
        self.path.mkdir(parents=True, exist_ok=True)
        sweep(self.path)
        replace_file(self.path / CONFIG, text.encode())

    def subfolder(self, name: str) -> Path:
        """A folder inside of this one, made if needed."""
        folder = self.path / name
        folder.mkdir(exist_ok=True)
        return folder

    def write_points(self, name: str, values: np.ndarray, **form: Any) -> Path:
        """``tables.save`` into this folder; a folder of images from an earlier attempt goes."""
        if (self.path / name).is_dir():
            remove(self.path / name)
        return save(values, self.path / name, **form)

    def write_history(self, history: dict[str, np.ndarray]) -> None:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["step", *history])
        columns = [np.asarray(values).astype(np.str_) for values in history.values()]
        writer.writerows((step, *row) for step, row in enumerate(zip(*columns, strict=True)))
        replace_file(self.path / "history.csv", text.getvalue().encode())

    def finish(self, metrics: dict[str, Any]) -> None:
        """Writes the metrics, and with them the sign that everything else is there."""
        replace_file(self.path / METRICS, (json.dumps(metrics, indent=1) + "\n").encode())

    def flow(self) -> Flow | LatentFlow:
        """The stored flow, or that through a latent space.

        Raises:
            InputError: there is none, or it is damaged.
        """
        self._check_flow()
        stored = self.path / "flow"
        if (stored / "latent.json").exists():
            flow = load_latent_flow(stored)
            _check_points(flow.latent, self.path)
        else:
            flow = load_flow(stored)
        _check_points(flow, self.path)
        return flow

    def units(self) -> TableUnits | None:
        """What the rows of a table of mixed columns are moved in; None for other runs.

        Raises:
            InputError: it is damaged.
        """
        return load_units(self.path / "flow")

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Lets what was read be used; that of an earlier version may turn out to be damaged.

        Records have digests since, by which damage is known before anything is built from it.

        Raises:
            InputError: in the place of any other error, where a record has no digest.
        """
        try:
            yield
        except InputError:
            raise
        except Exception as error:
            records = (self.path / "flow").rglob("*.json")
            if all('"digest"' in path.read_text(errors="replace") for path in records):
                raise
            problem = printable(f"{type(error).__name__}: {error}")
            raise InputError(f"{self}: damaged flow ({problem}); run it again") from error

    def law(self) -> SourceLaw:
        """The stored law of the source.

        Raises:
            InputError: there is none, or it is damaged.
        """
        self._check_flow()
        return load_law(self.path / "flow")

    def _check_flow(self) -> None:
        if not self.path.is_dir():
            raise InputError(f"{self}: there is no such folder; give the folder of a finished run")
        if not any((self.path / "flow" / name).exists() for name in ("flow.json", "latent.json")):
            mend = "continue it with gpa run ... --resume" if self.begun else "give a run's folder"
            flows = sorted(entry for entry in (self.path / "flows").glob("*") if entry.is_dir())
            if flows:
                mend = f"give that of one of its flows, such as {flows[0]}"
            raise InputError(f"{self}: holds no finished flow; {mend}")
        self._check_entries()


def _check_points(flow: Flow | LatentFlow, path: Path) -> None:
    """A flow ends at the last finite step: points that are not numbers are damage."""
    clouds = [flow.particles] if isinstance(flow, LatentFlow) else [flow.particles, flow.trajectory]
    for cloud in clouds:
        if not (isinstance(cloud, np.ndarray) and cloud.dtype.kind == "f" and cloud.ndim > 1):
            raise InputError(f"{path}: damaged flow (it has no points); run it again")
        if not np.isfinite(cloud).all():
            raise InputError(f"{path}: damaged flow (points that are not finite); run it again")


def machine() -> str:
    """What else decides about a run's last digits: how many threads share the work.

    >>> machine()  # doctest: +SKIP
    '2 cores, 2 threads of linear algebra'
    """
    cores = os.cpu_count() or 1
    with suppress(AttributeError):  # where the system tells what this process may use
        cores = len(os.sched_getaffinity(0))
    pools = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    return f"{cores} cores, {max(pools, default=1)} threads of linear algebra"


def config_text(keys: dict[str, Any], chosen: dict[str, Any], version: str) -> str:
    """``config.toml``: what was asked for, and in comments what was left to the defaults."""
    left = [f"#   {k} = {v}" for k, v in chosen.items() if k not in keys and v is not None]
    lines = [
        f"# written by gparticles {version}; gpa run config.toml --out ANOTHER repeats this run",
        f"{_MACHINE}{machine()}",
        tomli_w.dumps(keys).rstrip(),
    ]
    if left:
        lines += ["", "# chosen by default:", *left]
    return "\n".join(lines) + "\n"


def differing(before: dict[str, Any], now: dict[str, Any], *, ignored: Sequence[str]) -> str | None:
    """The first key in which two configurations differ, with both values, in words."""
    for key in sorted({*before, *now} - set(ignored)):
        if before.get(key) != now.get(key):
            return f"{key} was {brief(before.get(key))} and is {brief(now.get(key))}"
    return None
