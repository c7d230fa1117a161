"""What the benchmarks share: tables, result files, and a description of the machine."""

import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"
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


def figure(value: float | None) -> str:
    """Three significant digits, or a dash."""
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def mean_and_sd(values: Sequence[float]) -> str:
    """The mean and, of two values or more, the standard deviation."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return f"{mean:.2f}"
    return f"{mean:.2f} ± {statistics.stdev(values):.2f}"


def seconds_of(call: Callable[[], Any]) -> tuple[float, Any]:
    """How long a call took, and what it returned."""
    start = time.perf_counter()
    value = call()
    return time.perf_counter() - start, value


def last_line_of(command: Sequence[Any], **environment: str) -> dict[str, Any]:
    """Run a script to its end and read the JSON of its last line of output."""
    finished = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        env=os.environ | environment,
    )
    if finished.returncode:
        tail = "\n".join(finished.stderr.splitlines()[-15:])
        raise SystemExit(f"{Path(str(command[1])).name} failed:\n{tail}")
    return json.loads(finished.stdout.splitlines()[-1])
