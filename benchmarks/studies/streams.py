"""Rows in blocks: the most memory and rows per second, against the number of rows.

    python benchmarks/run.py streams
    python benchmarks/run.py streams --rows 100000 1000000 50000000 --kinds parquet
    python benchmarks/run.py streams --cases fitted
    python benchmarks/run.py streams --cases fitted --rows 1000000 150000000 --kinds npy parquet

"moved" is what a stored flow moves or makes; "fitted" is a target file of which rows are drawn,
150,000,000 of them being 3.4 GiB.

Every call is `gpa sample`, `gpa transform` or `gpa run` in a process of its own, whose memory is
what the system says it held at most. Moved rows are compared with what one call of the library
moves, and fitted particles with points of the target's law by their energy distance, beside that
of other such points.
"""

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import GPA, RESULTS, machine, print_table, write_json

import gparticles as gpa
from gparticles.data import swiss_roll
from gparticles.evaluate.distances import energy_distance
from gparticles.tables import from_array, load
from gparticles.tables.streams import ROWS, read_blocks, written

CASES = ("moved", "fitted")
CHOICES = {"kinds": ("parquet", "npy", "csv"), "cases": CASES}
# of a fit, and MiB of numbers beyond which a file is not read whole
PARTICLES, STEPS, BUDGET = 5000, 300, 1


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


def written_target(path: Path, count: int) -> None:
    """The Swiss roll's law in a file of so many rows, made in blocks."""
    like = from_array(np.zeros((2, 3)), kind=path.suffix[1:])
    with written(path, like) as (_, write):
        for part, start in enumerate(range(0, count, ROWS)):
            write(swiss_roll(min(ROWS, count - start), seed=part).astype(np.float64))


def fitted(here: Path, kind: str, count: int) -> dict[str, float]:
    """A run whose target is a file of so many rows, of which it draws some."""
    target, folder = here / f"target.{kind}", here / f"fitted-{kind}-{count}"
    written_target(target, count)
    settings = (f"target_budget={BUDGET}", f"steps={STEPS}")
    words = [word for setting in settings for word in ("--set", setting)]
    spent = peak("run", "--target", target, "-n", PARTICLES, "--out", folder, *words)
    particles = load(folder / f"particles.{kind}").values
    others, law = (swiss_roll(PARTICLES, seed=2**31 + at).astype(np.float64) for at in (0, 1))
    record = {
        "seconds": spent["seconds"],
        "flow_seconds": json.loads((folder / "metrics.json").read_text())["seconds"]["value"],
        "mib": spent["mib"],
        "file_mib": target.stat().st_size / 2**20,
        "energy": energy_distance(particles, law),
        "energy_of_fresh": energy_distance(others, law),
    }
    target.unlink()
    return record


def run(
    *,
    cases: tuple[str, ...] = ("moved",),
    rows: tuple[int, ...] = (100_000, 1_000_000, 4_000_000),
    kinds: tuple[str, ...] = CHOICES["kinds"],
    out: Path = RESULTS / "streams.json",
) -> None:
    """Makes what was asked for, prints and keeps it."""
    record: dict[str, Any] = json.loads(out.read_text()) if out.exists() else {}
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        if "moved" in cases:
            measure_moved(here, rows, kinds, record=record)
        if "fitted" in cases:
            record["fitted"] = {"machine": machine()} | {
                f"{kind}, {count:,}": fitted(here, kind, count)
                for kind in kinds
                # of text no single rows are read
                if kind != "csv"
                for count in rows
            }
            lines = [
                [name, *row.values()] for name, row in record["fitted"].items() if name != "machine"
            ]
            heads = ["", "seconds", "of the flow", "MiB", "the file, MiB", "energy", "of fresh"]
            print_table(f"{PARTICLES} particles, {STEPS} steps, to rows of a file", heads, lines)
    write_json(out, record)


def measure_moved(
    here: Path, rows: tuple[int, ...], kinds: tuple[str, ...], *, record: dict[str, Any]
) -> None:
    """Makes a flow of three columns, and rows through it."""
    record |= {"machine": machine(), "rows": {}}
    folder = here / "run"
    peak("run", "swiss-roll", "--out", folder, "--set", "n=500", "--set", "steps=200")
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
