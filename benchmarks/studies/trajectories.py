"""Snapshots in time: left-out snapshots beside other methods, and courses whose truth is known.

    pip install gparticles[bench] moscot
    python benchmarks/run.py trajectories --files timecourse_mesc.npz timecourse_mef.npz
    python benchmarks/run.py trajectories --quick           # one seed, and nothing is written
    python benchmarks/run.py trajectories --choose          # what the defaults were chosen by

A file holds `X` (n, genes), log expression, and `hours` or `days` (n,): mESC (456 cells) and MEF
(373 cells), 100 transcription factors each, are the data of SCODE (github.com/hmatsu1226/SCODE,
data/ and data2/; Matsumoto et al. 2017). HSMM is Bioconductor's HSMMSingleCell, measured where it
is installed. Every inner snapshot is left out in turn; distances are taken in 16 principal
components of the others. A method that is not installed is left out, and the output says so.
"""

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from common import RESULTS, figure, machine, print_table, write_json
from course_methods import METHODS, RANDOM, even, leg_of, snapshot

from gparticles.data import COURSES, hsmm
from gparticles.errors import InputError
from gparticles.timecourse import legs, trajectory
from gparticles.timecourse.course import LIPSCHITZ, SMOOTHING
from gparticles.timecourse.field import carried, match_field, velocities
from gparticles.timecourse.judging import (
    Population,
    baselines,
    energy_between,
    halves,
    principal,
    w2_between,
)
from gparticles.timecourse.legs import at_shares

DIM, TIMES = 16, (0.0, 1.0, 2.0, 3.0)
# what was tried for the flows between snapshots: L and smoothing
TRIED = ((1.0, 1.0), (1.0, 0.3), (0.3, 0.3), (0.3, 0.1), (0.1, 0.1), (0.1, 0.03))
CHOSEN = (LIPSCHITZ, SMOOTHING)
# and for the field: steps of its fit
FITS = (200, 400, 700, 1000, 3000)


def run(
    *,
    files: tuple[Path, ...] = (),
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4),
    quick: bool = False,
    choose: bool = False,
) -> None:
    if choose:
        _chosen(seeds)
        return
    seeds = seeds[:1] if quick else seeds
    record: dict[str, Any] = {"machine": machine(), "seeds": list(seeds), "sets": {}}
    for name, values, times in _sets(files):
        record["sets"][name] = _measured(values, times, seeds)
        _show(name, record["sets"][name])
        _keep(record, quick=quick)
    record["samplers"] = _samplers(seeds)
    _keep(record, quick=quick)


def _keep(record: dict[str, Any], *, quick: bool) -> None:
    if not quick:
        write_json(RESULTS / "trajectories.json", record)


def _sets(files: Sequence[Path]) -> list[tuple[str, np.ndarray, np.ndarray]]:
    sets = []
    for file in files:
        with np.load(file, allow_pickle=False) as data:
            key = "hours" if "hours" in data else "days"
            sets.append((f"{file.stem.split('_')[-1]}, {key}", data["X"].astype(float), data[key]))
    try:
        study = hsmm()
    except InputError as error:
        print(f"HSMM is left out: {error}")
        return sets
    kept = np.argsort(study.values.var(axis=0))[::-1][:500]
    sets.append(("hsmm, hours", study.values[:, kept], study.attributes["hours"].astype(float)))
    return sets


def _measured(values: np.ndarray, times: np.ndarray, seeds: Sequence[int]) -> dict[str, Any]:
    moments = np.unique(times)
    started = time.perf_counter()
    rest = principal(values, DIM)(values)
    trajectory(rest, times, seed=0)
    seconds = time.perf_counter() - started
    left_out = {}
    for k in range(1, len(moments) - 1):
        points = principal(values[times != moments[k]], DIM)(values)
        before, truth, after = (points[times == moments[j]] for j in (k - 1, k, k + 1))
        share = float((moments[k] - moments[k - 1]) / (moments[k + 1] - moments[k - 1]))
        left_out[f"{moments[k]:g}"] = _one(before, truth, after, (share, seeds))
    return {"seconds_of_the_course": seconds, "left_out": left_out}


def _one(
    before: np.ndarray, truth: np.ndarray, after: np.ndarray, how: tuple[float, Sequence[int]]
) -> dict[str, Any]:
    share, seeds = how
    target = Population(*even(truth))
    rows: dict[str, Any] = {}
    for name, method in METHODS.items():
        runs = []
        for seed in seeds if name in RANDOM else seeds[:1]:
            started = time.perf_counter()
            try:
                estimate = Population(*method(before, after, share, seed))
            except ImportError as error:
                print(f"{name} is left out: {error}")
                break
            seconds = time.perf_counter() - started
            distances = {
                "w2": w2_between(estimate, target),
                "energy": energy_between(estimate, target),
            }
            runs.append(distances | {"seconds": seconds})
        if runs:
            rows[name] = runs
    pairs = halves(truth, 0)
    floor = {"w2": [w2_between(*p) for p in pairs], "energy": [energy_between(*p) for p in pairs]}
    rows["its halves"] = [{key: float(np.mean(v)) for key, v in floor.items()} | {"seconds": 0.0}]
    return rows


def _samplers(seeds: Sequence[int]) -> dict[str, Any]:
    """Errors of the field, of fates and of growth where the truth is known."""
    rows: dict[str, Any] = {}
    for name, sampler in COURSES.items():
        for dim in (2, DIM):
            rows[f"{name}, {dim} columns"] = [_against_truth(sampler, dim, seed) for seed in seeds]
    print_table(
        "courses whose truth is known",
        ["course", "velocity", "fates", "growth"],
        [
            [
                name,
                *(figure(np.mean([r[k] for r in runs])) for k in ("velocity", "fates", "growth")),
            ]
            for name, runs in rows.items()
        ],
    )
    return rows


def _against_truth(sampler: Any, dim: int, seed: int) -> dict[str, float]:
    course = sampler(100, times=TIMES, dim=dim, seed=seed)
    fresh = sampler(300, times=(0.5, 1.5, 2.5), dim=dim, seed=1000 + seed)
    fitted = trajectory(course.points, course.times, seed=seed)
    early = course.times == TIMES[0]
    fates = fitted.fates(course.fates)
    chosen = fates.classes[fates.probabilities.argmax(axis=1)]
    rates = [course.growth(course.points[course.times == t], t) for t in TIMES[:-1]]
    truth, known = np.concatenate(rates), course.times < TIMES[-1]
    grown = np.log(fitted.growth[known])
    return {
        "velocity": _wrong(course, fresh, fitted.velocity),
        "fates": float((chosen == course.fates)[early].mean()),
        "growth": float(np.corrcoef(truth, grown)[0, 1]) if truth.any() else float("nan"),
        "growth_spread": float(grown.std()),
    }


def _wrong(course: Any, fresh: Any, velocity: Any) -> float:
    """The mean squared error of a field over the mean square of the truth, at fresh cells."""
    wrong, size = 0.0, 0.0
    for moment in np.unique(fresh.times):
        points = fresh.points[fresh.times == moment]
        truth = course.velocity(points, moment)
        wrong += float(((velocity(points, moment) - truth) ** 2).sum())
        size += float((truth**2).sum())
    return wrong / size


def _fits(seeds: Sequence[int]) -> dict[str, dict[str, float]]:
    """By steps of the field's fit: its error, and how far cells are from fresh ones in the end.

    Cells of the first snapshot are carried to the last; the energy distance is over that of the
    first snapshot itself.
    """
    rows: dict[str, list[tuple[float, float]]] = {}
    for sampler in COURSES.values():
        for dim, seed in ((dim, seed) for dim in (2, DIM) for seed in seeds):
            course = sampler(100, times=TIMES, dim=dim, seed=3000 + seed)
            fresh = sampler(300, times=(0.5, 1.5, 2.5), dim=dim, seed=4000 + seed)
            late = Population(
                *even(sampler(100, times=TIMES, dim=dim, seed=5000 + seed).points[-100:])
            )
            ways = trajectory(course.points, course.times, fit_steps=1, seed=seed).legs
            first = course.points[course.times == TIMES[0]]
            for steps in FITS:
                fit = match_field(ways, steps=steps, seed=seed).field
                end = carried(fit, first, np.array(TIMES[:: len(TIMES) - 1]))[-1]
                arrived = energy_between(Population(*even(end)), late)
                begun = energy_between(Population(*even(first)), late)
                error = _wrong(course, fresh, partial(velocities, fit))
                rows.setdefault(f"{steps}", []).append((error, arrived / begun))
    return {
        steps: dict(zip(("velocity", "energy"), np.mean(pairs, axis=0).tolist(), strict=True))
        for steps, pairs in rows.items()
    }


def _speeds(path: np.ndarray) -> np.ndarray:
    return np.linalg.norm(np.diff(path, axis=0), axis=2)


def _of_all(parts: np.ndarray) -> np.ndarray:
    return np.broadcast_to(parts.mean(axis=1, keepdims=True), parts.shape)


# what adds up along a way while time passes: every cell by a clock of its own, or all by one
CLOCKS = {
    "length": _speeds,
    "kinetic energy": lambda path: _speeds(path) ** 2,
    "length, one clock for all": lambda path: _of_all(_speeds(path)),
    "kinetic energy, one clock for all": lambda path: _of_all(_speeds(path) ** 2),
    "the flow's own time": lambda path: np.ones(_speeds(path).shape),
}
# of the share of the length, learnt where another inner snapshot was left out
POWERS = (0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0)


def _clocks(seeds: Sequence[int]) -> dict[str, dict[str, float]]:
    """W2 and energy distance over exact OT's on the samplers, for ways to tell the time."""
    ratios: dict[str, list[tuple[float, float]]] = {}
    for sampler in COURSES.values():
        for seed in seeds:
            for name, parts in CLOCKS.items():

                def clock(path: np.ndarray, parts: Any = parts) -> np.ndarray:
                    return at_shares(path, parts(path))

                with patch.object(legs, "by_length", clock):
                    ratios.setdefault(name, []).extend(_ratios(sampler, seed, CHOSEN))
            powers = np.array([_ratios(sampler, seed, CHOSEN, time=0.5**power) for power in POWERS])
            for left, other in ((0, 1), (1, 0)):
                best = int(powers[:, other, 1].argmin())
                ratios.setdefault("a power of the length, learnt", []).append(powers[best, left])
    return {
        name: dict(zip(("w2", "energy"), np.mean(pairs, axis=0).tolist(), strict=True))
        for name, pairs in ratios.items()
    }


def _chosen(seeds: Sequence[int]) -> None:
    """W2 and energy distance over exact OT's on the samplers, for L, smoothing and clocks."""
    rows: dict[str, Any] = {}
    for lipschitz, smoothing in TRIED:
        ratios = [
            _ratios(sampler, seed, (lipschitz, smoothing))
            for sampler in COURSES.values()
            for seed in seeds
        ]
        w2, energy = np.mean([r for part in ratios for r in part], axis=0)
        rows[f"L {lipschitz:g}, smoothing {smoothing:g}"] = {"w2": w2, "energy": energy}
    clocks, fits = _clocks(seeds), _fits(seeds)
    record = {"machine": machine(), "rows": rows, "clocks": clocks, "fits": fits}
    write_json(RESULTS / "trajectories-choice.json", record)
    print_table(
        "over exact OT, on courses whose truth is known",
        ["setting", "W2", "energy distance"],
        [[n, figure(row["w2"]), figure(row["energy"])] for n, row in (rows | clocks).items()],
    )
    print_table(
        "steps of the field's fit",
        ["steps", "error of the velocity", "energy distance at the end"],
        [[n, figure(row["velocity"]), figure(row["energy"])] for n, row in fits.items()],
    )


def _ratios(
    sampler: Any, seed: int, setting: tuple[float, float], *, time: float = 0.5
) -> list[tuple[float, float]]:
    # other draws than those that are reported
    course = sampler(90, times=TIMES, dim=DIM, seed=2000 + seed)
    ratios = []
    for k in (1, 2):
        clouds = [course.points[course.times == TIMES[j]] for j in (k - 1, k, k + 1)]
        before, truth, after = (snapshot(cloud, float(j)) for j, cloud in enumerate(clouds))
        target = Population(truth.points, truth.weights)
        leg = leg_of(clouds[0], clouds[2], seed, lipschitz=setting[0], smoothing=setting[1])
        ours = Population(leg.place(time), leg.weights)
        theirs = baselines(before, after, 1.0)["exact transport"]
        ratios.append(
            (
                w2_between(ours, target) / w2_between(theirs, target),
                energy_between(ours, target) / energy_between(theirs, target),
            )
        )
    return ratios


def _show(name: str, measured: dict[str, Any]) -> None:
    left_out = measured["left_out"]
    rows = []
    for method in [*METHODS, "its halves"]:
        cells = [
            " ".join(f"{np.mean([r[key] for r in part[method]]):.3f}" for key in ("w2", "energy"))
            for part in left_out.values()
            if method in part
        ]
        rows.append([method, *cells] if cells else [method, *["-"] * len(left_out)])
    print_table(f"{name}: W2 (energy distance) to the left-out snapshot", ["", *left_out], rows)
    print(f"the whole course: {measured['seconds_of_the_course']:.1f} s")
