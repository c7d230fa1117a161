"""What the benchmarks share: tables, result files, and a description of the machine."""

import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

# the command, beside this interpreter
GPA = Path(sys.executable).with_name("gpa")
RUN = Path(__file__).with_name("run.py")
RIVALS = RUN.with_name("rivals")
RESULTS = Path(__file__).parent / "results"
Clouds = tuple[np.ndarray, np.ndarray]
Record = dict[str, Any]
PACKAGES = ("gparticles", "jax", "equinox", "optax", "numpy", "scikit-learn", "POT")


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


def machine() -> dict[str, Any]:
    """Where the numbers were taken, without names of hosts or paths."""
    return {
        "processor": processor(),
        "cores": cores(),
        "load_before": os.getloadavg()[0],
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
    }


def processor() -> str:
    """The processor's name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def write_json(path: Path, record: Any) -> None:
    """Write the file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    temporary.write_text(json.dumps(record, indent=1) + "\n")
    temporary.replace(path)


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A table whose first column is text and whose others are numbers."""
    table = Table(title=title, title_justify="left")
    for k, name in enumerate(header):
        table.add_column(name, justify="left" if k == 0 else "right", no_wrap=k == 0)
    for row in rows:
        table.add_row(*(cell if isinstance(cell, str) else figure(cell) for cell in row))
    # a terminal's width where there is one, and no wrapping in a file
    Console(width=None if Console().is_terminal else 160).print(table)


def print_rows(title: str, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> None:
    """A table of records: by the headings, how each one's cell is formatted from it."""
    cells = [[how.format_map(row) for how in columns.values()] for row in rows]
    print_table(title, list(columns), cells)


def print_means(
    title: str, rows: Mapping[str, Sequence[Mapping[str, float]]], columns: Mapping[str, str]
) -> None:
    """Means and standard deviations over runs; columns are headings by scores."""
    cells = [
        [name, *(mean_and_sd([run[k] for run in runs if _is_known(run, k)]) for k in columns)]
        for name, runs in rows.items()
    ]
    print_table(title, ["", *columns.values()], cells)


def _is_known(run: Mapping[str, float], name: str) -> bool:
    """Whether a run has a number of this name: a ratio to nothing is none."""
    return name in run and not math.isnan(run[name])


def figure(value: float | None) -> str:
    """Three significant digits, or a dash."""
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def mean_and_sd(values: Sequence[float]) -> str:
    """The mean and, of two values or more, the standard deviation; a dash for none."""
    if not values:
        return "-"
    mean = statistics.fmean(values)
    if len(values) < 2:
        return f"{mean:.2f}"
    return f"{mean:.2f} ± {statistics.stdev(values):.2f}"


def seconds_of(call: Callable[[], Any]) -> tuple[float, Any]:
    """How long a call took, and what it returned."""
    start = time.perf_counter()
    value = call()
    return time.perf_counter() - start, value


def in_new_process(function: Callable[..., Any], *arguments: Any, **environment: str) -> Any:
    """What a function of a study returns in a process that has compiled nothing; plain JSON."""
    place = f"{function.__module__}:{function.__name__}"
    command = [sys.executable, RUN, "--call", place, json.dumps(arguments)]
    return last_line_of(command, **environment)


def last_line_of(command: Sequence[Any], **environment: str) -> Any:
    """Run a script to its end and read the JSON of its last line of output."""
    return json.loads(finished(command, **environment).splitlines()[-1])


def finished(command: Sequence[Any], **environment: str) -> str:
    """Run a command to its end, and return its output."""
    words = [str(part) for part in command]
    done = subprocess.run(words, capture_output=True, text=True, env=os.environ | environment)
    if done.returncode:
        tail = "\n".join(done.stderr.splitlines()[-15:])
        raise SystemExit(f"{Path(words[1]).name} failed:\n{tail}")
    return done.stdout


class Moved(NamedTuple):
    """What a rival came to: at checkpoints seconds and its first particles, at the end all."""

    seconds: list[float]
    shown: np.ndarray
    final: np.ndarray


def elsewhere(
    command: Sequence[Any], clouds: Clouds, jobs: Sequence[dict[str, Any]]
) -> list[Moved]:
    """Jobs of a script of rivals/ in another interpreter, as rivals/jobs.py says."""
    usual = {"method": "reference", "settings": {}, "seed": 0, "warm": True}
    with tempfile.TemporaryDirectory() as folder:
        asked, results = Path(folder, "jobs.npz"), Path(folder, "results.npz")
        listed = np.array(json.dumps([usual | job for job in jobs]))
        np.savez(asked, allow_pickle=False, jobs=listed, source=clouds[0], target=clouds[1])
        finished([*command, asked, results])
        with np.load(results) as arrays:
            return [
                Moved(arrays[f"seconds_{k}"].tolist(), arrays[f"shown_{k}"], arrays[f"final_{k}"])
                for k in range(len(jobs))
            ]


def reference(python: Path | None, checkout: Path | None) -> list[Any]:
    """The command of the published implementation."""
    return [python, RIVALS / "reference.py", checkout]
