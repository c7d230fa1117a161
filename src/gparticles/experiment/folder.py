"""The run folder: what may be in it, when it may be written to, and what is read back."""

import csv
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from gparticles.errors import InputError
from gparticles.experiment.checked import brief
from gparticles.experiment.provenance import SourceLaw, load_law
from gparticles.flow import Flow, load_flow
from gparticles.latent import LatentFlow, load_latent_flow
from gparticles.outputs import is_temporary, replace_file, sweep

CONFIG = "config.toml"
METRICS = "metrics.json"


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


def config_text(keys: dict[str, Any], chosen: dict[str, Any], version: str) -> str:
    """``config.toml``: what was asked for, and in comments what was left to the defaults."""
    left = [f"#   {k} = {v}" for k, v in chosen.items() if k not in keys and v is not None]
    lines = [
        f"# written by gparticles {version}; gpa run config.toml --out ANOTHER repeats this run",
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
