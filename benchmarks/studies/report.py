"""How long a run takes from a cold start to its report, where the time goes, and how large it is.

    python benchmarks/run.py report [--rounds 3]

Each round starts `gpa run swiss-roll` in a process of its own and waits for it; then the same run
goes through its parts in one more process, each timed. Last, a report of 100,000 particles in 3-D
whose positions are noise, which compresses worst, is written and weighed.
"""

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from common import RESULTS, in_new_process, machine, print_table, seconds_of, write_json

RECIPE = "swiss-roll"
# of gparticles.experiment.runs, in the order in which a run calls them
PARTS = {
    "gather": "data: read or drawn",
    "rehearse": "settings checked against the data",
    "transport": "flow, with compiling",
    "draw_run": "figures and trajectory.gif",
    "run_metrics": "metrics and floors",
    "report_run": "report.html",
}


def cold(folder: Path) -> float:
    """Seconds of the command in a process of its own."""
    command = [str(Path(sys.executable).with_name("gpa")), "run", RECIPE, "--out", str(folder)]
    seconds, _ = seconds_of(lambda: subprocess.run(command, check=True, capture_output=True))
    return seconds


def parts(folder: str) -> dict[str, float]:
    """Seconds of every part of the run, in this process, which has imported nothing yet."""
    began = time.perf_counter()
    from gparticles.experiment import runs
    from gparticles.experiment.recipes import check, read_recipe

    found = {"imports": time.perf_counter() - began}

    def timed(name: str, call: Any, *arguments: Any, **options: Any) -> Any:
        found[name], value = seconds_of(lambda: call(*arguments, **options))
        return value

    for name in PARTS:
        setattr(runs, name, partial(timed, name, getattr(runs, name)))
    found["whole"], _ = seconds_of(lambda: runs.run(check(read_recipe(RECIPE)), folder))
    found["whole"] += found["imports"]
    return found


def large_report(folder: Path, particles: int = 100_000) -> dict[str, float]:
    """Seconds and bytes of the report of many particles that are noise at every stored time."""
    from gparticles.flow import Flow
    from gparticles.flow.scaling import Scaling
    from gparticles.report import About, write_report
    from gparticles.report.shown import choose

    steps, frames = 1000, 50
    generator = np.random.default_rng(0)
    way = generator.normal(size=(frames, particles, 3)).astype(np.float32)
    curve = generator.random(steps)
    flow = Flow(
        particles=way[-1],
        history={"time": np.arange(steps), "divergence": curve, "kinetic_energy": curve},
        trajectory=way,
        trajectory_steps=np.linspace(0, steps, frames).astype(int),
        outcome=f"took all {steps} steps",
        notes=(),
        lipschitz=1.0,
        certified=True,
        classes=None,
        scaling=Scaling(np.zeros(3), np.array(1.0), 10.0),
        bounds=None,
        settings={},
    )
    about = About("noise", "", "", "", {}, {})
    shown = choose(flow, way[0])
    seconds, path = seconds_of(
        lambda: write_report(folder / "report.html", flow, shown, about=about)
    )
    return {"particles": particles, "seconds": seconds, "bytes": path.stat().st_size}


def measure(rounds: int) -> dict[str, Any]:
    described = machine()
    folder = Path(tempfile.mkdtemp())
    try:
        times = [cold(folder / f"cold-{k}") for k in range(rounds)]
        ours = folder / "cold-0"
        sizes = {name: (ours / name).stat().st_size for name in ("report.html", "trajectory.gif")}
        inside = in_new_process(parts, str(folder / "parts"))
        return {
            "machine": described,
            "cold": times,
            "parts": inside,
            "sizes": sizes,
            "large": large_report(folder),
        }
    finally:
        shutil.rmtree(folder)


def show(record: dict[str, Any]) -> None:
    inside, large = record["parts"], record["large"]
    added = sum(inside[name] for name in ("draw_run", "run_metrics", "report_run"))
    named = {"imports": "imports of Python packages", **PARTS}
    rows = [[title, inside[name]] for name, title in named.items()]
    rest = inside["whole"] - sum(inside[name] for name in named)
    rows += [["flow saved, particles and history written", rest], ["whole", inside["whole"]]]
    print_table(f"gpa run {RECIPE}, part by part", ["part", "seconds"], rows)
    cold_seconds = ", ".join(f"{seconds:.1f}" for seconds in record["cold"])
    median = statistics.median(record["cold"])
    print(f"cold start to finished report: median {median:.1f} s ({cold_seconds})")
    print(f"added by metrics, pictures and report: {added:.1f} s")
    for name, size in record["sizes"].items():
        print(f"{name}: {size / 1e6:.2f} MB")
    size, count = large["bytes"] / 1e6, large["particles"]
    print(f"report of {count} particles: {size:.2f} MB, written in {large['seconds']:.1f} s")


def run(*, rounds: int = 3) -> None:
    """Measure, print, keep."""
    record = measure(rounds)
    show(record)
    write_json(RESULTS / "report.json", record)
