"""Are new rows of a table like real ones? Each number with what real rows themselves reach."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import ks_2samp, rankdata

from gparticles.errors import InputError
from gparticles.evaluate import distances
from gparticles.evaluate.association import associations
from gparticles.evaluate.classifier import Trees
from gparticles.evaluate.floors import redrawn
from gparticles.evaluate.frame_units import FrameUnits, Rows
from gparticles.evaluate.manifold import manifold
from gparticles.evaluate.memorisation import memorisation
from gparticles.evaluate.pairwise import nearest, subset

# rows of each table that are compared
MAX_ROWS = 2000
# fewer held-out or new rows say nothing
FEWEST = 10
FOLDS, _TREES, _LEAF = 3, 100, 2


class Sides(NamedTuple):
    """Rows to judge, the rows that were learnt from, and real rows that were not."""

    rows: Rows
    learnt: Rows
    held_out: Rows


def fidelity(new: Any, held_out: Any, *, learnt: Any, seed: int = 0) -> dict[str, dict[str, Any]]:
    """How like real ones new rows are, each number beside its floors.

    The floors are what the real rows that were learnt from reach (``fresh``: with the held-out
    ones they are two samples of one law) and these drawn again (``resampled``). All tables that are
    compared have the same number of rows, at most 2000.

    Args:
        new: a DataFrame of new rows.
        held_out: real rows that were not learnt from.
        learnt: the real rows that were.
        seed: of subsamples and forests.

    Returns:
        Name to an entry as ``evaluate`` gives them: ``value``, ``fresh``, ``resampled``, ``title``,
        ``unit``, ``note`` and ``sentence``; ``low`` and ``high`` where there is an interval.

    Raises:
        InputError: fewer than ten held-out or new rows, or a column that is not there.
    """
    for frame, role in ((held_out, "rows are held out"), (new, "new rows")):
        if len(frame) < FEWEST:
            raise InputError(f"{len(frame)} {role}: at least {FEWEST} are needed to judge by")
    units = FrameUnits.of(learnt)
    count = min(len(new), len(learnt), MAX_ROWS)
    generator = np.random.default_rng(seed)
    again = learnt.iloc[redrawn(len(learnt), count, seed=seed)]
    clouds = {
        "value": new.iloc[generator.permutation(len(new))[:count]],
        "fresh": learnt.iloc[subset(len(learnt), count, seed=seed)],
        "resampled": again,
    }
    compared = {role: units.rows(frame) for role, frame in clouds.items()}
    unseen = held_out.iloc[subset(len(held_out), MAX_ROWS, seed=seed)]
    real = units.rows(learnt), units.rows(unseen)
    return {
        name: _entry(measure, _judged(measure, compared, real))
        for name, measure in MEASURES.items()
    }


def _judged(
    measure: "TableMeasure", clouds: dict[str, Rows], real: tuple[Rows, Rows]
) -> dict[str, float]:
    """The measure of every cloud; beside the learnt rows, held-out ones are what is fresh."""
    if measure.beside_learnt:
        clouds = clouds | {"fresh": real[1]}
    values = {role: measure.measure(Sides(rows, *real)) for role, rows in clouds.items()}
    return values if measure.fresh is None else values | {"fresh": measure.fresh}


def _entry(measure: "TableMeasure", values: dict[str, float]) -> dict[str, Any]:
    return {
        **{role: round(value, 6) for role, value in values.items()},
        "unit": "1",
        "title": measure.title,
        "note": measure.note,
        "sentence": measure.sentence(values),
    }


def told_apart(one: np.ndarray, other: np.ndarray, *, trees: int = _TREES, seed: int = 0) -> float:
    """How well a forest tells rows of two clouds apart: its area under the ROC curve.

    Cross-validated in three folds, by extremely randomised trees (Geurts et al. 2006). 1/2 for two
    samples of one law, 1 where every row is told.

    Args:
        one, other: shapes (m, k) and (n, k); they may have different numbers of rows.
        trees: of the forest.
        seed: of folds and forest.
    """
    from sklearn.model_selection import StratifiedKFold

    rows, origin = np.concatenate([one, other]), np.repeat([0, 1], [len(one), len(other)])
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed % 2**32)
    areas = []
    for train, test in folds.split(rows, origin):
        forest, known = Trees(seed % 2**32, count=trees, leaf=_LEAF), origin[train]
        # both clouds count alike
        forest.fit(rows[train], known, weights=(len(known) / 2 / np.bincount(known))[known])
        areas.append(area(forest.shares(rows[test])[:, 1], origin[test]))
    return float(np.mean(areas))


def area(scores: np.ndarray, origin: np.ndarray) -> float:
    """Area under the ROC curve: how often a score of 1 is above one of 0; ties count half.

    >>> area(np.array([0.1, 0.5, 0.5, 0.9]), np.array([0, 0, 1, 1]))
    0.875
    """
    ones = int(origin.sum())
    sums = float(rankdata(scores)[origin == 1].sum()) - ones * (ones + 1) / 2
    return sums / (ones * (len(origin) - ones))


def column_distances(one: Rows, other: Rows) -> np.ndarray:
    """How far apart each column's distributions are, 0 to 1, shape (columns,).

    Kolmogorov and Smirnov's distance of numbers, total variation of kinds; the difference of the
    shares of empty cells where that is larger.
    """
    pairs = zip(one.cells, other.cells, strict=True)
    return np.array([_column_distance(a, b) for a, b in pairs])


def _column_distance(a: np.ndarray, b: np.ndarray) -> float:
    if a.dtype.kind != "f":
        levels = np.unique(np.concatenate([a, b]))
        shares = [(cells[:, None] == levels).mean(axis=0) for cells in (a, b)]
        return float(np.abs(shares[0] - shares[1]).sum() / 2)
    gap = abs(float(np.isnan(a).mean() - np.isnan(b).mean()))
    a, b = (cells[~np.isnan(cells)] for cells in (a, b))
    if not len(a) or not len(b):
        return gap if len(a) == len(b) else 1.0
    result: Any = ks_2samp(a, b, method="asymp")
    return max(gap, float(result.statistic))


def nearer_to_learnt(rows: np.ndarray, learnt: np.ndarray, held_out: np.ndarray) -> float:
    """The share of rows that are nearer to a learnt row than to any held-out one; ties count half.

    Of equally many learnt and held-out rows, so that it is 1/2 for rows that owe nothing to the
    learnt ones, and 1 for copies.
    """
    count = min(len(learnt), len(held_out))
    to_learnt = nearest(rows, learnt[subset(len(learnt), count)])[0]
    to_held_out = nearest(rows, held_out[subset(len(held_out), count)])[0]
    return float((to_learnt < to_held_out).mean() + (to_learnt == to_held_out).mean() / 2)


class TableMeasure(NamedTuple):
    """What is measured of a table, and how it is said.

    Attributes:
        title, sentence, note: the words.
        measure: the number.
        beside_learnt: whether it asks for the learnt rows, of which nothing can be fresh.
        fresh: the number of fresh rows, where that is known.
    """

    title: str
    measure: Callable[[Sides], float]
    sentence: Callable[[dict[str, float]], str]
    note: str
    beside_learnt: bool = False
    fresh: float | None = None


def _told(sides: Sides) -> float:
    return told_apart(sides.rows.points, sides.held_out.points)


def _energy(sides: Sides) -> float:
    return distances.energy_distance(sides.rows.points, sides.held_out.points)


def _mean_margin(sides: Sides) -> float:
    return float(column_distances(sides.rows, sides.held_out).mean())


def _association_error(sides: Sides) -> float:
    one, other = associations(sides.rows.cells), associations(sides.held_out.cells)
    pairs = np.abs(one - other)[np.triu_indices(len(one), 1)]
    return float(pairs.mean()) if len(pairs) else 0.0


def _coverage(sides: Sides) -> float:
    return manifold(sides.rows.points, sides.held_out.points).coverage


def _nearest(sides: Sides) -> float:
    return memorisation(*_points(sides)).nearest_ratio


def _copies(sides: Sides) -> float:
    return memorisation(*_points(sides)).copy_rate


def _privacy(sides: Sides) -> float:
    return nearer_to_learnt(*_points(sides))


def _points(sides: Sides) -> list[np.ndarray]:
    return [rows.points for rows in sides]


def _told_words(v: dict[str, float]) -> str:
    if v["value"] < 0.6:
        return "A forest hardly tells new rows from real ones."
    how = "better than" if v["value"] < v["resampled"] else "no better than"
    return (
        f"A forest tells a new row from a real one in {100 * v['value']:.0f} of 100 pairs, "
        f"which is {how} the learnt rows drawn again."
    )


def _beside_words(what: str) -> Callable[[dict[str, float]], str]:
    def words(v: dict[str, float]) -> str:
        return f"{what} {v['value']:.3g} apart; those of two real samples {v['fresh']:.3g}."

    return words


def _copies_words(v: dict[str, float]) -> str:
    if v["value"] == 0:
        return "No new row is a copy of a learnt one."
    share = f"{100 * v['value']:.1f} % of the new rows are learnt rows"
    if v["value"] <= max(0.01, v["fresh"]):
        return f"{share}, as few as among fresh real ones."
    return f"{share}: that is too many."


def _nearest_words(v: dict[str, float]) -> str:
    return (
        f"A new row is {v['value']:.2f} times as far from the nearest learnt row as a real row "
        "that was not learnt."
    )


def _privacy_words(v: dict[str, float]) -> str:
    return (
        f"{100 * v['value']:.0f} % of the new rows are nearer to a learnt row than to a held-out "
        "one; half of them would be without any memory of the learnt ones."
    )


MEASURES: dict[str, TableMeasure] = {
    "told_apart": TableMeasure(
        "told from real", _told, _told_words, "area under a forest's ROC curve; 1/2 is not told"
    ),
    "energy": TableMeasure(
        "energy distance",
        _energy,
        _beside_words("The rows are"),
        "to held-out rows, in units of the columns' spreads",
    ),
    "margins": TableMeasure(
        "columns one by one",
        _mean_margin,
        _beside_words("The columns' distributions are on average"),
        "mean of Kolmogorov-Smirnov distances of numbers and total variations of kinds",
    ),
    "associations": TableMeasure(
        "columns two by two",
        _association_error,
        _beside_words("The columns' associations are on average"),
        "mean difference of the pairs' correlations (Spearman, correlation ratio, Cramer's V)",
    ),
    "coverage": TableMeasure(
        "coverage",
        _coverage,
        lambda v: f"{100 * v['value']:.0f} % of the held-out rows have a new row nearby.",
        "share of held-out rows with a new row in their neighbourhood",
    ),
    "nearest_ratio": TableMeasure(
        "nearest",
        _nearest,
        _nearest_words,
        "median distance to the nearest learnt row, over that of held-out rows",
        beside_learnt=True,
    ),
    "copy_rate": TableMeasure(
        "copies",
        _copies,
        _copies_words,
        "share of rows at a learnt row, to a hundredth of the usual distance",
        beside_learnt=True,
    ),
    "nearer_to_learnt": TableMeasure(
        "nearer to learnt rows",
        _privacy,
        _privacy_words,
        "share of rows whose nearest real row was learnt and not held out",
        beside_learnt=True,
        fresh=0.5,
    ),
}
"""By name; ``fidelity`` computes all of them."""
