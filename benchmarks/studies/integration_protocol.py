"""The paper's protocol for gene expression, as it was and on held-out samples.

    pip install gparticles[bench]
    python benchmarks/run.py integration-protocol breast_er.npz

Each ER class of expO moves onto the same class of VDX, and half the squared Wasserstein-2 distance
between the two is printed before and after, which is what the Sinkhorn divergence of geomloss
(p = 2) comes to at a blur that is small beside the distances. The paper moves and scores the same
samples and uses the target's labels; the second table scores samples that nothing was fitted to.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import RESULTS, machine, print_means, write_json
from integration_methods import LATENT_DIM, Task

import gparticles as gpa
from gparticles.evaluate.memorisation import COPY_TOLERANCE
from gparticles.evaluate.pairwise import squared_distances
from gparticles.evaluate.wasserstein import w2
from studies.integration import split, studies

CLASSES = {"positive": 1, "negative": 0}
Array = np.ndarray
Move = Callable[[Array, Array], Array]


def location_scale(task: Task) -> Move:
    """Means and standard deviations of each gene, class by class."""
    known = {name: task.labels[name] for name in ("source", "target")}

    def move(points: Array, labels: Array) -> Array:
        moved = points.copy()
        for label in CLASSES.values():
            source, target = (getattr(task, k)[known[k] == label] for k in ("source", "target"))
            gain = target.std(axis=0) / np.maximum(source.std(axis=0), 1e-12)
            rows = labels == label
            moved[rows] = (points[rows] - source.mean(axis=0)) * gain + target.mean(axis=0)
        return moved

    return move


def flow(task: Task, **settings: Any) -> Move:
    model = gpa.LatentGPA(LATENT_DIM, seed=task.seed, **settings)
    labels = {"labels": task.labels["source"], "target_labels": task.labels["target"]}
    return model.fit(task.source, task.target, **labels).transform


def long_flow(task: Task) -> Move:
    """As the paper does it: no affine maps, many steps, and what the components lose left out."""
    plain: dict[str, Any] = {"columns": None, "align": None, "keep_residual": False}
    return flow(task, **plain, steps=3000, step_size=0.5)


METHODS: dict[str, Callable[[Task], Move]] = {
    "none": lambda _: lambda points, _: points,
    "location and scale": location_scale,
    "gparticles": flow,
    "gparticles without residuals": lambda task: flow(task, keep_residual=False),
    "gparticles without residuals, flow only, 3000 steps": long_flow,
}


def labelled(task: Task, parts: dict[str, Array]) -> Task:
    """The samples of known class only, with their labels."""
    names = ("source", "target", "new_source", "new_target")
    known = {name: parts[f"{name}_er"] >= 0 for name in names}
    found = Task(**{name: parts[name][known[name]] for name in names}, seed=task.seed)
    found.labels = {name: parts[f"{name}_er"][known[name]] for name in names}
    return found


def whole(data: dict[str, Array]) -> Task:
    """All samples, to fit and to score: the paper's way."""
    parts = {f"{prefix}{name}": data[name] for prefix in ("", "new_") for name in data}
    names = ("source", "target", "new_source", "new_target")
    return labelled(Task(**{name: parts[name] for name in names}, seed=0), parts)


def judged(moved: Array, task: Task) -> dict[str, float]:
    """Half of W2 squared of each class to the held-out target's, and copies of training ones."""
    labels = (task.labels["new_source"], task.labels["new_target"])
    latents = (task.codec.encode(x) for x in (moved, task.target))
    return of_classes(moved, task.new_target, labels) | {"copies": copies(*latents)}


def of_classes(one: Array, other: Array, labels: tuple[Array, Array]) -> dict[str, float]:
    """Half of W2 squared, class by class."""
    return {
        name: float(w2(one[labels[0] == label], other[labels[1] == label]).value ** 2 / 2)
        for name, label in CLASSES.items()
    }


def copies(moved: Array, targets: Array) -> float:
    """The share of samples at a training target: within 0.01 of targets' median distance."""
    among = np.sqrt(squared_distances(targets, targets))
    np.fill_diagonal(among, np.inf)
    near = np.sqrt(squared_distances(moved, targets)).min(axis=1)
    return float((near <= COPY_TOLERANCE * np.median(among.min(axis=1))).mean())


def floor(task: Task) -> dict[str, float]:
    """The target against its own reconstruction, as in the paper."""
    back = task.codec.decode(task.codec.encode(task.new_target))
    return of_classes(task.new_target, back, (task.labels["new_target"],) * 2)


def run(data: Path, *, seeds: tuple[int, ...] = (0, 1, 2, 3, 4)) -> None:
    """Both protocols, every method; each table as it is done."""
    rows = studies(data)
    tasks = {
        "fitted and scored on the same samples": [whole(rows)],
        "held out": [labelled(*split(rows, seed)) for seed in seeds],
    }
    record: dict[str, Any] = {"machine": machine(), "seeds": seeds}
    for kind, each in tasks.items():
        record[kind] = {"floor": [floor(task) for task in each]}
        for name, method in METHODS.items():
            record[kind][name] = [
                judged(method(task)(task.new_source, task.labels["new_source"]), task)
                for task in each
            ]
        write_json(RESULTS / "integration-protocol.json", record)
        print_means(kind, record[kind], {k: k for k in (*CLASSES, "copies")})
