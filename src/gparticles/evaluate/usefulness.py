"""Is it worth it? What is learnt from new rows, and from both, beside what real rows teach."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import rankdata

from gparticles.errors import InputError
from gparticles.evaluate.frame_units import FrameUnits, KindColumn, NumberColumn
from gparticles.evaluate.wasserstein import Interval

REPEATS, _TREES, _LEAF = 3, 100, 2
# draws of the held-out rows by which intervals are formed
DRAWS = 500
TAUGHT_BY: tuple[str, ...] = ("real", "new", "both")


class Fold(NamedTuple):
    """Real rows that were learnt from, new rows made of them, and real rows kept from both."""

    real: Any
    new: Any
    held_out: Any


class Usefulness(NamedTuple):
    """What forests learn, tested on held-out real rows.

    Attributes:
        task: the column that they learn.
        measure: in words.
        scores: of forests taught by ``real``, ``new`` and ``both``, with 95 % intervals.
        gains: of ``new`` and ``both`` over ``real``, likewise.
        sentence: what that says.
    """

    task: str
    measure: str
    scores: dict[str, Interval]
    gains: dict[str, Interval]
    sentence: str

    def entries(self) -> dict[str, dict[str, Any]]:
        """As ``metrics.json`` holds them."""
        return {
            f"taught_by_{name}": {
                **score._asdict(),
                "unit": "1",
                "title": f"{self.task} learnt from {_ROWS[name]}",
                "note": self.measure,
                "sentence": self.sentence if name == "both" else "",
            }
            for name, score in self.scores.items()
        }


_ROWS = {"real": "real rows", "new": "new rows", "both": "real and new rows"}


def usefulness(
    folds: Sequence[Fold],
    task: Any,
    *,
    repeats: int = REPEATS,
    draws: int = DRAWS,
    seed: int = 0,
) -> Usefulness:
    """What a forest learns of a column from real rows, from new ones, and from both.

    Some forests for each of the three and each fold; their mean prediction of the held-out rows
    is scored by R^2 where the column holds numbers, and by the area under the ROC curve (the mean
    of all pairs of kinds: Hand and Till 2001) where it holds kinds. Intervals hold the middle 95 %
    over draws of the held-out rows of all folds with repetition, the same draws for all three,
    so they say what other held-out rows would give, and not what other real rows to learn from.

    Args:
        folds: at least one; the more, the more rows are tested on.
        task: the column.
        repeats: forests of each kind.
        draws: by which intervals are formed; without any, intervals are one number.
        seed: of forests and draws.

    Raises:
        InputError: the column is not there, is constant, or too few rows are held out.
    """
    units = FrameUnits.of(folds[0].real)
    column = next((c for c in units.columns if c.name == task), None)
    if column is None:
        raise InputError(f"{str(task)!r} is no column of the table; name one of {units.names}")
    scorer = _Numbers(column) if isinstance(column, NumberColumn) else _Kinds(column)
    truth = np.concatenate([scorer.cells(fold.held_out) for fold in folds])
    known = scorer.known(truth)
    if known.sum() < 10 or len(np.unique(truth[known])) < 2:
        raise InputError(
            f"column {str(task)!r}: fewer than ten held-out rows have a value, or all the same; "
            "give more rows, or name another column"
        )
    answers = {
        name: np.concatenate([_taught(fold, name, scorer, (repeats, seed)) for fold in folds])[
            known
        ]
        for name in TAUGHT_BY
    }
    return _judged(str(task), scorer, Answers(truth[known], answers), (draws, seed))


class Answers(NamedTuple):
    """The truth of the held-out rows, and what each forest says of them."""

    truth: np.ndarray
    by: dict[str, np.ndarray]

    def take(self, rows: np.ndarray) -> "Answers":
        return Answers(self.truth[rows], {name: said[rows] for name, said in self.by.items()})


class _Task:
    """How a column is learnt and scored."""

    measure = ""

    def __init__(self, column: NumberColumn | KindColumn):
        self.column = column

    def cells(self, frame: Any) -> np.ndarray:
        return self.column.cells(frame)


class _Numbers(_Task):
    measure = "R^2 on held-out rows"

    def known(self, cells: np.ndarray) -> np.ndarray:
        return np.isfinite(cells)

    def predicted(self, rows: np.ndarray, cells: np.ndarray, asked: np.ndarray, seed: int) -> Any:
        from sklearn.ensemble import RandomForestRegressor

        forest = RandomForestRegressor(_TREES, min_samples_leaf=_LEAF, random_state=seed)
        return forest.fit(rows, cells).predict(asked)

    def score(self, truth: np.ndarray, answers: np.ndarray) -> float:
        spread = np.square(truth - truth.mean()).sum()
        return float(1 - np.square(truth - answers).sum() / spread) if spread > 0 else np.nan


class _Kinds(_Task):
    measure = "area under the ROC curve on held-out rows"

    @property
    def levels(self) -> np.ndarray:
        return np.array([level for level in self.column.levels if level])  # type: ignore[union-attr]

    def known(self, cells: np.ndarray) -> np.ndarray:
        return np.isin(cells, self.levels)

    def predicted(self, rows: np.ndarray, cells: np.ndarray, asked: np.ndarray, seed: int) -> Any:
        """The share of the trees' votes for every level, shape (n, levels)."""
        from sklearn.ensemble import RandomForestClassifier

        forest = RandomForestClassifier(_TREES, min_samples_leaf=_LEAF, random_state=seed)
        shares = np.zeros((len(asked), len(self.levels)))
        forest.fit(rows, cells)
        shares[:, np.searchsorted(self.levels, forest.classes_)] = forest.predict_proba(asked)
        return shares

    def score(self, truth: np.ndarray, answers: np.ndarray) -> float:
        """The mean over pairs of levels of how often the right one of two rows has more votes."""
        indices = np.searchsorted(self.levels, truth)
        present = np.unique(indices)
        areas = [
            _area(answers[indices == i, i], answers[indices == j, i])
            for i in present
            for j in present
            if i != j
        ]
        return float(np.mean(areas)) if areas else np.nan


def _area(higher: np.ndarray, lower: np.ndarray) -> float:
    """How often a number of the first is above one of the second; ties count half."""
    ranks = rankdata(np.concatenate([higher, lower]))[: len(higher)]
    return float((ranks.sum() / len(higher) - (len(higher) + 1) / 2) / len(lower))


def _taught(fold: Fold, name: str, task: _Numbers | _Kinds, how: tuple[int, int]) -> np.ndarray:
    """The mean prediction of so many forests, from a seed, for the held-out rows of a fold."""
    repeats, seed = how
    units = FrameUnits.of(fold.real).without(task.column.name)
    frames = {"real": (fold.real,), "new": (fold.new,), "both": (fold.real, fold.new)}[name]
    rows = np.concatenate([units.points(frame) for frame in frames])
    cells = np.concatenate([task.cells(frame) for frame in frames])
    usable, asked = task.known(cells), units.points(fold.held_out)
    if usable.sum() < 2:
        raise InputError(
            f"column {str(task.column.name)!r}: hardly any row has a value to learn from; "
            "name another column"
        )
    each = [
        task.predicted(rows[usable], cells[usable], asked, (seed + k) % 2**32)
        for k in range(repeats)
    ]
    return np.mean(each, axis=0)


def _judged(
    name: str, task: _Numbers | _Kinds, answers: Answers, how: tuple[int, int]
) -> Usefulness:
    """Scores, gains and their intervals, from the same draws of the held-out rows for all."""

    def scores(of: Answers) -> np.ndarray:
        return np.array([task.score(of.truth, of.by[which]) for which in TAUGHT_BY])

    number, seed = how
    generator, count = np.random.default_rng(seed), len(answers.truth)
    values = scores(answers)
    redrawn = [scores(answers.take(generator.integers(count, size=count))) for _ in range(number)]
    draws = np.array(redrawn or [values])
    by_score = dict(zip(TAUGHT_BY, map(_interval, values, draws.T), strict=True))
    gains = {
        which: _interval(values[k] - values[0], draws[:, k] - draws[:, 0])
        for k, which in enumerate(TAUGHT_BY)
        if which != "real"
    }
    return Usefulness(name, task.measure, by_score, gains, _sentence(name, by_score, gains))


def _interval(value: float, draws: np.ndarray) -> Interval:
    low, high = np.nanquantile(draws, [0.025, 0.975])
    return Interval(round(float(value), 6), round(float(low), 6), round(float(high), 6))


def _sentence(name: str, scores: dict[str, Interval], gains: dict[str, Interval]) -> str:
    """What the intervals allow to say, and no more."""
    real, gain = scores["real"], gains["both"]
    numbers = (
        f"{scores['both'].value:.3f} from real and new rows together, {real.value:.3f} from real "
        f"rows alone and {scores['new'].value:.3f} from new ones alone; the difference of "
        f"{gain.value:+.3f} lies between {gain.low:+.3f} and {gain.high:+.3f}"
    )
    if gain.low > 0:
        return f"Worth it for {name}: a forest learns more with the new rows ({numbers})."
    if gain.high < 0:
        return f"Not worth it for {name}: a forest learns less with the new rows ({numbers})."
    return f"No clear gain for {name}: the new rows change little ({numbers})."
