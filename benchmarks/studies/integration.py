"""Batch correction of expO onto VDX, on samples that nothing was fitted to.

    pip install gparticles[bench]
    python benchmarks/run.py integration breast_er.npz
    python benchmarks/run.py integration breast_er.npz --choose

The file holds arrays expos_X, expos_er, vdxs_X and vdxs_er: two studies of breast cancer from the R
package genefu (its data sets expos and vdxs; Artistic-2.0), the same 966 probes in the same order,
log2 intensities, and oestrogen-receptor status 1, 0, or -1 where unknown. It is not shipped here.

In each split 70 % of each study are fitted to and the rest is scored; everything, the principal
components included, is fitted to the 70 % alone. No method sees labels. ``--choose`` compares
settings on splits 100 to 102, which is how the defaults were found; splits 0 to 4 are reported.
"""

import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from common import RESULTS, machine, print_means, write_json
from integration_methods import METHODS, VARIANTS, Method, Task

from gparticles.evaluate.memorisation import memorisation
from gparticles.evaluate.mixing import label_auc, neighbour_mixing, silhouette
from gparticles.evaluate.wasserstein import w2

HELD_OUT = 0.3
HALVINGS = 20
MEASURES = {
    "mixing": "mixing",
    "batch_silhouette": "silhouette of batches",
    "er_silhouette": "silhouette of ER",
    "auc_source_to_target": "ER AUC expO to VDX",
    "auc_target_to_source": "ER AUC VDX to expO",
    "w2": "W2",
    "copies": "copies",
}

Rows = dict[str, np.ndarray]


def studies(path: Path) -> Rows:
    """The arrays of the file, points in float64."""
    with np.load(path, allow_pickle=False) as file:
        return {
            "source": file["expos_X"].astype(float),
            "target": file["vdxs_X"].astype(float),
            "source_er": file["expos_er"],
            "target_er": file["vdxs_er"],
        }


def split(data: Rows, seed: int) -> tuple[Task, Rows]:
    """A task, and the labels of its four parts."""
    generator = np.random.default_rng(seed)
    parts: Rows = {}
    for name in ("source", "target"):
        order = generator.permutation(len(data[name]))
        kept = round((1 - HELD_OUT) * len(order))
        for prefix, chosen in (("", order[:kept]), ("new_", order[kept:])):
            parts[prefix + name] = data[name][chosen]
            parts[f"{prefix}{name}_er"] = data[f"{name}_er"][chosen]
    names = ("source", "target", "new_source", "new_target")
    return Task(**{name: parts[name] for name in names}, seed=seed), parts


def judged(source: np.ndarray, target: np.ndarray, labels: Rows) -> dict[str, float]:
    """The measures of held-out samples of both batches, but for copies."""
    both = np.concatenate([source, target])
    batches = np.repeat([0, 1], [len(source), len(target)])
    status = np.concatenate([labels["new_source_er"], labels["new_target_er"]])
    source_er, target_er = labels["new_source_er"], labels["new_target_er"]
    here, there = (
        (points[er >= 0], er[er >= 0]) for points, er in ((source, source_er), (target, target_er))
    )
    return {
        "mixing": neighbour_mixing(both, batches),
        "batch_silhouette": silhouette(both, batches),
        "er_silhouette": silhouette(both[status >= 0], status[status >= 0]),
        "auc_source_to_target": label_auc(here, there),
        "auc_target_to_source": label_auc(there, here),
        "w2": w2(source, target).value,
    }


def measured(method: Method, task: Task, labels: Rows) -> dict[str, Any]:
    """One method on one split, in both spaces."""
    start = time.perf_counter()
    found = method(task)
    record: dict[str, Any] = {"seconds": time.perf_counter() - start}
    fitted_to = {"genes": task.target, "latents": task.codec.encode(task.target)}
    for space in ("latents", "genes"):
        clouds = getattr(found, space)
        if clouds is not None:
            copies = memorisation(clouds[0], fitted_to[space], clouds[1]).copy_rate
            record[space] = judged(*clouds, labels) | {"copies": copies}
    return record


def floor(task: Task, seed: int) -> dict[str, dict[str, float]]:
    """Random halves of the held-out source, which is the larger one: what no batch effect gives."""
    generator = np.random.default_rng(seed)
    record: dict[str, dict[str, float]] = {}
    spaces = {"genes": task.new_source, "latents": task.codec.encode(task.new_source)}
    for space, points in spaces.items():
        rows = []
        for _ in range(HALVINGS):
            order = generator.permutation(len(points))
            # as uneven as the two studies
            size = round(len(points) * len(task.target) / len(task.source) / 2)
            halves = points[order[size : 3 * size]], points[order[:size]]
            batches = np.repeat([0, 1], [len(half) for half in halves])
            both = np.concatenate(halves)
            rows.append([neighbour_mixing(both, batches), w2(*halves).value])
        mixing, distance = np.mean(rows, axis=0)
        deviation = float(np.std(rows, axis=0)[0])
        record[space] = {"mixing": float(mixing), "mixing_sd": deviation, "w2": float(distance)}
    return record


def table(record: dict[str, Any], space: str) -> None:
    """Means over splits; seconds stand with the scores."""
    rows = {
        name: [run[space] | {"seconds": run["seconds"]} for run in runs]
        for name, runs in record["methods"].items()
        if space in runs[0]
    }
    print_means(f"Held-out samples, {space}", rows, MEASURES | {"seconds": "s"})


def run(
    data: Path, *, choose: bool = False, seeds: tuple[int, ...] = (), methods: tuple[str, ...] = ()
) -> None:
    """Score the methods, or those of which a part of the name is given; with choose, settings."""
    seeds = seeds or ((100, 101, 102) if choose else (0, 1, 2, 3, 4))
    name = "integration-choice" if choose else "integration"
    named = {
        name: method
        for name, method in (VARIANTS if choose else METHODS).items()
        if not methods or any(part in name for part in methods)
    }
    arrays = studies(data)
    tasks = [split(arrays, seed) for seed in seeds]
    record: dict[str, Any] = {"machine": machine(), "seeds": seeds, "methods": {}}
    record["floor"] = [floor(task, seed) for (task, _), seed in zip(tasks, seeds, strict=True)]
    for method, correct in named.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            runs = [measured(correct, task, labels) for task, labels in tasks]
        record["methods"][method] = runs
        if not methods:
            write_json(RESULTS / f"{name}.json", record)
    for space in ("latents", "genes"):
        table(record, space)
