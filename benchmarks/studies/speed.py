"""Seconds per flow step beside the reference, eager PyTorch and the bare matrix products.

docs/measured.md says what a step is. `ours` is a compiled chunk of steps with the reference's
settings, once the first fit has settled; `default's` the same with the default potential; `whole
call` a second `transport` call, first fit included. All run one after the other, ours before and
after each rival, for several rounds; numbers are medians, ratios the others' time over ours.
"""

import os
import statistics
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import optax
from common import (
    RESULTS,
    RIVALS,
    elsewhere,
    in_new_process,
    last_line_of,
    machine,
    print_table,
    reference,
    seconds_of,
    write_json,
)
from internals import Chunks
from products import DEPTH, FIT_STEPS, Products

import gparticles as gpa
from gparticles.potential import AbstractPotential

DIM = 3
BATCH = 200
REPEATS = 5
ADAM = optax.adam(1e-3)
IMPORT_RUNS, COMPILE_RUNS = 5, 3
IMPORT_CODE = """
import json, time
a = time.perf_counter()
import jax, equinox, optax
b = time.perf_counter()
import gparticles
c = time.perf_counter()
print(json.dumps({"foundations": b - a, "gparticles": c - b}))
"""

POTENTIALS: dict[str, Callable[..., AbstractPotential]] = {
    "reference's": partial(gpa.smooth_mlp, activation=jax.nn.relu),
    "default's": partial(gpa.smooth_mlp, layer=gpa.AOL),
}


class Places(NamedTuple):
    """Where the rivals are."""

    checkout: Path
    reference_python: Path
    torch_python: Path


class Case(NamedTuple):
    """What a step works on."""

    targets: int
    particles: int
    width: int

    def __str__(self) -> str:
        return f"{self.targets} + {self.particles}, width {self.width}"


SIZES = ((200, 200), (200, 2000), (4096, 4096))
CASES = tuple(Case(*size, width) for width in (32, 128) for size in SIZES)
TINY_CASES = (Case(20, 40, 32),)


def clouds(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """The samples that the rivals' scripts draw."""
    rng = np.random.default_rng(0)
    source = rng.normal(0.0, 3.0, (case.particles, DIM))
    return source, rng.normal(0.0, 1.0, (case.targets, DIM))


def settings_of(name: str, case: Case, steps: int) -> dict[str, Any]:
    """The reference's settings, with either potential."""
    return {
        "f": gpa.KL(),
        "lipschitz": 1.0,
        "potential": POTENTIALS[name](DIM, width=case.width, depth=DEPTH),
        "integrator": gpa.Euler(),
        "steps": steps,
        "step_size": 0.5,
        "fit_steps": FIT_STEPS,
        "optimizer": ADAM,
        "scale": 1.0,
        "store": gpa.Store(),
        "seed": 0,
    }


def whole_call(name: str, case: Case, quick: bool) -> dict[str, float]:
    """A second `transport` call, which compiles nothing, over its steps."""
    steps = 10 if quick else 1000 if case.targets < 1000 else 100
    call = partial(gpa.transport, *clouds(case), **settings_of(name, case, steps))
    call()
    seconds, _ = seconds_of(call)
    return {"steps": steps, "seconds": seconds, "seconds_per_step": seconds / steps}


def rivals_of(case: Case, places: Places, quick: bool) -> dict[str, Callable[[], float]]:
    """What times a step of every rival of a case, in seconds."""
    warm, steps = 1 if quick else 4, 3 if quick else 30 if case.targets < 1000 else 12

    def seconds(command: list[Any], method: str, **settings: Any) -> float:
        free = {"width": case.width, "rate": 1e-3, "dt": 0.5}
        job = {"method": method, "checkpoints": [*range(warm, warm + steps + 1)]}
        (moved,) = elsewhere(command, clouds(case), [job | {"settings": free | settings}])
        return statistics.median(np.diff(moved.seconds))

    theirs = reference(places.reference_python, places.checkout)
    rivals = {"reference": partial(seconds, theirs, "reference")}
    # on a remainder the chunks' sums are wrong, and one chunk of everything was timed already
    if case.targets % BATCH == case.particles % BATCH == 0 and case.particles > BATCH:
        rivals["reference, batch"] = partial(seconds, theirs, "reference", batch=BATCH)
    torch = [places.torch_python, RIVALS / "torch_rivals.py"]
    return rivals | {"torch": partial(seconds, torch, "step")}


def measure(case: Case, places: Places, rounds: int, *, quick: bool) -> dict[str, Any]:
    """All timings of one case, ours around every rival's."""
    ours = {name: chunks(name, case) for name in POTENTIALS}
    ours["products"] = Products(*clouds(case), case.width)
    seconds: dict[str, list[float]] = {name: [] for name in ours}

    def time_ours() -> None:
        for _ in range(1 if quick else REPEATS):
            for name, timer in ours.items():
                seconds[name].append(timer.seconds_per_step())

    for _ in range(rounds):
        time_ours()
        for name, timed in rivals_of(case, places, quick).items():
            seconds.setdefault(name, []).append(timed())
            time_ours()
    whole = {name: whole_call(name, case, quick) for name in POTENTIALS}
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return {**case._asdict(), "median": medians, "whole_call": whole, "seconds": seconds}


def chunks(name: str, case: Case) -> Any:
    """A compiled chunk of steps with either potential."""
    # as many rows as transport would give a chunk, within its 32 MiB of potentials
    capacity = 256 if case.width <= 32 else 64
    return Chunks(clouds(case), settings_of(name, case, capacity), capacity)


def summarise(found: dict[str, Any]) -> dict[str, Any]:
    """The ratios that the documentation quotes."""
    medians = found["median"]
    base = medians["reference's"]
    rivals = ("reference", "reference, batch", "torch")
    ratios = {f"{name} / ours": medians[name] / base for name in rivals if name in medians}
    shares = {"products / ours": medians["products"] / base}
    shares["default's / ours"] = medians["default's"] / base
    return found | {"ratios": ratios | shares}


def show_steps(cases: Sequence[dict[str, Any]]) -> None:
    """Milliseconds, then ratios."""
    names = ["reference's", "default's", "products", "reference", "reference, batch", "torch"]
    header = ["ms per step", "ours", *names[1:], "whole call", "default's"]
    rows, ratios = [], []
    for found in cases:
        label = str(Case(found["targets"], found["particles"], found["width"]))
        whole = [1e3 * found["whole_call"][name]["seconds_per_step"] for name in POTENTIALS]
        steps = [found["median"].get(name) for name in names]
        rows.append([label, *(None if s is None else 1e3 * s for s in steps), *whole])
        ratios.append([label, *(found["ratios"].get(f"{name} / ours") for name in names[1:])])
    print_table("Milliseconds per step", header, rows)
    print_table("Time over ours (products: our share of their rate)", ["ratio", *names[1:]], ratios)


def first_and_warm(name: str, quick: bool) -> dict[str, float]:
    """The first call in this process, and the second."""
    case = TINY_CASES[0] if quick else Case(200, 2000, 32)
    call = partial(gpa.transport, *clouds(case), **settings_of(name, case, 20))
    first, _ = seconds_of(call)
    return {"first": first, "warm": seconds_of(call)[0]}


def starting(quick: bool) -> dict[str, Any]:
    """Seconds before the first step, each in fresh processes.

    `import gparticles` above its foundations; and first call minus warm call without a
    compilation cache.
    """
    command = [sys.executable, "-c", IMPORT_CODE]
    # the first one reads files that the others find in memory
    each = [last_line_of(command) for _ in range(1 + (1 if quick else IMPORT_RUNS))][1:]
    imports = {key: [times[key] for times in each] for key in each[0]}
    compiling: dict[str, list[float]] = {name: [] for name in POTENTIALS}
    for _ in range(1 if quick else COMPILE_RUNS):
        for name, values in compiling.items():
            without = {"JAX_ENABLE_COMPILATION_CACHE": "false"}
            both = in_new_process(first_and_warm, name, quick, **without)
            values.append(both["first"] - both["warm"])
    rows = [[f"compiling, {n} potential", statistics.median(v)] for n, v in compiling.items()]
    titles = {"foundations": "jax, equinox, optax", "gparticles": "gparticles, above these"}
    rows += [[f"import {title}", statistics.median(imports[k])] for k, title in titles.items()]
    print_table("Before the first step", ["", "seconds"], rows)
    return {"import": imports, "compile": compiling}


def run(
    *,
    checkout: Path,
    reference_python: Path,
    torch_python: Path,
    rounds: int = 2,
    quick: bool = False,
    out: Path = RESULTS / "speed.json",
) -> None:
    """Measure, print, keep everything."""
    record: dict[str, Any] = {"machine": machine()} | starting(quick)
    places = Places(checkout, reference_python, torch_python)
    record["steps"] = [
        summarise(measure(case, places, 1 if quick else rounds, quick=quick))
        for case in (TINY_CASES if quick else CASES)
    ]
    show_steps(record["steps"])
    write_json(out, record | {"load_after": os.getloadavg()[0]})
