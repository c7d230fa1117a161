"""How long a user waits, before a change and after it: whole commands, and seconds per step.

    python benchmarks/run.py waiting --before FOLDER --after FOLDER

Each folder is a checkout with its own `.venv`. Every command is a process of its own, in a working
folder of its own, the two checkouts in turn, for several rounds; numbers are medians. "First" has a
cache of compiled programs that is new and empty (GPARTICLES_CACHE names it; caches that JAX is
told of elsewhere are switched off), "later" is the same command once more with what the first
one left there. Seconds per step are those of a second `gpa.transport` call of many steps less one
of few, over the difference, so that compiling and the first fit do not count.
"""

import json
import os
import statistics
import subprocess
import tempfile
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from common import RESULTS, finished, machine, print_table, seconds_of, write_json

COMMANDS = {
    "run": ("run", "swiss-roll", "--out", "out"),
    "few": ("run", "--target", "few.csv", "-n", "5000", "--out", "out"),
    "help": ("--help",),
    "recipes": ("recipes",),
}
# that compile
TWICE = ("run", "few")
# source and target points, and the two numbers of steps
STEPS = {"200 + 2000": (2000, 200, 500, 2500), "4096 + 4096": (4096, 4096, 20, 120)}
STEP_CODE = """
import json, sys, time
import numpy as np
import gparticles as gpa
particles, targets, few, many = json.loads(sys.argv[1])
generator = np.random.default_rng(0)
source = generator.normal(0.0, 3.0, (particles, 3))
target = generator.normal(0.0, 1.0, (targets, 3))
def seconds(steps):
    began = time.perf_counter()
    gpa.transport(source, target, steps=steps, seed=0)
    return time.perf_counter() - began
seconds(few), seconds(many)
pairs = [(seconds(few), seconds(many)) for _ in range(3)]
print(json.dumps([(b - a) / (many - few) for a, b in pairs]))
"""
CHOICES = {"cases": (*COMMANDS, "steps")}


class Checkout(NamedTuple):
    """A checkout; its own source comes before whatever its environment has installed."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / ".venv" / "bin" / "python"

    def environment(self, cache: str) -> dict[str, str]:
        """Of its processes, with the cache of compiled programs in that folder."""
        kept = {name: value for name, value in os.environ.items() if "JAX_" not in name}
        return kept | {"PYTHONPATH": str(self.folder / "src"), "GPARTICLES_CACHE": cache}

    def script(self) -> str:
        """What its console script `gpa` does."""
        project = tomllib.loads((self.folder / "pyproject.toml").read_text())["project"]
        module, function = project["scripts"]["gpa"].split(":")
        return f"import sys\nfrom {module} import {function}\nsys.exit({function}())\n"

    def commit(self) -> str:
        command = ["git", "-C", str(self.folder), "rev-parse", "HEAD"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    def waits(self, case: str) -> dict[str, float]:
        """Seconds of one command: the first time, and again where it compiles."""
        found: dict[str, float] = {}
        with tempfile.TemporaryDirectory() as cache:
            for when in ("first", "later") if case in TWICE else ("",):
                found[f"{case}, {when}" if when else case] = self.once(case, cache)
        return found

    def once(self, case: str, cache: str) -> float:
        """Seconds of one process, in a new folder with the data that it reads."""
        with tempfile.TemporaryDirectory() as name:
            here = Path(name)
            (here / "gpa").write_text(self.script())
            (here / "few.csv").write_bytes((self.folder / "examples" / "few.csv").read_bytes())
            command = [str(self.python), "gpa", *COMMANDS[case]]
            seconds, _ = seconds_of(
                lambda: subprocess.run(
                    command, cwd=here, env=self.environment(cache), check=True, capture_output=True
                )
            )
            return seconds

    def steps(self, case: str) -> float:
        """Seconds per step, the median of three."""
        with tempfile.TemporaryDirectory() as cache:
            command = [self.python, "-c", STEP_CODE, json.dumps(STEPS[case])]
            output = finished(command, **self.environment(cache))
        return statistics.median(json.loads(output.splitlines()[-1]))


def run(
    *,
    before: Path,
    after: Path,
    rounds: int = 5,
    cases: tuple[str, ...] = CHOICES["cases"],
    out: Path = RESULTS / "waiting.json",
) -> None:
    """Both in turn, so that what else the machine does meets both; print and keep."""
    places = {"before": Checkout(before.resolve()), "after": Checkout(after.resolve())}
    seconds: dict[str, dict[str, list[float]]] = {}
    record: dict[str, Any] = {"machine": machine(), "rounds": rounds, "seconds": seconds}
    record["commits"] = {name: place.commit() for name, place in places.items()}
    for _ in range(rounds):
        for case in cases:
            for name, place in places.items():
                found = (
                    {f"a step, {size}": place.steps(size) for size in STEPS}
                    if case == "steps"
                    else place.waits(case)
                )
                for row, value in found.items():
                    seconds.setdefault(row, {}).setdefault(name, []).append(value)
        write_json(out, record)
    lines = []
    for row, each in seconds.items():
        medians = [statistics.median(each[name]) for name in places]
        lines.append(
            [row, *(f"{value:.3g}" for value in medians), f"{medians[1] / medians[0]:.2f}"]
        )
    print_table(f"Seconds, medians of {rounds}", ["", *places, "after / before"], lines)
