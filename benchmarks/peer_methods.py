"""The methods of peers.py, each with the settings it may choose among, and how they are run.

A run returns its particles at several checkpoints, and the seconds that had been spent on fitting
and moving up to each: without imports, without compiling, and without what the checkpoints cost.
"""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from common import RIVALS, elsewhere, reference
from peer_data import Sample

import gparticles as gpa
from gparticles.flow import Progress

SHOWN = 500
CHECKPOINTS = 16
Settings = dict[str, Any]


class Trace(NamedTuple):
    """A run: `shown` is the first 500 particles at each checkpoint, `final` all at the last."""

    iterations: list[int]
    seconds: list[float]
    shown: np.ndarray
    final: np.ndarray


class Job(NamedTuple):
    """One run to make."""

    settings: Settings
    iterations: int
    seed: int
    timed: bool = True


class Method(NamedTuple):
    """Where a method runs, its name there, and how many iterations it may take at most."""

    environment: str
    kind: str
    iterations: int
    choose_iterations: bool = True


def spaced(iterations: int) -> list[int]:
    """Checkpoints whose ratio is constant, the last at the end; from a fiftieth on."""
    ideal = np.geomspace(max(iterations / 50, 1), iterations, CHECKPOINTS)
    return sorted({round(float(value)) for value in ideal})


FM_GRID = tuple(
    {"width": width, "rate": rate, "batch": 128, "sigma": 0.0}
    for width in (64, 256)
    for rate in (1e-3, 3e-3)
)
POTENTIALS: dict[str, Callable[[int, int], Any]] = {
    "default": lambda d, seed: gpa.smooth_mlp(d, layer=gpa.AOL, seed=seed),
    "default, width 64": lambda d, seed: gpa.smooth_mlp(d, width=64, layer=gpa.AOL, seed=seed),
    "smooth": lambda d, seed: gpa.smooth_mlp(d, seed=seed),
    "tight, width 32": lambda d, seed: gpa.tight_mlp(d, width=32, seed=seed),
}
METHODS = {
    "defaults": Method("here", "ours", 1000, choose_iterations=False),
    "chosen": Method("here", "ours", 1000),
    "reference": Method("tensorflow", "reference", 1000),
    "sinkhorn": Method("torch", "sinkhorn", 15),
    "energy": Method("torch", "energy", 500),
    "fm": Method("torch", "fm", 4000),
    "otcfm": Method("torch", "otcfm", 4000),
}
OURS_FEW = (
    {"potential": "default"},
    {"potential": "default", "falling": True, "steps": 300},
    {"potential": "smooth"},
    {"potential": "tight, width 32"},
)
# scale="log" is what the recipes of heavy tails use
OURS_HEAVY = (
    {"potential": "default"},
    {"potential": "smooth"},
    {"potential": "default", "scale": "log"},
    {"potential": "smooth", "scale": "log"},
)
# without a network: the optimal potential of the particles where they are, smoothed; few steps
EXACT = {"potential": "exact", "f": "W1", "step_size": 1.0, "most": 30}
OURS_MANY = (
    {"potential": "default, width 64", "falling": True, "steps": 1000},
    EXACT | {"smoothing": 1.0},
    EXACT | {"smoothing": 1.1},
    EXACT | {"smoothing": 1.2},
)
# raw units; its Swiss roll's and mixture's, its Student-t's and its MNIST's rates and step sizes
REFERENCE_SETTINGS = {
    "swiss-roll": {"rate": 1e-3, "dt": 0.5},
    "mixture": {"rate": 1e-3, "dt": 0.5},
    "student-t": {"rate": 1e-2, "dt": 0.1},
    "digits": {"rate": 5e-4, "dt": 0.5},
    "mnist-latent": {"rate": 5e-4, "dt": 0.5},
}


MANY_DIMENSIONS = ("digits", "mnist-latent")


def grid_of(method: str, data: str) -> tuple[Settings, ...]:
    """What the method may choose among on this data set; distances grow with the dimension."""
    many = data in MANY_DIMENSIONS
    blurs = (0.5, 1.0, 2.0, 4.0) if many else (0.1, 0.2, 0.4, 0.8)
    rates = (3.0, 10.0, 30.0) if many else (0.3, 1.0, 3.0)
    return {
        "defaults": ({"potential": "default"},),
        "chosen": OURS_MANY if many else OURS_HEAVY if data == "student-t" else OURS_FEW,
        "reference": (REFERENCE_SETTINGS[data],),
        "sinkhorn": tuple({"blur": blur, "rate": 0.5} for blur in blurs),
        "energy": tuple({"rate": rate, "batch": 500} for rate in rates),
        "fm": FM_GRID,
        "otcfm": FM_GRID,
    }[method]


class Environments(NamedTuple):
    """Where the interpreters are; None for what is not installed."""

    torch: Path | None
    tensorflow: Path | None
    reference: Path | None

    def has(self, method: Method) -> bool:
        """Whether the method can be run."""
        if method.environment == "tensorflow":
            return self.tensorflow is not None and self.reference is not None
        return method.environment == "here" or self.torch is not None


def run_all(
    sample: Sample, work: Sequence[tuple[Method, Job]], places: Environments
) -> list[Trace]:
    """The traces of all jobs, in their order; each environment is started once."""
    found: dict[int, Trace] = {}
    for environment in ("here", "torch", "tensorflow"):
        mine = {k: one for k, one in enumerate(work) if one[0].environment == environment}
        if not mine:
            continue
        if environment == "here":
            traces = [ours(sample, job) for _, job in mine.values()]
        else:
            traces = abroad(sample, list(mine.values()), places)
        found |= dict(zip(mine, traces, strict=True))
    return [found[k] for k in range(len(work))]


COMPILED: set[tuple] = set()


def ours(sample: Sample, job: Job) -> Trace:
    """`gparticles.transport`; the first timed run of a kind is made twice, since it compiles."""
    kind = (json.dumps(job.settings), job.iterations, sample.source.shape)
    if job.timed and kind not in COMPILED:
        COMPILED.add(kind)
        transported(sample, job)
    return transported(sample, job)


def falling(steps: int) -> Callable[[int], float]:
    """Step sizes that fall in a straight line from the default's 0.5 working units."""
    return lambda step: 0.5 * (1 - step / steps) + 0.005


def transported(sample: Sample, job: Job) -> Trace:
    """One flow; frames are kept by default, and a callback says when they were reached."""
    options = {k: v for k, v in job.settings.items() if k not in ("steps", "most")}
    if options["potential"] == "exact":
        potential = gpa.ExactPotential(smoothing=options.pop("smoothing"))
        options |= {"f": gpa.Wasserstein1(), "lipschitz": 1.0}
    else:
        potential = POTENTIALS[options["potential"]](sample.source.shape[1], job.seed)
    if options.pop("falling", False):
        options["step_size"] = falling(job.iterations)
    clock = {0: 0.0}
    began = time.perf_counter()

    def note(progress: Progress) -> None:
        clock[progress.step] = time.perf_counter() - began

    flow = gpa.transport(
        sample.source,
        sample.target,
        **options | {"potential": potential, "steps": job.iterations, "seed": job.seed},
        callbacks=(note,),
    )
    whole = time.perf_counter() - began
    steps = [int(step) for step in flow.trajectory_steps[1:]]
    seconds = [clock[step] for step in steps[:-1]] + [whole]
    return Trace(steps, seconds, flow.trajectory[1:, :SHOWN], flow.particles)


def abroad(sample: Sample, work: list[tuple[Method, Job]], places: Environments) -> list[Trace]:
    """Jobs of another interpreter; the reference works in raw units, since its settings are raw."""
    raw = work[0][0].environment == "tensorflow"
    centre, unit = (0.0, 1.0) if raw else (sample.centre, sample.unit)
    checkpoints = [spaced(job.iterations) for _, job in work]
    jobs = [
        {"method": method.kind, "checkpoints": at, "settings": job.settings, "seed": job.seed}
        for (method, job), at in zip(work, checkpoints, strict=True)
    ]
    command = [places.torch, RIVALS / "torch_rivals.py"]
    if raw:
        command = reference(places.tensorflow, places.reference)
    clouds = (sample.source - centre) / unit, (sample.target - centre) / unit
    return [
        Trace(at, m.seconds, *(centre + unit * x.astype(np.float64) for x in (m.shown, m.final)))
        for at, m in zip(checkpoints, elsewhere(command, clouds, jobs), strict=True)
    ]
