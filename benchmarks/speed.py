"""Seconds per flow step beside the reference, eager PyTorch and the bare matrix products.

One step is three Adam updates of a potential with three hidden layers (KL, L = 1, rate 1e-3), then
one Euler move of dt 0.5, in three dimensions, on all samples at once unless a row says otherwise:

    ours        `gparticles.transport` with the reference's settings, potentials stored as by
                default: compiled chunks of a prepared flow, once the first fit has settled
    whole call  the same by a whole second `transport` call over its steps, first fit included
    default's   as `ours` with the potential that `transport` takes by default (AOL layers and a
                smooth activation); all else as above
    reference   the published TensorFlow code; `batch` works through chunks, as its own
                configurations do
    torch       the same step in eager PyTorch
    products    the matrix products that a step cannot do without, and nothing else: three fits
                (forward, backward to weights and to hidden features) on both samples, one velocity
                (forward, backward to the inputs) on the particles

All run one after the other, ours before and after each rival, for several rounds; numbers are
medians, ratios the others' time over ours. The rivals' scripts are in rivals/.
"""

import argparse
import json
import os
import statistics
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from common import RESULTS, cores, last_line_of, machine, print_table, seconds_of, write_json
from products import DEPTH, FIT_STEPS, WINDOW_SECONDS, Products

import gparticles as gpa
from gparticles.flow.preparation import Settings, prepare
from gparticles.flow.stepping import run_chunk
from gparticles.potential import AbstractPotential

DIM = 3
RIVALS = Path(__file__).parent / "rivals"
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


class Chunks:
    """A prepared flow whose compiled chunk of steps can be called over and over."""

    def __init__(self, name: str, case: Case, capacity: int):
        free = {"reverse": False, "batch_size": None, "bounds": None, "stop": None}
        settings = Settings(**settings_of(name, case, capacity), **free)
        none = (None, None)
        self.problem = (prepared := prepare(*clouds(case), none, none, settings)).problem
        self.capacity = capacity
        self.state = prepared.state
        self.state = self._run(1)
        # the counter goes back to 1 before every timing: 0 would settle the first fit again
        self.steps = 1
        one = statistics.median(self.seconds_per_step() for _ in range(3))
        self.steps = max(1, min(capacity - 1, int(WINDOW_SECONDS / one)))
        self.seconds_per_step()

    def _run(self, limit: int) -> Any:
        limit = jnp.asarray(limit, jnp.int32)
        state, chunk = run_chunk(self.problem, self.state, limit, self.capacity)
        jax.block_until_ready((state, chunk))
        return state

    def seconds_per_step(self) -> float:
        """One timing of a chunk."""
        self.state = self.state._replace(step=jnp.ones((), jnp.int32))
        seconds, self.state = seconds_of(partial(self._run, 1 + self.steps))
        if bool(self.state.failed):
            raise SystemExit("a value became non-finite")
        return seconds / self.steps


def whole_call(name: str, case: Case, options: argparse.Namespace) -> dict[str, float]:
    """A second `transport` call, which compiles nothing, over its steps."""
    steps = 10 if options.quick else 1000 if case.targets < 1000 else 100
    call = partial(gpa.transport, *clouds(case), **settings_of(name, case, steps))
    call()
    seconds, _ = seconds_of(call)
    return {"steps": steps, "seconds": seconds, "seconds_per_step": seconds / steps}


def rivals_of(case: Case, options: argparse.Namespace) -> dict[str, list[Any]]:
    """The command of every rival of a case."""
    steps = 3 if options.quick else 30 if case.targets < 1000 else 12
    shape = ["--targets", case.targets, "--particles", case.particles, "--width", case.width]
    shape += ["--steps", steps, "--warmup", 1 if options.quick else 4]
    reference = [options.reference_python, RIVALS / "reference_step.py"]
    reference += ["--checkout", options.reference, *shape]
    commands = {"reference": reference}
    # on a remainder the chunks' sums are wrong, and one chunk of everything was timed already
    if case.targets % BATCH == case.particles % BATCH == 0 and case.particles > BATCH:
        commands["reference, batch"] = [*reference, "--batch", BATCH]
    torch = [options.torch_python, RIVALS / "torch_step.py", *shape, "--threads", cores()]
    return commands | {"torch": torch}


def measure(case: Case, options: argparse.Namespace) -> dict[str, Any]:
    """All timings of one case, ours around every rival's."""
    # as many rows as transport would give a chunk, within its 32 MiB of potentials
    capacity = 256 if case.width <= 32 else 64
    ours = {name: Chunks(name, case, capacity) for name in POTENTIALS}
    ours["products"] = Products(*clouds(case), case.width)
    seconds: dict[str, list[float]] = {name: [] for name in ours}

    def time_ours() -> None:
        for _ in range(1 if options.quick else REPEATS):
            for name, timer in ours.items():
                seconds[name].append(timer.seconds_per_step())

    for _ in range(options.rounds):
        time_ours()
        for name, command in rivals_of(case, options).items():
            took = last_line_of(command)["median_seconds_per_step"]
            seconds.setdefault(name, []).append(took)
            time_ours()
    whole = {name: whole_call(name, case, options) for name in POTENTIALS}
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return {**case._asdict(), "median": medians, "whole_call": whole, "seconds": seconds}


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


def compile_seconds(options: argparse.Namespace) -> dict[str, list[float]]:
    """First call minus warm call, in fresh processes without a compilation cache."""
    found: dict[str, list[float]] = {name: [] for name in POTENTIALS}
    for _ in range(1 if options.quick else COMPILE_RUNS):
        for name, values in found.items():
            command = [sys.executable, __file__, "--cold", name]
            command += ["--quick"] if options.quick else []
            both = last_line_of(command, JAX_ENABLE_COMPILATION_CACHE="false")
            values.append(both["first"] - both["warm"])
    return found


def import_seconds(options: argparse.Namespace) -> dict[str, list[float]]:
    """`import gparticles` above its foundations, each time in a fresh process."""
    runs = 1 if options.quick else IMPORT_RUNS
    command = [sys.executable, "-c", IMPORT_CODE]
    # the first one reads files that the others find in memory
    each = [last_line_of(command) for _ in range(1 + runs)][1:]
    return {key: [times[key] for times in each] for key in each[0]}


def show_starting(record: dict[str, Any]) -> None:
    """Seconds before the first step."""
    rows = [
        [f"compiling, {name} potential", statistics.median(values)]
        for name, values in record["compile"].items()
    ]
    rows += [
        [f"import {name}", statistics.median(record["import"][key])]
        for name, key in (
            ("jax, equinox, optax", "foundations"),
            ("gparticles, above these", "gparticles"),
        )
    ]
    print_table("Before the first step", ["", "seconds"], rows)


def parse_arguments() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--reference", type=Path, help="a checkout of the published code")
    parser.add_argument("--reference-python", type=Path, help="an interpreter with TensorFlow")
    parser.add_argument("--torch-python", type=Path, help="an interpreter with PyTorch")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="tiny shapes: does it run")
    parser.add_argument("--out", type=Path, default=RESULTS / "speed.json")
    parser.add_argument("--cold", choices=POTENTIALS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    rivals = (options.reference, options.reference_python, options.torch_python)
    if options.cold is None and not all(rivals):
        parser.error("--reference, --reference-python and --torch-python are needed")
    if options.quick:
        options.rounds = 1
    return options


def main() -> None:
    """Measure, show, keep everything."""
    options = parse_arguments()
    if options.cold is not None:
        print(json.dumps(first_and_warm(options.cold, options.quick)))
        return
    record: dict[str, Any] = {"machine": machine(), "import": import_seconds(options)}
    record["compile"] = compile_seconds(options)
    show_starting(record)
    cases = TINY_CASES if options.quick else CASES
    record["steps"] = [summarise(measure(case, options)) for case in cases]
    show_steps(record["steps"])
    write_json(options.out, record | {"load_after": os.getloadavg()[0]})


if __name__ == "__main__":
    main()
