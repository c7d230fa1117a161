"""One accelerator: seconds per step, convolutions, the certificate and MNIST, beside PyTorch.

    python benchmarks/run.py accelerator --torch-python venv-torch/bin/python
    python benchmarks/run.py accelerator --quick

    steps      the default network on 100,000 targets in batches of 4096, 1e3 to 1e7 particles, each
               in a process of its own
    rivals     the step of speed.py, width 128, on 4096 targets and 1e3 to 1e6 particles at once,
               beside PyTorch, eager and compiled; with products of float32, as flows compute, and
               of TensorFloat32
    conv       600 + 200 images of 28 x 28 under three strided 5 x 5 convolutions of 128 channels
    certified  KL at 100,000 + 100,000 points
    mnist      `gpa run mnist` with these convolutions

It runs on the device that JAX names first, which the results name too: install "jax[cuda13]" in the
one environment and PyTorch for CUDA in the other. Without --torch-python rivals are left out.
"""

import json
import statistics
import tempfile
import warnings
from pathlib import Path
from typing import Any

import jax
import numpy as np
from common import (
    GPA,
    RESULTS,
    RIVALS,
    elsewhere,
    finished,
    in_new_process,
    machine,
    print_rows,
    seconds_of,
    write_json,
)
from internals import Chunks

import gparticles as gpa
from gparticles import numerics
from studies import certified, devices, speed

PARTS = ("steps", "rivals", "conv", "certified", "mnist")
CHOICES = {"parts": PARTS}
STEPS = (1000, 10_000, 100_000, 1_000_000, 10_000_000)
RIVALS_UP_TO = 1_000_000
TARGETS, WIDTH = 4096, 128
# flows compute with the first; the names of JAX and those of PyTorch
PRECISIONS = {"highest": "highest", "tensorfloat32": "high"}
REPEATS = 5
TINY = {"steps": (1000,), "targets": 64, "width": 8, "images": (12, 8), "points": 500}
CONVOLUTIONS = ("potential.preset=conv", "potential.width=128", "potential.depth=3")


def steps_of(particles: int, targets: int) -> dict[str, Any]:
    """A row of the default network."""
    return {"particles": particles, **devices.measure_growth(particles, targets)}


def ours(precision: str, targets: int, particles: int, width: int) -> dict[str, Any]:
    """Seconds of a step in this process, with products of this precision."""
    numerics.PRECISION = precision
    chunk = speed.chunks("reference's", speed.Case(targets, particles, width))
    return {"seconds": statistics.median(chunk.seconds_per_step() for _ in range(REPEATS))}


def theirs(python: Path, case: speed.Case, settings: dict[str, Any]) -> float:
    """Seconds of a step in PyTorch."""
    device = "cuda" if jax.default_backend() == "gpu" else "cpu"
    settings = {"width": case.width, "rate": 1e-3, "dt": 0.5, "device": device, **settings}
    job = {"method": "step", "checkpoints": [*range(4, 20)], "settings": settings}
    (moved,) = elsewhere([python, RIVALS / "torch_rivals.py"], speed.clouds(case), [job])
    return float(np.median(np.diff(moved.seconds)))


def rivals_of(case: speed.Case, python: Path | None) -> list[dict[str, Any]]:
    """Our step and theirs with either precision, milliseconds."""
    rows = []
    for precision, name in PRECISIONS.items():
        row = {"particles": case.particles, "precision": precision}
        row["ours"] = 1e3 * in_new_process(ours, precision, *case)["seconds"]
        for kind, compiled in (("eager", False), ("compiled", True)) if python else ():
            settings = {"precision": name, "compiled": compiled}
            row[kind] = 1e3 * theirs(python, case, settings)  # type: ignore[arg-type]
        rows.append({"eager": float("nan"), "compiled": float("nan"), **row})
    return rows


def convolution(precision: str, sizes: tuple[int, int], channels: int) -> dict[str, Any]:
    """Seconds of a step of images in this process."""
    numerics.PRECISION = precision
    generator = np.random.default_rng(0)
    clouds = tuple(generator.random((n, 28, 28), np.float32) for n in sizes)
    potential = gpa.LipschitzConv((28, 28), channels=channels, activation=jax.nn.relu)
    chunk = Chunks(clouds, {"potential": potential, "fit_steps": 5}, 16)  # type: ignore[arg-type]
    return {"seconds": statistics.median(chunk.seconds_per_step() for _ in range(REPEATS))}


def certificate(points: int) -> dict[str, Any]:
    """One certificate in this process, its compilation counted."""
    clouds = certified.clouds_of(certified.DIRECTIONS[0], points, 0)
    with warnings.catch_warnings():
        # a gap that is not reached stands in the table
        warnings.simplefilter("ignore", UserWarning)
        seconds, c = seconds_of(lambda: gpa.divergence(*clouds, devices="all"))
    return {"points": points, "seconds": seconds, "gap": c.gap, "upper": c.upper}


def mnist(overrides: tuple[str, ...]) -> dict[str, Any]:
    """A run's seconds, and what it measured."""
    with tempfile.TemporaryDirectory() as folder:
        words = [word for override in overrides for word in ("--set", override)]
        place = Path(folder, "run")
        seconds, _ = seconds_of(lambda: finished([GPA, "run", "mnist", "--out", place, *words]))
        metrics = json.loads((place / "metrics.json").read_text())
    return {"seconds": seconds, "metrics": metrics}


def run(
    *,
    parts: tuple[str, ...] = PARTS,
    torch_python: Path | None = None,
    quick: bool = False,
    out: Path | None = None,
) -> None:
    """Measures, prints each part as it is done, keeps it beside the parts measured before."""
    device = jax.devices()[0]
    out = out or RESULTS / f"accelerator-{device.device_kind.lower().replace(' ', '-')}.json"
    record = json.loads(out.read_text()) if out.exists() else {}
    record |= {"device": device.device_kind, "machine": machine(), "quick": quick}
    for part in parts:
        rows, columns = _MEASURED[part](torch_python, quick)
        record[part] = rows
        print_rows(f"{part}, on {device.device_kind}", rows, columns)
        write_json(out, record)


def _steps(_: Path | None, quick: bool) -> tuple[list[dict[str, Any]], dict[str, str]]:
    sizes, targets = (TINY["steps"], TINY["targets"]) if quick else (STEPS, 100_000)
    rows = [in_new_process(steps_of, n, targets) for n in sizes]
    return rows, {"particles": "{particles:,}", "seconds a step": "{seconds:.5f}"}


def _rivals(python: Path | None, quick: bool) -> tuple[list[dict[str, Any]], dict[str, str]]:
    sizes = TINY["steps"] if quick else [n for n in STEPS if n <= RIVALS_UP_TO]
    targets, width = (TINY["targets"], TINY["width"]) if quick else (TARGETS, WIDTH)
    cases = [speed.Case(targets, n, width) for n in sizes]
    kinds = {kind: f"{{{kind}:.4f}}" for kind in ("ours", "eager", "compiled")}
    rows = [row for case in cases for row in rivals_of(case, python)]
    return rows, {"ms a step": "{particles:,}, {precision}", **kinds}


def _conv(_: Path | None, quick: bool) -> tuple[list[dict[str, Any]], dict[str, str]]:
    sizes, channels = (TINY["images"], TINY["width"]) if quick else ((600, 200), 128)
    rows = [
        {"precision": name, **in_new_process(convolution, name, sizes, channels)}
        for name in PRECISIONS
    ]
    return rows, {"precision": "{precision}", "seconds a step": "{seconds:.5f}"}


def _certified(_: Path | None, quick: bool) -> tuple[list[dict[str, Any]], dict[str, str]]:
    rows = [in_new_process(certificate, TINY["points"] if quick else 100_000)]
    return rows, {"points": "{points:,}", "seconds": "{seconds:.1f}", "gap": "{gap:.1e}"}


def _mnist(_: Path | None, quick: bool) -> tuple[list[dict[str, Any]], dict[str, str]]:
    tiny = ("potential.width=4", "potential.depth=2", "n=20", "target.n=20", "steps=2")
    row = mnist((*CONVOLUTIONS, "potential.layer=frobenius", *(tiny if quick else ())))
    return [row], {"run": "mnist, convolutions", "seconds": "{seconds:.1f}"}


_MEASURED = dict(zip(PARTS, (_steps, _rivals, _conv, _certified, _mnist), strict=True))
