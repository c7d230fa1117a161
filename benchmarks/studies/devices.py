"""Particles over devices and processes: the same result, what a step costs, what is sent.

    python benchmarks/run.py devices
    python benchmarks/run.py devices --cases growth --rows 10000 100000 1000000 10000000
    python benchmarks/run.py devices --cases whole --rows 100000 1000000 10000000

"growth" is a flow of ever more particles: seconds, the most memory, and how many copies of the
particles the compiled steps take. "whole" is `gpa run` with as many, to the report.
Every row is a process of its own (or several), since how many devices there are is fixed when JAX
begins. Devices are forced ones of one processor, so seconds say what splitting costs, not what it
wins. "sent" are the collective operations of a compiled step and the bytes of their operands. The
results of several devices differ by rounding, which the first fit magnifies: their energy distance
to that of one device, less the one of that result to itself, stands beside that of another seed.
"""

import json
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
from common import RESULTS, RUN, figure, machine, print_table, seconds_of, write_json

import gparticles as gpa
from gparticles.data import swiss_roll
from gparticles.evaluate.distances import energy_distance
from gparticles.experiment import runs
from gparticles.experiment.recipes import check, read_recipe, with_overrides
from gparticles.flow import prepare
from gparticles.flow.network import run_chunk
from gparticles.hosts import joined
from gparticles.numerics import own_settings

CASES = ("devices", "hosts", "growth", "whole")
CHOICES = {"cases": CASES}
PARTICLES, TARGETS, STEPS = 4096, 1024, 60
KINDS = ("all-reduce", "all-gather", "collective-permute", "all-to-all", "reduce-scatter")
SIZES = {"f32": 4, "f64": 8, "s32": 4, "u32": 4, "pred": 1}


def clouds(particles: int, targets: int) -> tuple[np.ndarray, np.ndarray]:
    """A Gaussian of standard deviation 3, and the Swiss roll."""
    generator = np.random.default_rng(0)
    source = generator.normal(0.0, 3.0, (particles, 3)).astype(np.float32)
    return source, swiss_roll(targets, seed=1).astype(np.float32)


def flow_of(seed: int, steps: int = STEPS) -> gpa.Flow:
    store = gpa.Store(potentials=False, frames=2)
    settings = {"devices": "all", "store": store, "seed": seed}
    return gpa.transport(*clouds(PARTICLES, TARGETS), steps=steps, **settings)


def seconds_per_step() -> float:
    """Of a second call's later steps, so that compiling and the first fit do not count."""
    flow_of(0)
    marks: list[tuple[int, float]] = []

    def mark(progress: Any) -> None:
        marks.append((progress.step, time.perf_counter()))

    store = gpa.Store(potentials=False, frames=2)
    settings = {"devices": "all", "store": store, "callbacks": (mark,)}
    gpa.transport(*clouds(PARTICLES, TARGETS), steps=4 * STEPS, **settings)
    (first, began), (last, ended) = marks[0], marks[-1]
    return (ended - began) / (last - first)


def collectives() -> dict[str, list[int]]:
    """How many collective operations a compiled chunk holds, and their bytes, by kind."""
    ready = prepare(*clouds(PARTICLES, TARGETS), steps=STEPS, devices="all")
    with own_settings():
        problem, state = ready.placement.placed(ready.problem, ready.state)
        text = run_chunk.lower(problem, state, jax.numpy.int32(1), capacity=8).compile().as_text()
    counted = {}
    for kind in KINDS:
        results = re.findall(rf"= (.*?) {kind}(?:-start)?\(", text)
        counted[kind] = [len(results), sum(_bytes(result) for result in results)]
    return counted


def _bytes(shapes: str) -> int:
    total = 0
    for kind, sizes in re.findall(r"(\w+)\[([\d,]*)\]", shapes):
        total += SIZES.get(kind, 4) * int(np.prod([int(n) for n in sizes.split(",") if n]))
    return total


def measure(count: int, out: str) -> dict[str, Any]:
    """One process of ``count`` forced devices."""
    jax.config.update("jax_num_cpu_devices", count)
    particles = flow_of(0).particles
    np.save(out, particles)
    record: dict[str, Any] = {"seconds": seconds_per_step()}
    if count > 1:
        record["sent"] = collectives()
    else:
        np.save(out.replace(".npy", "-other.npy"), flow_of(1).particles)
    return record


def measure_host(count: int, index: int, address: str, out: str) -> dict[str, Any]:
    """One of ``count`` processes."""
    with joined(address, count, index):
        particles = flow_of(0).particles
        record = {"seconds": seconds_per_step()}
        if index == 0:
            np.save(out, particles)
    return record


def measure_growth(particles: int, targets: int) -> dict[str, float]:
    """Seconds per step and the most memory of one process with one device."""
    source, target = clouds(particles, targets)
    before = memory("VmRSS")
    marks: list[tuple[int, float]] = []

    def mark(progress: Any) -> None:
        marks.append((progress.step, time.perf_counter()))

    store = gpa.Store(potentials=False, frames=2)
    ready = prepare(source, target, steps=12, store=store, batch_size=4096)
    with own_settings():
        program = run_chunk.lower(ready.problem, ready.state, jax.numpy.int32(1), capacity=8)
        needed = program.compile().memory_analysis()
    ready.run(callbacks=(mark,))
    (first, began), (last, ended) = marks[0], marks[-1]
    return {
        "seconds": (ended - began) / (last - first),
        "mib": memory("VmHWM"),
        "mib_before": before,
        "points_mib": source.nbytes / 2**20,
        "copies_in_steps": needed.temp_size_in_bytes / source.nbytes,
    }


def memory(which: str) -> float:
    """MiB of this process: VmRSS now, VmHWM at most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(which))


def measure_whole(particles: int, targets: int) -> dict[str, float]:
    """Seconds of what comes after the flow, the report's size and the most memory of a run."""
    record: dict[str, float] = {}

    def timed(name: str, call: Any) -> Any:
        def measured(*arguments: Any, **options: Any) -> Any:
            record[name], value = seconds_of(lambda: call(*arguments, **options))
            return value

        return measured

    for name in ("draw_run", "run_metrics", "report_run"):
        setattr(runs, name, timed(name, getattr(runs, name)))
    settings = (f"n={particles}", f"target.n={targets}", "steps=12", "batch_size=4096")
    config = check(with_overrides(read_recipe("swiss-roll"), list(settings)))
    with tempfile.TemporaryDirectory() as folder:
        record["whole"], result = seconds_of(lambda: runs.run(config, Path(folder) / "run"))
        record["report_mb"] = result.report.stat().st_size / 1e6
        frames = result.flow.trajectory
    return record | {
        "mib": memory("VmHWM"),
        "frames": len(frames),
        "frames_mb": frames.nbytes / 1e6,
    }


def started(function: str, *arguments: Any) -> subprocess.Popen:
    command = [sys.executable, str(RUN), "--call", f"studies.devices:{function}"]
    return subprocess.Popen([*command, json.dumps(arguments)], stdout=subprocess.PIPE, text=True)


def answer(process: subprocess.Popen) -> dict[str, Any]:
    output, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"a process of this study ended with {process.returncode}")
    return json.loads(output.splitlines()[-1])


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def split_rows(cases: tuple[str, ...], folder: Path) -> dict[str, dict[str, Any]]:
    """Every number of devices, and of processes."""
    rows: dict[str, dict[str, Any]] = {}
    for count in (1, 2, 4):
        place = folder / f"devices-{count}.npy"
        rows[f"{count} devices"] = answer(started("measure", count, str(place)))
        rows[f"{count} devices"]["file"] = str(place)
    if "hosts" in cases:
        place, address = folder / "hosts.npy", free_address()
        processes = [started("measure_host", 2, index, address, str(place)) for index in range(2)]
        rows["2 processes"] = {**answer(processes[0]), "file": str(place)}
        processes[1].communicate()
    alone = np.load(rows["1 devices"]["file"])
    rows["another seed"] = {"file": str(folder / "devices-1-other.npy")}
    nothing = energy_distance(alone, alone)
    for row in rows.values():
        row["energy"] = energy_distance(np.load(row.pop("file")), alone) - nothing
    return rows


def run(
    *,
    cases: tuple[str, ...] = ("devices", "hosts"),
    rows: tuple[int, ...] = (10_000, 100_000, 1_000_000),
    out: Path = RESULTS / "devices.json",
) -> None:
    """Measures what was asked for, prints it and keeps it."""
    record = json.loads(out.read_text()) if out.exists() else {}
    if "devices" in cases:
        with tempfile.TemporaryDirectory() as folder:
            record["split"] = {"machine": machine(), **split_rows(cases, Path(folder))}
        lines = [
            [name, row["energy"], row.get("seconds", None), _sent(row)]
            for name, row in record["split"].items()
            if name != "machine"
        ]
        title = f"{PARTICLES} particles, {TARGETS} targets"
        print_table(title, ["", "energy distance", "seconds a step", "sent"], lines)
    if "growth" in cases:
        grown = {str(n): answer(started("measure_growth", n, 100_000)) for n in rows}
        record["growth"] = {"machine": machine(), **grown}
        lines = [
            [
                *(f"{int(n):,}", row["seconds"], row["seconds"] / int(n) * 1e6, row["mib"]),
                *((row["mib"] - row["mib_before"]) / row["points_mib"], row["copies_in_steps"]),
            ]
            for n, row in grown.items()
        ]
        heads = ["particles", "seconds a step", "microseconds a particle", "MiB"]
        heads += ["copies in all", "of compiled steps"]
        print_table("100,000 targets, batches of 4096", heads, lines)
    if "whole" in cases:
        ended = {str(n): answer(started("measure_whole", n, 100_000)) for n in rows}
        record["whole"] = {"machine": machine(), **ended}
        lines = [[f"{int(n):,}", *row.values()] for n, row in ended.items()]
        heads = ["particles", *next(iter(ended.values()))]
        print_table("gpa run to 100,000 targets, 12 steps", heads, lines)
    write_json(out, record)


def _sent(row: dict[str, Any]) -> str:
    sent = {kind: pair for kind, pair in row.get("sent", {}).items() if pair[0]}
    return ", ".join(f"{n} {kind}: {figure(size)} bytes" for kind, (n, size) in sent.items())
