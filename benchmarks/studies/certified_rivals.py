"""Seconds to a certified gap of 1e-3 beside POT: KL (and W1 against `ot.emd2`), L = 1.

Every rival's plan and potentials go through the bounds of `gparticles.divergence`, whose time is
not counted; the cost matrix's time is, for all. Ours, compiled before, is timed around the
rivals: `ot.optim.semirelaxed_cg` with two line searches, its gap looked at after blocks of
iterations, and `ot.unbalanced.sinkhorn_unbalanced(reg_m=(inf, 1))`, of which many schedules are
tried at the smallest n and the fastest few go on to the larger ones; how many iterations reach the
gap is searched, and a run of just so many timed.
"""

import json
import os
import statistics
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import ot
from clouds import Clouds, gaussians, swiss_roll
from common import RESULTS, machine, print_rows, seconds_of, write_json
from pot_solvers import EXACT_SEARCH, GAP, Problem, Reached, Schedule, frank, problem_of, sinkhorn

import gparticles as gpa
from gparticles.divergence import AbstractF

DATA: dict[str, Callable[[int, int], Clouds]] = {"3-D": swiss_roll, "50-D": gaussians}
SIZES = (500, 2000, 5000)
CAPS = {500: 60.0, 2000: 90.0, 5000: 120.0}
CHOICES = {"data": DATA, "sizes": SIZES}
SEARCHES = (EXACT_SEARCH, "POT's own search")
OURS_REPEATS = 3
# schedules that are tried at larger n, and those that the result file keeps
KEPT, SHOWN, LOWER = 5, 12, 0.7


def ours(problem: Problem, f: AbstractF) -> tuple[list[float], float]:
    """Seconds of several calls, compiled before, and the gap."""
    call = partial(gpa.divergence, *problem.clouds, f=f, tolerance=GAP)
    call()
    timed = [seconds_of(call) for _ in range(OURS_REPEATS)]
    return [seconds for seconds, _ in timed], timed[-1][1].gap


def all_schedules() -> list[Schedule]:
    """What the scan tries."""
    regs = (0.1, 0.05, 0.03, 0.02, 0.01, 0.005, 0.002)
    plain = [
        Schedule(reg, factor, each)
        for reg in regs
        for factor, each in ((4, 5), (4, 20), (2, 10), (2, 50), (0, 0))
    ]
    stabilised = [replace(s, method="sinkhorn_stabilized") for s in plain if s.each != 50]
    return [
        replace(s, dtype=dtype) for s in (*plain, *stabilised) for dtype in ("float64", "float32")
    ]


def scan(
    problem: Problem, schedules: Sequence[Schedule], cap: float
) -> list[tuple[Schedule, Reached]]:
    """Every schedule, the fastest first; what did not reach the gap by its gap.

    A schedule gets three times the time of the best before it.
    """
    found: list[tuple[Schedule, Reached]] = []
    for schedule in schedules:
        fastest = min((reached.seconds for _, reached in found), default=cap)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            found.append((schedule, sinkhorn(problem, schedule, min(cap, 3 * fastest))))
    return sorted(found, key=lambda pair: (pair[1].seconds, pair[1].gap))


class Settings(NamedTuple):
    """What is tried at one size: Sinkhorn's schedules, and line searches of semirelaxed_cg."""

    schedules: Sequence[Schedule]
    searches: Sequence[str]


def row(data: str, points: int, settings: Settings, cap: float) -> tuple[dict, Settings]:
    """Ours and the rivals on one pair of clouds; and the settings worth trying at more points."""
    load = os.getloadavg()[0]
    problem = problem_of(DATA[data](points, 0))
    seconds, gap = ours(problem, gpa.KL())
    ranked = scan(problem, settings.schedules, cap)
    seconds += ours(problem, gpa.KL())[0]
    franks = [frank(problem, kind, cap) for kind in settings.searches]
    franks.sort(key=lambda reached: (reached.gap > GAP, reached.seconds))
    seconds += ours(problem, gpa.KL())[0]
    found = {
        "data": data,
        "points": points,
        "load": [load, os.getloadavg()[0]],
        "cap_s": cap,
        "ours_s": statistics.median(seconds),
        "ours_range_s": [min(seconds), max(seconds)],
        "ours_gap": gap,
        "sinkhorn": [plain(reached) for _, reached in ranked[:SHOWN]],
        "frank": [plain(reached) for reached in franks],
    }
    kept = [schedule for schedule, _ in ranked[:KEPT]]
    # the same regularisation leaves a larger gap where there are more points
    lower = [replace(schedule, last=LOWER * schedule.last) for schedule in kept]
    return found | against_emd(problem), Settings([*kept, *lower], [franks[0].setting])


def against_emd(problem: Problem) -> dict[str, float]:
    """W1: ours before and after POT's exact solver."""
    seconds, gap = ours(problem, gpa.Wasserstein1())
    took, _ = seconds_of(lambda: ot.emd2(*problem.weights, problem.cost, numItermax=10**8))
    seconds += ours(problem, gpa.Wasserstein1())[0]
    median = statistics.median(seconds)
    return {"ours_w1_s": median, "ours_w1_gap": gap, "emd_s": took + problem.seconds_of_cost}


def plain(reached: Reached) -> dict[str, Any]:
    """For JSON, which knows no infinity."""
    numbers = reached._asdict()
    return {k: None if v == float("inf") else v for k, v in numbers.items()}


COLUMNS = {
    "clouds": "{points}, {data}",
    "ours s": "{ours_s:.3f}",
    "gap": "{ours_gap:.1e}",
    "Sinkhorn s": "{sinkhorn_s}",
    "ratio": "{sinkhorn_ratio}",
    "semirelaxed_cg s": "{frank_s}",
    "its ratio": "{frank_ratio}",
    "ours W1 s": "{ours_w1_s:.3f}",
    "emd2 s": "{emd_s:.3g}",
    "emd2's ratio": "{emd_ratio:.3g}",
    "load": "{load[0]:.1f}-{load[1]:.1f}",
}


def compared(found: dict[str, Any]) -> dict[str, Any]:
    """A row as the table has it: the rivals' best times over ours, where they came to the gap."""
    shown = found | {"emd_ratio": found["emd_s"] / found["ours_w1_s"]}
    for name in ("sinkhorn", "frank"):
        rival = found[name][0]
        there = rival["gap"] <= GAP
        seconds = f"{rival['seconds']:.3g}" if there else f"gap {rival['gap']:.1e} at cap"
        ratio = f"{rival['seconds'] / found['ours_s']:.3g}" if there else "-"
        shown |= {f"{name}_s": seconds, f"{name}_ratio": ratio}
    return shown


def run(
    *,
    data: tuple[str, ...] = tuple(DATA),
    sizes: tuple[int, ...] = SIZES,
    cap: float = 1.0,
    out: Path = RESULTS / "certified-rivals.json",
) -> None:
    """Measure, with that share of the caps of 60, 90 and 120 s; keep each row as it is done."""
    rows: list[dict[str, Any]] = []
    start = machine()
    for name in data:
        settings = Settings(all_schedules(), SEARCHES)
        for points in sorted(sizes):
            found, settings = row(name, points, settings, CAPS[points] * cap)
            rows.append(found)
            print(json.dumps(found), flush=True)
            write_json(out, {"machine": start, "rows": rows})
    title = f"KL to a certified gap of {GAP:g}, and W1"
    print_rows(title, [compared(found) for found in rows], COLUMNS)
    for found in rows:
        settings_of = (found[name][0] for name in ("sinkhorn", "frank"))
        words = "; ".join(
            "{setting}, {iterations} iterations".format_map(one) for one in settings_of
        )
        print(f"{found['points']}, {found['data']}: {words}")
