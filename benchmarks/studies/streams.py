"""Rows through a stored flow: the most memory and rows per second, against the number of rows.

    python benchmarks/run.py streams
    python benchmarks/run.py streams --rows 100000 1000000 50000000 --kinds parquet

Every call is `gpa sample` or `gpa transform` in a process of its own, whose memory is what the
system says it held at most. Rows are compared with what one
call of the library moves.
"""

import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import GPA, RESULTS, machine, print_table, write_json

import gparticles as gpa
from gparticles.tables.streams import read_blocks

CHOICES = {"kinds": ("parquet", "npy", "csv")}


def peak(*words: Any) -> dict[str, float]:
    """Seconds and MiB of one command."""
    began = time.perf_counter()
    process = subprocess.Popen([str(GPA), *map(str, words)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"gpa {words[0]} ended with {os.waitstatus_to_exitcode(status)}")
    return {"seconds": time.perf_counter() - began, "mib": usage.ru_maxrss / 1024}


def check(folder: Path, moved: Path, points: Path) -> float:
    """The largest difference from what the library moves in one call, over some of the rows."""
    flow = gpa.load_flow(folder / "flow")
    first, again = next(read_blocks(points)), next(read_blocks(moved))
    return float(np.abs(flow(first.values) - again.values).max())


def run(
    *,
    rows: tuple[int, ...] = (100_000, 1_000_000, 4_000_000),
    kinds: tuple[str, ...] = CHOICES["kinds"],
    out: Path = RESULTS / "streams.json",
) -> None:
    """Makes a flow of three columns, and rows through it; print and keep."""
    record: dict[str, Any] = {"machine": machine(), "rows": {}}
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        folder = here / "run"
        settings = ("--set", "n=500", "--set", "steps=200")
        peak("run", "swiss-roll", "--out", folder, *settings)
        for kind in kinds:
            for count in rows:
                made, moved = here / f"new.{kind}", here / f"moved.{kind}"
                sampled = peak("sample", folder, "-n", count, "-o", made)
                carried = peak("transform", folder, made, "-o", moved)
                difference = check(folder, moved, made)
                entry = {"sample": sampled, "transform": carried, "difference": difference}
                record["rows"].setdefault(kind, {})[str(count)] = entry
                made.unlink()
                moved.unlink()
                write_json(out, record)
    lines = [
        [
            f"{kind}, {int(count):,}",
            *(entry[what][unit] for what in ("sample", "transform") for unit in ("seconds", "mib")),
            entry["difference"],
        ]
        for kind, counts in record["rows"].items()
        for count, entry in counts.items()
    ]
    heads = ["", "sample, s", "MiB", "transform, s", "MiB", "difference"]
    print_table("Rows through a flow of 3 columns", heads, lines)
