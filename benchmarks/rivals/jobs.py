"""Jobs for the rivals' scripts, which run in other environments: arrays in, particles out.

JOBS.npz holds `source` and `target`, and `jobs`, a JSON list of objects with `method`, `settings`,
`checkpoints` (numbers of iterations, rising), `seed` and `warm` (whether what a library does once,
its first call and its threads, is done before the clock starts). RESULTS.npz holds for the k-th
job `seconds_k` (up to each checkpoint), `shown_k` (the first rows of the particles at each) and
`final_k` (all of them at the last). What a checkpoint costs is not counted.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

SHOWN = 500
# the first so many particles after an iteration, all of them for None
State = Callable[[int | None], np.ndarray]
Rival = Callable[[dict, np.ndarray, np.ndarray], Iterator[State]]


def serve(rival: Rival) -> None:
    """Every job of the file that is the last argument but one, results in the last."""
    jobs_file, results_file = map(Path, sys.argv[-2:])
    with np.load(jobs_file) as given:
        source, target = (given[name].astype(np.float32) for name in ("source", "target"))
        jobs = json.loads(str(given["jobs"]))
    results = {}
    for k, job in enumerate(jobs):
        if job["warm"]:
            next(rival(job, source, target))
        found = followed(rival(job, source, target), job["checkpoints"])
        results |= {f"{name}_{k}": array for name, array in found.items()}
    np.savez(results_file, **results)


def followed(iterations: Iterator[State], checkpoints: list[int]) -> dict[str, np.ndarray]:
    """One job to its last checkpoint."""
    seconds, shown, total, done = [], [], 0.0, 0
    state: State = lambda _: np.empty(0)  # noqa: E731
    for checkpoint in checkpoints:
        start = time.perf_counter()
        for _ in range(checkpoint - done):
            state = next(iterations)
        total, done = total + time.perf_counter() - start, checkpoint
        seconds.append(total)
        shown.append(state(SHOWN))
    return {"seconds": np.array(seconds), "shown": np.array(shown), "final": state(None)}
