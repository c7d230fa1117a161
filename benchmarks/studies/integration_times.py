"""Time and memory of batch correction against the number of cells, beside harmonypy.

    pip install gparticles[bench]
    python benchmarks/run.py integration-times
    python benchmarks/run.py integration-times --sizes 1000000 --methods gparticles

Made-up cells of ten types in 50 components, half of them in each of two batches, of which one is
shifted and stretched. Every measurement is a process of its own, so that its memory is its own;
seconds leave out the imports and hold everything else, compilation included. With programs kept, an
earlier process has compiled them, and this one reads them from a folder of JAX's, as the command
does. The second call of a process, on as many cells, compiles nothing.
"""

import resource
import tempfile
import time
from typing import Any

import numpy as np
from common import RESULTS, figure, in_new_process, machine, print_table, write_json

COMPONENTS, TYPES = 50, 10
SIZES = (100, 1_000, 10_000, 100_000)
OURS, KEPT = "gparticles", "gparticles, programs kept"
AGAIN = "gparticles, second call"
METHODS = (OURS, KEPT, AGAIN, "harmonypy")


def cells(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Components (n, 50), float32, and batches, the types in equal shares in both."""
    generator = np.random.default_rng(0)
    units = np.geomspace(10, 1, COMPONENTS)
    types = 2 * generator.normal(size=(TYPES, COMPONENTS)) * units
    batches = np.arange(n) % 2
    points = types[generator.integers(TYPES, size=n)]
    points += generator.normal(size=points.shape) * units
    stretch, shift = generator.uniform(0.8, 1.25, COMPONENTS), generator.normal(size=COMPONENTS)
    moved = points * stretch + 2 * shift * units
    return np.where(batches[:, None] == 1, moved, points).astype(np.float32), batches


def corrected(method: str, points: np.ndarray, batches: np.ndarray) -> np.ndarray:
    """Batch 1 onto batch 0, as `gpa.integrate` does it; or both by harmonypy."""
    if method == "harmonypy":
        from integration_methods import harmony_of

        return harmony_of(points.astype(float), batches.astype(str), random_state=0)
    import anndata

    import gparticles as gpa

    adata = anndata.AnnData(obs={"batch": batches.astype(str)}, shape=(len(points), 0))
    adata.obsm["X_pca"] = points
    gpa.integrate(adata, "batch", reference="0")
    return np.asarray(adata.obsm["X_gpa"])


def measured(method: str, n: int) -> dict[str, Any]:
    """In this process; imports done before the clock starts."""
    import anndata  # noqa: F401
    import harmonypy  # noqa: F401

    import gparticles
    from gparticles.evaluate.mixing import neighbour_mixing

    # what is imported when it is first used
    assert callable(gparticles.integrate)
    points, batches = cells(n)
    if method == AGAIN:
        corrected(method, points, batches)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    moved = corrected(method, points, batches)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    few = np.random.default_rng(1).permutation(n)[:2000]
    return {
        "method": method,
        "cells": n,
        "seconds": seconds,
        "mib": (peak - before) / 1024,
        "mixing_before": neighbour_mixing(points[few], batches[few]),
        "mixing": neighbour_mixing(moved[few], batches[few]),
    }


def in_process(method: str, n: int) -> dict[str, Any]:
    """A measurement in a process of its own."""
    if method != KEPT:
        return in_new_process(measured, method, n)
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "JAX_COMPILATION_CACHE_DIR": folder,
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        }
        in_new_process(measured, method, n, **environment)
        return in_new_process(measured, method, n, **environment)


def run(*, sizes: tuple[int, ...] = SIZES, methods: tuple[str, ...] = ()) -> None:
    """Every method at every size, each in a process of its own; of some methods nothing is kept."""
    chosen = [m for m in METHODS if not methods or m in methods]
    rows = [in_process(method, n) for n in sizes for method in chosen]
    if not methods:
        write_json(RESULTS / "integration-times.json", {"machine": machine(), "rows": rows})
    keys = ("cells", "seconds", "mib", "mixing_before", "mixing")
    print_table(
        "Batch correction against the number of cells",
        ["method", "cells", "s", "MiB more", "mixing before", "mixing after"],
        [[row["method"], *(figure(row[key]) for key in keys)] for row in rows],
    )
