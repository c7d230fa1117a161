"""How long a run takes from a cold start to its report, where the time goes, and how large it is.

    python benchmarks/run.py report [--rounds 3]

Each round starts `gpa run swiss-roll` in a process of its own and waits for it; then the same run
goes through its parts in one more process, each timed. Last, a report of 100,000 particles in 3-D
whose positions are noise, which compresses worst, is written and weighed.
"""

import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from common import (
    GPA,
    RESULTS,
    finished,
    in_new_process,
    machine,
    print_table,
    seconds_of,
    write_json,
)

RECIPE = "swiss-roll"
# of gparticles.experiment.runs (the flow's run is its preparation's), in the order of a run
PARTS = {
    "gather": "data: read or drawn",
    "prepare": "settings checked against the data",
    "run": "flow, with compiling",
    "draw_run": "figures and trajectory.gif",
    "run_metrics": "metrics and floors",
    "report_run": "report.html",
}


def parts(folder: str) -> dict[str, float]:
    """Seconds of every part of the run, in this process, which has imported nothing yet."""
    began = time.perf_counter()
    from gparticles.experiment import runs
    from gparticles.experiment.recipes import check, read_recipe
    from gparticles.flow.transport import Prepared

    found = {"imports": time.perf_counter() - began}

    def timed(name: str, call: Any) -> Any:
        def measured(*arguments: Any, **options: Any) -> Any:
            found[name], value = seconds_of(lambda: call(*arguments, **options))
            return value

        return measured

    run = runs.run
    for name in PARTS:
        place = Prepared if name == "run" else runs
        setattr(place, name, timed(name, getattr(place, name)))
    found["whole"], _ = seconds_of(lambda: run(check(read_recipe(RECIPE)), folder))
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
    about, shown = About("noise", "", "", "", {}, {}), choose(flow, way[0])
    call = partial(write_report, folder / "report.html", flow, shown, about=about)
    seconds, path = seconds_of(call)
    return {"particles": particles, "seconds": seconds, "bytes": path.stat().st_size}


def show(record: dict[str, Any]) -> None:
    inside, large = record["parts"], record["large"]
    named = {"imports": "imports of Python packages", **PARTS}
    rows = [[title, inside[name]] for name, title in named.items()]
    rest = inside["whole"] - sum(inside[name] for name in named)
    rows += [["flow saved, particles and history written", rest], ["whole", inside["whole"]]]
    added = sum(inside[name] for name in ("draw_run", "run_metrics", "report_run"))
    rows += [["added by metrics, pictures and report", added]]
    rows += [["cold start to finished report, median", statistics.median(record["cold"])]]
    print_table(f"gpa run {RECIPE}, part by part", ["part", "seconds"], rows)
    sizes = record["sizes"] | {f"report of {large['particles']} particles": large["bytes"]}
    print_table("Sizes", ["", "MB"], [[name, size / 1e6] for name, size in sizes.items()])


def run(*, rounds: int = 3) -> None:
    """Measure, print, keep."""
    record: dict[str, Any] = {"machine": machine()}
    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name, f"cold-{k}") for k in range(rounds)]
        runs = (partial(finished, [GPA, "run", RECIPE, "--out", folder]) for folder in folders)
        record["cold"] = [seconds_of(call)[0] for call in runs]
        record["parts"] = in_new_process(parts, str(Path(name, "parts")))
        files = (folders[0] / file for file in ("report.html", "trajectory.gif"))
        record["sizes"] = {file.name: file.stat().st_size for file in files}
        record["large"] = large_report(Path(name))
    show(record)
    write_json(RESULTS / "report.json", record)
