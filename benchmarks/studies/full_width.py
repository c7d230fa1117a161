"""Time and peak memory of gene expression at the paper's width, 54,675 genes, from a cold start.

    python benchmarks/run.py full-width [--rounds 3]

Each round starts `gpa run gene-expression`, and then `gpa integrate` of two csv files of 150
samples each, with report and held-out samples, in processes of their own. Peak memory is that of
the process, as the system counts it.
"""

import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from common import GPA, RESULTS, machine, print_table, write_json

SIZES = (150, 150)


def measured(command: list[Any]) -> dict[str, float]:
    """Seconds, processor seconds and peak memory in MB of a command."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    if status:
        raise SystemExit(f"gpa {command[1]} failed")
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
    record: dict[str, Any] = {"machine": machine(), "sizes": SIZES}
    record["rounds"] = {"run": [], "integrate": []}
    with tempfile.TemporaryDirectory() as name:
        files = cohorts(Path(name))
        commands = {
            "run": [GPA, "run", "gene-expression"],
            "integrate": [GPA, "integrate", *files, "--reference", "A"],
        }
        for k in range(rounds):
            for what, command in commands.items():
                out = Path(name, f"{what}-{k}")
                record["rounds"][what].append(measured([*command, "--out", out]))
    write_json(RESULTS / "full-width.json", record)
    columns = {"seconds": "s", "processor": "s of CPU", "megabytes": "MB"}
    rows = [
        (what, *(statistics.median(one[key] for one in every) for key in columns))
        for what, every in record["rounds"].items()
    ]
    title = "300 samples of 54,675 genes: medians"
    print_table(title, ("gpa", *columns.values()), rows)
