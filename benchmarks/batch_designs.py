"""Made-up batches of which the truth is known: composition, kind of effect, and scores.

A design has two to five batches of three to eight classes. ``COMPOSITIONS`` says how the classes'
proportions differ, ``EFFECTS`` what the laboratories did: every batch but the first is shifted;
affine, it is stretched and mixed; nonlinear, classes move differently besides. Sizes are few
different ones, since every new shape is compiled anew.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

COMPOSITIONS = ("same", "mild", "strong", "missing", "alone", "single")
EFFECTS = ("additive", "affine", "nonlinear")
DIM, FIRST, SIZES = 15, 300, (150, 300, 600)
# neighbours that scores look at; classes of fewer samples in a batch are not scored
NEIGHBOURS, FEWEST = 30, 10
# of classes' means
APART = 7.0
Array = np.ndarray


@dataclass(frozen=True)
class Design:
    """Samples of several batches, what the first laboratory would have measured, and classes."""

    name: str
    points: Array
    truth: Array
    batches: Array
    classes: Array


def design(composition: str, effect: str, *, seed: int) -> Design:
    """One draw."""
    place = [seed, COMPOSITIONS.index(composition), EFFECTS.index(effect)]
    generator = np.random.default_rng(place)
    single = composition == "single"
    batches = 3 if single else int(generator.integers(2, 6))
    classes = 2 if single else int(generator.integers(3, 9))
    units = np.geomspace(3, 1, DIM)
    means = _apart(generator, classes, units)
    spreads = [
        0.25 * generator.normal(size=(DIM, DIM)) + np.diag(generator.uniform(0.6, 1.1, DIM))
        for _ in range(classes)
    ]
    rows = []
    for batch, shares in enumerate(_shares(composition, (batches, classes), generator)):
        size = FIRST if batch == 0 else int(generator.choice(SIZES))
        labels = np.repeat(np.arange(classes), generator.multinomial(size, shares))
        noise = generator.normal(size=(size, DIM))
        clean = means[labels] + np.einsum("nij,nj->ni", np.array(spreads)[labels], noise)
        seen = clean if batch == 0 else _measured(clean, effect, units, generator)
        rows.append((seen, clean, np.full(size, batch), labels))
    points, truth, names, labels = (np.concatenate(part) for part in zip(*rows, strict=True))
    title = f"{composition}, {effect}: {batches} batches, {classes} classes"
    return Design(title, points, truth, names, labels)


def _apart(generator: np.random.Generator, count: int, units: Array) -> Array:
    """Means of classes, none nearer to another than `APART`."""
    means = 1.6 * generator.normal(size=(count, DIM)) * units
    for _ in range(200):
        gaps = np.linalg.norm(means[:, None] - means, axis=2) + 1e9 * np.eye(count)
        if gaps.min() > APART:
            break
        means[np.unravel_index(gaps.argmin(), gaps.shape)[1]] = 1.8 * (
            generator.normal(size=DIM) * units
        )
    return means


def _shares(composition: str, shape: tuple[int, int], generator: np.random.Generator) -> Array:
    """Of every class in every batch."""
    batches, classes = shape
    base = generator.dirichlet(np.full(classes, 5.0))
    if composition == "single":
        return np.array([[0.5, 0.5], [1, 0], [0, 1]])
    if composition == "same":
        return np.tile(base, (batches, 1))
    if composition == "strong":
        shares = generator.dirichlet(np.full(classes, 0.7), size=batches)
        shares = np.maximum(shares, 0.03)
    else:
        shares = np.maximum(generator.dirichlet(6 * classes * base + 0.5, size=batches), 0.05)
    if composition == "missing":
        shares[np.arange(batches), generator.integers(classes, size=batches)] = 0
    if composition == "alone":
        chosen, owner = generator.integers(classes), generator.integers(batches)
        shares[:, chosen] = 0
        shares[owner, chosen] = 0.25
    return shares / shares.sum(axis=1, keepdims=True)


def _measured(clean: Array, effect: str, units: Array, generator: np.random.Generator) -> Array:
    seen = clean + 0.8 * generator.normal(size=DIM) * units
    if effect == "additive":
        return seen
    mixed = np.diag(generator.uniform(0.8, 1.25, DIM)) + 0.03 * generator.normal(size=(DIM, DIM))
    seen = seen + clean @ (mixed - np.eye(DIM)).T
    if effect == "affine":
        return seen
    directions = generator.normal(size=(DIM, 4)) / np.sqrt(1.44 * DIM * np.mean(units**2))
    return seen + np.tanh(clean @ directions) @ (0.6 * generator.normal(size=(4, DIM)) * units)


def scores(made: Design, moved: Array, rows: Array | None = None) -> dict[str, float]:
    """Own class among neighbours, mixing within classes, and what is left of the error.

    Of all samples, or of those of a mask, each among all others.
    """
    return {
        "own": own_class(moved, made.classes, rows=rows),
        "mixing": mixing_within(moved, made.batches, made.classes, rows=rows),
        "error": error_left(made, moved, rows=rows),
    }


def own_class(
    points: Array, classes: Array, *, k: int = NEIGHBOURS, rows: Array | None = None
) -> float:
    """The share of a sample's neighbours that are of its class."""
    rows = np.ones(len(points), bool) if rows is None else rows
    near = cKDTree(points).query(points[rows], k=k + 1)[1][:, 1:]
    return float((classes[near] == classes[rows, None]).mean())


def mixing_within(
    points: Array, batches: Array, classes: Array, *, rows: Array | None = None
) -> float:
    """Other batches among neighbours of one's class over what chance gives, mean over classes.

    Every batch of a class has the same say. NaN where no class is in two batches.
    """
    asked = np.ones(len(points), bool) if rows is None else rows
    each = []
    for label in np.unique(classes):
        rows = classes == label
        names, counts = np.unique(batches[rows], return_counts=True)
        names = names[counts >= FEWEST]
        rows &= np.isin(batches, names)
        if len(names) < 2:
            continue
        one, batch, here = points[rows], batches[rows], asked[rows]
        k = min(NEIGHBOURS, int(counts[counts >= FEWEST].min()))
        near = cKDTree(one).query(one, k=k + 1)[1][:, 1:]
        others = (batch[near] != batch[:, None]).mean(axis=1)
        sides = [
            others[(batch == n) & here].mean() * (len(batch) - 1) / (batch != n).sum()
            for n in np.unique(batch[here])
        ]
        each += [np.mean(sides)] if sides else []
    return float(np.mean(each)) if each else float("nan")


def error_left(made: Design, moved: Array, *, rows: Array | None = None) -> float:
    """Distance to the truth over that before; a shift of all samples alike does not count."""
    first = made.batches == 0
    rest = ~first if rows is None else rows & ~first

    def error(points: Array) -> float:
        away = points - made.truth
        away = away - away[first].mean(axis=0)
        return float(np.sqrt((away[rest] ** 2).sum(axis=1).mean()))

    return error(moved) / error(made.points)
