r"""gparticles beside its peers: held-out quality, copies and seconds on five data sets, in one run.

    python benchmarks/run.py peers --reference CHECKOUT --tensorflow-python PYTHON \
        --torch-python PYTHON
    python benchmarks/run.py peers --data swiss-roll --seeds 0 1 --methods fm otcfm ...

200 targets each; peer_data.py says what is drawn, peer_methods.py which methods and settings. What
is not installed is skipped, and said. For every data set, each method first chooses its settings
and its number of iterations: the best held-out score of those that copy at most a hundredth of the
targets, the mean of runs on three sets of targets of their own (seeds 100 to 102), so that nothing
is chosen on the points that are reported. Then the choice runs on every seed.

benchmarks/results/peers.json is written after every seed. What is there already is kept unless
--again, but rows of another choice; docs/make_pages.py makes the page. To compare times, give the
process one core (`taskset -c 0`): every method then has the same.
"""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from common import RESULTS, machine, print_table, write_json
from peer_data import DATA, Cloud, Sample, draw
from peer_methods import METHODS, SHOWN, Environments, Job, Trace, grid_of, run_all

from gparticles.evaluate.distances import energy_distance
from gparticles.evaluate.floors import choose_bandwidth, resampled, smoothed
from gparticles.evaluate.memorisation import memorisation
from gparticles.evaluate.wasserstein import w2

OUT = RESULTS / "peers.json"
CHOOSING_SEEDS = (100, 101, 102)
WITHIN = 0.05
# the share of particles at a target above which a setting is not chosen
MOST_COPIES = 0.01
Record = dict[str, Any]


def distance(metric: str, points: Cloud, judges: Cloud) -> float:
    """The score of a data set; nan where particles ran away."""
    if not np.isfinite(points).all():
        return float("nan")
    return w2(points, judges).value if metric == "w2" else energy_distance(points, judges)


def scores(metric: str, points: Cloud, sample: Sample) -> dict[str, float]:
    """What is reported of a cloud."""
    value = distance(metric, points, sample.held_out)
    if np.isnan(value):
        return {"value": value, "copy_rate": value, "nearest_ratio": value}
    copies = memorisation(points, sample.target, sample.held_out)
    return {"value": value, "copy_rate": copies.copy_rate, "nearest_ratio": copies.nearest_ratio}


def traced(metric: str, trace: Trace, sample: Sample) -> list[float]:
    """The held-out score at every checkpoint, from 500 particles and 500 held-out points."""
    judges = sample.held_out[:SHOWN]
    return [distance(metric, shown, judges) for shown in trace.shown]


def seconds_to_within(seconds: Sequence[float], values: Sequence[float]) -> float:
    """The seconds at the first checkpoint whose value is within 5 % of the last."""
    last = values[-1]
    near = [value <= last + WITHIN * abs(last) for value in values]
    return seconds[near.index(True)] if any(near) else seconds[-1]


def try_out(
    name: str, methods: Sequence[str], seed: int, places: Environments
) -> dict[str, list[Record]]:
    """Every setting of every method on one choosing sample: the held-out scores of its run."""
    sample, metric = draw(name, seed, choosing=True), DATA[name].metric
    work = [
        (method, Job(settings, most_iterations(method, settings), seed, timed=False))
        for method in methods
        for settings in grid_of(method, name)
    ]
    traces = run_all(sample, [(METHODS[method], job) for method, job in work], places)
    tried: dict[str, list[Record]] = {}
    for (method, job), trace in zip(work, traces, strict=True):
        values = traced(metric, trace, sample)
        copies = [
            memorisation(shown, sample.target, sample.held_out).copy_rate for shown in trace.shown
        ]
        run = {"settings": job.settings, "iterations": trace.iterations, "values": values}
        tried.setdefault(method, []).append(run | {"copies": copies})
    return tried


def choose(method: str, samples: Sequence[list[Record]]) -> Record:
    """Settings and iterations of the best held-out score, the mean over the choosing samples."""
    found = []
    for runs in zip(*samples, strict=True):
        settings, iterations = runs[0]["settings"], runs[0]["iterations"]
        # a particle that ran away on one sample rules the setting out, and so do copies
        values = np.mean([run["values"] for run in runs], axis=0)
        values[np.mean([run["copies"] for run in runs], axis=0) > MOST_COPIES] = np.nan
        free = METHODS[method].choose_iterations and "steps" not in settings
        best = int(np.nanargmin(values)) if free and not np.isnan(values).all() else -1
        kept = {"iterations": iterations[best], "value": float(values[best])}
        found.append({"settings": settings} | kept)
    return min(found, key=lambda run: np.nan_to_num(run["value"], nan=np.inf)) | {"tried": found}


def most_iterations(method: str, settings: Record) -> int:
    """The method's, but where a schedule has a length of its own."""
    return settings.get("steps", settings.get("most", METHODS[method].iterations))


def run_seed(
    name: str, seed: int, chosen: dict[str, Record], places: Environments
) -> dict[str, Record]:
    """The chosen settings on one seed's points."""
    sample, metric = draw(name, seed), DATA[name].metric
    jobs = {m: Job(found["settings"], found["iterations"], seed) for m, found in chosen.items()}
    traces = run_all(sample, [(METHODS[m], job) for m, job in jobs.items()], places)
    rows = {}
    for method, trace in zip(jobs, traces, strict=True):
        values = traced(metric, trace, sample)
        rows[method] = scores(metric, trace.final, sample) | {
            "settings": chosen[method]["settings"],
            "iterations": chosen[method]["iterations"],
            "seconds": trace.seconds[-1],
            "seconds_to_within": seconds_to_within(trace.seconds, values),
            "trace": {"seconds": trace.seconds, "values": values},
        }
    return rows


def floors(name: str, seed: int) -> dict[str, Record]:
    """What fits nothing: where particles start, fresh points, targets drawn again, with noise."""
    sample, metric, count = draw(name, seed), DATA[name].metric, DATA[name].particles
    noise = choose_bandwidth(sample.target, seed=seed).value
    clouds = {
        "source": sample.source,
        "fresh": sample.fresh,
        "resampled": resampled(sample.target, count, seed=seed),
        "smoothed": smoothed(sample.target, count, bandwidth=noise, seed=seed),
    }
    return {floor: scores(metric, cloud, sample) for floor, cloud in clouds.items()}


def read(path: Path) -> Record:
    """What is there already."""
    return json.loads(path.read_text()) if path.exists() else {"data": {}}


def keep(path: Path, name: str, section: str, found: Record) -> Record:
    """Add to the file, as it is at this moment, and return the data set's record."""
    record = read(path)
    record["machine"] = record.get("machine", machine())
    mine = record["data"].setdefault(name, {})
    for part in ("choosing", "chosen", "seeds", "floors"):
        mine.setdefault(part, {})
    for key, value in found.items():
        mine[section][key] = mine[section].get(key, {}) | value
    write_json(path, record)
    return mine


class Work(NamedTuple):
    """What is to be there at the end, and whether what is there already counts."""

    methods: Sequence[str]
    seeds: Sequence[int]
    again: bool
    out: Path


def carry_out(name: str, work: Work, places: Environments) -> None:
    """One data set: choose what is not chosen yet, and run the seeds that are missing."""
    mine = keep(work.out, name, "choosing", {})
    for seed in CHOOSING_SEEDS:
        there = {} if work.again else mine["choosing"].get(str(seed), {})
        if missing := [m for m in work.methods if m not in there]:
            found = {str(seed): try_out(name, missing, seed, places)}
            mine = keep(work.out, name, "choosing", found)
    samples = [mine["choosing"][str(seed)] for seed in CHOOSING_SEEDS]
    chosen = {m: choose(m, [sample[m] for sample in samples]) for m in work.methods}
    mine = keep(work.out, name, "chosen", chosen)
    for seed in work.seeds:
        there = {} if work.again else mine["seeds"].get(str(seed), {})
        if wanted := {m: chosen[m] for m in work.methods if not is_of(there.get(m), chosen[m])}:
            found = {str(seed): run_seed(name, seed, wanted, places)}
            mine = keep(work.out, name, "seeds", found)
        if str(seed) not in mine["floors"]:
            mine = keep(work.out, name, "floors", {str(seed): floors(name, seed)})
    show(name, mine)


def is_of(row: Record | None, chosen: Record) -> bool:
    """Whether a row was run with what is chosen now."""
    return row is not None and all(row[k] == chosen[k] for k in ("settings", "iterations"))


def show(name: str, mine: Record) -> None:
    """Means over the seeds that are there."""
    columns = ("value", "copy_rate", "nearest_ratio", "seconds", "seconds_to_within")
    lines = []
    for section, rows in (("seeds", METHODS), ("floors", ("fresh", "resampled", "smoothed"))):
        for row in rows:
            if runs := [each[row] for each in mine[section].values() if row in each]:
                means = [np.mean([r[c] for r in runs]) if c in runs[0] else None for c in columns]
                lines.append([row, *means, str(len(runs))])
    title = f"{DATA[name].title} ({DATA[name].metric})"
    print_table(title, ["method", *columns, "seeds"], lines)


def imports(python: Path | None, modules: str) -> Path | None:
    """The interpreter, if it is there and has the modules; else None, and a line that says so."""
    if python is None:
        print(f"skipped, no interpreter given: methods that need {modules}")
        return None
    try:
        subprocess.run([python, "-c", f"import {modules}"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        print(f"skipped, {python.name} cannot import them: methods that need {modules}")
        return None
    return python


CHOICES = {"data": DATA, "methods": METHODS}


def run(
    *,
    checkout: Path | None = None,
    tensorflow_python: Path | None = None,
    torch_python: Path | None = None,
    data: tuple[str, ...] = tuple(DATA),
    methods: tuple[str, ...] = tuple(METHODS),
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4),
    again: bool = False,
    out: Path = OUT,
) -> None:
    """Everything, or what is asked for; again: also what is in the file already."""
    wanted = {METHODS[m].environment for m in methods}
    places = Environments(
        imports(torch_python, "geomloss, torchcfm") if "torch" in wanted else None,
        imports(tensorflow_python, "tensorflow") if "tensorflow" in wanted else None,
        checkout,
    )
    work = Work([m for m in methods if places.has(METHODS[m])], seeds, again, out)
    for name in data:
        carry_out(name, work, places)
