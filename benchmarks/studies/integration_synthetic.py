"""Batch correction where the truth is known: made-up studies, balanced and confounded.

    pip install gparticles[bench]
    python benchmarks/run.py integration-synthetic

Two laboratories, 300 samples each (``gparticles.data.synthetic_expression``); 70 % of each are
fitted to, and the rest is scored: the error of every gene against what the first laboratory would
have measured, and how well genes that differ between the classes are told from others by the t
statistic on the held-out samples of both. Genes, laboratories and samples change with the seed.
"""

from typing import Any

import numpy as np
from common import RESULTS, machine, print_means, write_json
from integration_methods import LATENT_DIM, METHODS, Corrected, Method, Task, of_genes
from sklearn.metrics import roc_auc_score

import gparticles as gpa
from gparticles.data.expression import synthetic_expression

SIZES = (300, 300)
DESIGNS = {"balanced": 0.5, "70/30 against 30/70": (0.7, 0.3)}
TRAINING = 210
MEASURES = {"error": "error", "share": "share of it left", "auc": "AUC of differing genes"}


def fitted(task: Task, *new_labels: np.ndarray, **options: Any) -> Corrected:
    """The default, fitted with more than the points."""
    model = gpa.LatentGPA(LATENT_DIM, seed=task.seed).fit(task.source, task.target, **options)
    return of_genes(task, model.transform(task.new_source, *new_labels))


def with_labels(task: Task) -> Corrected:
    """A class-conditional flow; new samples come with their labels."""
    known = {"labels": task.labels["source"], "target_labels": task.labels["target"]}
    return fitted(task, task.labels["new_source"], **known)


def balanced(task: Task) -> Corrected:
    """Without labels for the flow, which sees the source's classes in the target's proportions."""
    return fitted(
        task, source_weights=gpa.class_weights(task.labels["source"], task.labels["target"])
    )


def centring_by_class(task: Task) -> Corrected:
    """Every class's mean onto that of the same class."""
    moved = task.new_source.copy()
    for label in np.unique(task.labels["target"]):
        shift = task.target[task.labels["target"] == label].mean(axis=0)
        shift -= task.source[task.labels["source"] == label].mean(axis=0)
        moved[task.labels["new_source"] == label] += shift
    return of_genes(task, moved)


SHARED = (
    *("none", "centring", "z-score", "ComBat", "POT exact", "POT entropic, 0.02", "gparticles"),
    *(f"gparticles, {what}" for what in ("residuals not scaled", "columns not matched", "no flow")),
)
OURS: dict[str, Method] = {name: METHODS[name] for name in SHARED} | {
    "centring by class (labels)": centring_by_class,
    "gparticles, balancing weights (labels)": balanced,
    "gparticles, class by class (labels)": with_labels,
}


def made(design: str, seed: int, genes: int) -> tuple[Task, dict[str, np.ndarray]]:
    """A task, the truth of the held-out source, labels of both, and which genes differ."""
    drawn = synthetic_expression(
        SIZES, positive=DESIGNS[design], genes=genes, study=1 + 10 * seed, seed=seed
    )
    values, truth = drawn.values.astype(float), drawn.truth.astype(float)
    rows = {}
    for name, batch in (("target", "A"), ("source", "B")):
        every = np.flatnonzero(drawn.batches == batch)
        rows |= {name: every[:TRAINING], f"new_{name}": every[TRAINING:]}
    labels = {name: drawn.labels[chosen] for name, chosen in rows.items()}
    task = Task(**{name: values[each] for name, each in rows.items()}, seed=seed, labels=labels)
    return task, {"truth": truth[rows["new_source"]], "differs": drawn.differs}


def t_statistics(points: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Welch's t of every gene between the two classes, in absolute value."""
    one, other = points[labels == 0], points[labels == 1]
    spread = one.var(axis=0, ddof=1) / len(one) + other.var(axis=0, ddof=1) / len(other)
    return np.abs(one.mean(axis=0) - other.mean(axis=0)) / np.sqrt(spread)


def judged(found: np.ndarray, task: Task, known: dict[str, np.ndarray]) -> dict[str, float]:
    """The root mean squared error per gene, the median over genes, and the genes' AUC."""
    errors = np.sqrt(((found - known["truth"]) ** 2).mean(axis=0))
    before = np.sqrt(((task.new_source - known["truth"]) ** 2).mean(axis=0))
    both = np.concatenate([found, task.new_target])
    labels = np.concatenate([task.labels["new_source"], task.labels["new_target"]])
    return {
        "error": float(np.median(errors)),
        "share": float(np.median(errors) / np.median(before)),
        "auc": float(roc_auc_score(known["differs"], t_statistics(both, labels))),
    }


def run(*, genes: int = 2000, seeds: tuple[int, ...] = (0, 1, 2, 3, 4)) -> None:
    """Every method in both designs; each table as it is done."""
    record: dict[str, Any] = {"machine": machine(), "genes": genes, "seeds": seeds, "designs": {}}
    for design in DESIGNS:
        runs: dict[str, list[dict[str, float]]] = {"the truth": []} | {name: [] for name in OURS}
        for seed in seeds:
            task, known = made(design, seed, genes)
            runs["the truth"].append(judged(known["truth"], task, known))
            for name, method in OURS.items():
                moved = method(task).genes
                assert moved is not None
                runs[name].append(judged(moved[0], task, known))
        record["designs"][design] = runs
        write_json(RESULTS / "integration-synthetic.json", record)
        print_means(design, runs, MEASURES)
