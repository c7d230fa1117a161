"""Time and peak memory of gene expression at the paper's width, 54,675 genes, from a cold start.

    python benchmarks/run.py full-width [--rounds 3]

Each round starts `gpa run gene-expression`, and then `gpa integrate` of two csv files of 150
samples each, with report and held-out samples, in processes of their own. Peak memory is that of
the process, as the system counts it.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import RESULTS, machine, print_table, write_json

SIZES = (150, 150)


def measured(command: list[str]) -> dict[str, float]:
    """Seconds, processor seconds and peak memory in MB of a command."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    if status:
        raise SystemExit(f"{' '.join(command[1:3])} failed")
    processor = used.ru_utime + used.ru_stime
    return {"seconds": seconds, "processor": processor, "megabytes": used.ru_maxrss / 1024}


def cohorts(folder: Path) -> list[str]:
    """Two csv files, one for each laboratory."""
    from gparticles.data import synthetic_expression

    made = synthetic_expression(SIZES)
    paths = []
    genes = ",".join(f"probe{k}" for k in range(made.values.shape[1]))
    for batch in "AB":
        path = folder / f"{batch}.csv"
        with path.open("w") as stream:
            stream.write(f"sample,{genes}\n")
            for k, row in enumerate(made.values[made.batches == batch]):
                stream.write(f"{batch}{k}," + ",".join(f"{x:.3f}" for x in row.tolist()) + "\n")
        paths.append(str(path))
    return paths


def run(*, rounds: int = 3) -> None:
    """Print and keep every round's times and memory."""
    gpa = str(Path(sys.executable).with_name("gpa"))
    found: dict[str, list[dict[str, float]]] = {"run": [], "integrate": []}
    record = {"machine": machine(), "sizes": SIZES}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = cohorts(folder)
        for k in range(rounds):
            out = str(folder / f"run-{k}")
            found["run"].append(measured([gpa, "run", "gene-expression", "--out", out]))
            out = str(folder / f"out-{k}")
            command = [gpa, "integrate", *files, "--reference", "A", "--out", out]
            found["integrate"].append(measured(command))
    write_json(RESULTS / "full-width.json", {**record, "rounds": found})
    keys = ("seconds", "processor", "megabytes")
    rows = [
        (what, *(statistics.median(one[key] for one in every) for key in keys))
        for what, every in found.items()
    ]
    print_table("300 samples of 54,675 genes: medians", ("gpa", "s", "s of CPU", "MB"), rows)
