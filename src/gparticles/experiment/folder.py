"""The run folder: what may be in it, when it may be written to, and what is read back."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from gparticles.errors import InputError
from gparticles.experiment.provenance import SourceLaw, load_law
from gparticles.flow import Flow, load_flow
from gparticles.latent import LatentFlow, load_latent_flow
from gparticles.outputs import replace_file

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

    def _holds_others(self) -> bool:
        if not self.path.exists():
            return False
        # what a run leaves that was killed while it wrote its first file
        left = f".{CONFIG}."
        return any(not entry.name.startswith(left) for entry in self.path.iterdir())

    def begin(self, text: str) -> None:
        """Makes the folder and writes the configuration."""
        self.path.mkdir(parents=True, exist_ok=True)
        replace_file(self.path / CONFIG, text.encode())

    def subfolder(self, name: str) -> Path:
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
        latent = (stored / "latent.json").exists()
        return load_latent_flow(stored) if latent else load_flow(stored)

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
            return f"{key} was {before.get(key)!r} and is {now.get(key)!r}"
    return None
