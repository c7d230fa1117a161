"""What `gparticles.divergence` costs, and how near its two bounds come: L = 1, raw units.

    times    every f at 500 + 500 and 2000 + 2000, tolerance 1e-3: three pairs of clouds, several
             calls on each after one that is not counted
    digits   every f at 50, 200 and 500 points, tolerance 1e-8
    scaling  KL and W1 at 100 to 20,000 points (--largest 100000: one call there as well), tolerance
             1e-3, each in a process of its own, with
             its peak memory, of which the column `imports` is Python, JAX and the imports

docs/measured.md describes the clouds. What POT takes for the same is in certified_rivals.py.
"""

import json
import os
import resource
import statistics
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from clouds import Clouds, swiss_roll
from common import RESULTS, in_new_process, machine, print_rows, seconds_of, write_json

import gparticles as gpa
from gparticles.divergence import parse_f

ALL_F = ("kl", "reverse-kl", "alpha:2", "alpha:0.5", "js", "hellinger", "w1")
DIRECTIONS = ("gaussian | roll", "roll | gaussian")
PARTS = ("times", "digits", "scaling")
CHOICES = {"parts": PARTS, "f": ALL_F}
SEEDS = range(3)
REPEATS = {500: 9, 2000: 5}
DIGIT_SIZES = (50, 200, 500)
SCALING_SIZES = (100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 100_000)
# the largest that takes minutes
LARGEST = 20_000
MEBIBYTE = 2**20
IMAGE = Path(__file__).parents[2] / "docs" / "images" / "certified-cost.png"


def clouds_of(direction: str, points: int, seed: int) -> Clouds:
    """Source and target of one row."""
    gaussian, roll = swiss_roll(points, seed)
    return (gaussian, roll) if direction == DIRECTIONS[0] else (roll, gaussian)


def peak_memory() -> float:
    """The largest resident size of this process so far, MiB."""
    # Linux counts in KiB, macOS in bytes
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MEBIBYTE


def timed_calls(
    clouds: Clouds, name: str, *, tolerance: float, repeats: int
) -> tuple[list[float], Any]:
    """Seconds of repeated calls, the first of them included, and the last certificate."""
    f, seconds, found = parse_f(name), [], None
    for _ in range(repeats):
        took, found = seconds_of(lambda: gpa.divergence(*clouds, f=f, tolerance=tolerance))
        seconds.append(took)
    return seconds, found


def row_of(job: dict[str, Any]) -> dict[str, Any]:
    """One row of any part, in this process; what comes back is plain JSON."""
    imports, load = peak_memory(), os.getloadavg()[0]
    firsts, later, gaps, uppers = [], [], [], []
    for seed in job["seeds"]:
        clouds = clouds_of(job["direction"], job["points"], seed)
        with warnings.catch_warnings():
            # a gap that is not reached stands in the table
            warnings.simplefilter("ignore", UserWarning)
            seconds, found = timed_calls(
                clouds, job["f"], tolerance=job["tolerance"], repeats=job["repeats"]
            )
        firsts.append(seconds[0])
        later += seconds[1:]
        gaps.append(found.gap)
        uppers.append(found.upper)
    return job | {
        "first_s": firsts[0],
        # where there is one call, it counts with its compilation
        "median_s": statistics.median(later or firsts),
        "best_s": min(later or firsts),
        "gap": max(gaps),
        "upper": statistics.fmean(uppers),
        "imports_mib": imports,
        "peak_mib": peak_memory(),
        "load": load,
    }


def job(name: str, points: int, **other: Any) -> dict[str, Any]:
    """What a row needs to know."""
    usual = {"direction": DIRECTIONS[0], "tolerance": 1e-3, "seeds": list(SEEDS), "repeats": 3}
    return {"f": name, "points": points} | usual | other


def jobs_of(part: str, names: Sequence[str], largest: int) -> list[dict[str, Any]]:
    """The rows of a part."""
    if part == "times":
        return [
            job(name, points, direction=direction, repeats=repeats + 1)
            for points, repeats in REPEATS.items()
            for direction in DIRECTIONS
            for name in names
        ]
    if part == "digits":
        return [job(name, n, tolerance=1e-8) for n in DIGIT_SIZES for name in names]
    return [
        job(name, n, seeds=[0], repeats=1 if n > LARGEST else 2 if n >= 10_000 else 4)
        for name in ("kl", "w1")
        for n in SCALING_SIZES
        if name in names and n <= largest
    ]


COLUMNS = {
    "row": "{points} {f}, {direction}",
    "median s": "{median_s:.4f}",
    "best s": "{best_s:.4f}",
    "first call s": "{first_s:.2f}",
    "gap": "{gap:.1e}",
    "peak MiB": "{peak_mib:.0f}",
    "imports": "{imports_mib:.0f}",
    "load": "{load:.1f}",
}


def draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Time and memory against n, log-log."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, label, colour in (("kl", "KL", "#0072B2"), ("w1", "Wasserstein-1", "#D55E00")):
        own = [row for row in rows if row["f"] == name]
        if not own:
            continue
        n = np.array([row["points"] for row in own])
        left.loglog(n, [row["median_s"] for row in own], "o-", color=colour, label=label)
        right.loglog(n, [row["peak_mib"] for row in own], "o-", color=colour, label=label)
    n = np.array([1000.0, 20_000.0])
    left.loglog(n, 0.02 * (n / 1000) ** 2, ":", color="#666666", label="slope 2")
    right.axhline(rows[0]["imports_mib"], ls=":", color="#666666", label="imports alone")
    left.set(ylabel="seconds to a gap of 1e-3", title="time, compilation aside")
    right.set(ylabel="MiB", title="peak memory of the process")
    right.set_yticks([256, 512, 1024, 2048], ["256", "512", "1024", "2048"])
    right.minorticks_off()
    for axes in (left, right):
        axes.set(xlabel="points in each of the two clouds")
        axes.set_xticks([100, 1000, 10_000], ["100", "1,000", "10,000"])
        axes.grid(which="major", alpha=0.3)
        axes.legend(frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)


def run(
    *,
    parts: tuple[str, ...] = PARTS,
    f: tuple[str, ...] = ALL_F,
    largest: int = LARGEST,
    image: Path = IMAGE,
    out: Path = RESULTS / "certified.json",
) -> None:
    """Measure, print each part as it is done, keep it beside the parts measured before."""
    record = json.loads(out.read_text()) if out.exists() else {}
    for part in parts:
        described = machine()
        rows = [in_new_process(row_of, job) for job in jobs_of(part, f, largest)]
        print_rows(f"{part}: tolerance {rows[0]['tolerance']:g}", rows, COLUMNS)
        record[part] = {"machine": described, "rows": rows}
        write_json(out, record)
        if part == "scaling":
            draw(rows, image)
