"""Which way to new rows suits a table, by scores on rows that were held out."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from gparticles.checks import check_number, check_seed
from gparticles.choosing.scoring import ENERGY_COUNTS, MOST_COPIES, WayScore, mean_score, score
from gparticles.choosing.simple import SIMPLE
from gparticles.choosing.ways import DEFAULT, KINDS, PARTICLES, WAYS, FittedWay, Way
from gparticles.errors import InputError
from gparticles.flow import Store
from gparticles.flow.transport import FEWEST_ROWS

Settled = Callable[[np.ndarray], np.ndarray]

SECONDS = 10.0
# fewer rows choose nothing: a quarter of them says too little
FEWEST = 40
# parts of the rows, each of which is held out once
PARTS = 4
# of more rows so many are enough to choose by
MOST_ROWS = 1000
NOISES = (0.0, 0.3)
# amounts of noise, and ways that come near, from which a closeness is made
DIAL = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.3)
DIAL_WAYS = (Way(steps=200), Way("no network", steps=20))
# what is tried besides the default, in this order while the seconds last
OTHERS = (Way(steps=25), Way(steps=150), WAYS["no network"], WAYS["tight network"])
# seconds per step and point of the default's flow, of which two move at once
_A_POINT = 2e-6


@dataclass(frozen=True)
class WayChoice:
    """What was chosen, and what it was chosen from.

    Attributes:
        way: the chosen one.
        scores: of the ways that were tried, by what they are called; empty where nothing was.
        simple: scores of the simple ways, by name.
        sentence: what was chosen and why, for people.
        seconds: that choosing took.
        budget: seconds that it could take.
        closeness: that was asked for, or None.
    """

    way: Way
    scores: dict[str, WayScore]
    simple: dict[str, WayScore]
    sentence: str
    seconds: float
    budget: float
    closeness: float | None = None

    @property
    def score(self) -> WayScore | None:
        """Of the chosen way."""
        return self.scores.get(str(self.way))

    @property
    def simple_wins(self) -> str | None:
        """The name of the best simple way where it is better than what was chosen."""
        if self.score is None or not self.simple:
            return None
        best = min(self.simple, key=lambda name: self.simple[name].loss)
        return best if self.simple[best].loss < self.score.loss else None

    @property
    def curves(self) -> dict[str, np.ndarray]:
        """(nearest, told apart) of every setting, shape (k, 2), by what gives the velocity."""
        kinds: dict[str, list[tuple[float, float]]] = {}
        for name, value in self.scores.items():
            kinds.setdefault(name.split(",")[0], []).append((value.nearest, value.told_apart))
        return {name: np.array(points) for name, points in kinds.items()}

    def to_dict(self) -> dict[str, Any]:
        """As a record holds it."""
        return {
            "way": str(self.way),
            "sentence": self.sentence,
            "scores": {name: value.to_dict() for name, value in self.scores.items()},
            "simple": {name: value.to_dict() for name, value in self.simple.items()},
            "seconds": round(self.seconds, 3),
            "budget": self.budget,
            "closeness": self.closeness,
        }


class Tried(NamedTuple):
    """A way and its scores on every held-out part."""

    way: Way
    scores: list[WayScore]

    @property
    def mean(self) -> WayScore:
        return mean_score(self.scores)


def _loss(tried: Tried) -> float:
    return tried.mean.loss


def choose_way(
    points: np.ndarray,
    labels: np.ndarray | None = None,
    *,
    settled: Settled = np.asarray,
    closeness: float | None = None,
    seconds: float = SECONDS,
    seed: int = 0,
) -> WayChoice:
    """The way whose new points are best beside points that were held out from it.

    Each quarter of the points is held out once, every way makes new points from the rest, and
    these are scored (``WayScore``): told from the held-out ones by a forest, energy distance, and
    how near they lie to learnt ones. The way with the best mean score is chosen. Simple ways are
    scored beside them and never chosen: a sentence says where one wins.

    Args:
        points: of a table's rows, as a codec encodes them, shape (n, k).
        labels: classes, for class-conditional flows, shape (n,), or None.
        settled: takes new points to those of the rows that they stand for (a category, a value of
            the grid), which are what is scored: ``TableCodec.settled``.
        closeness: 0 to 1, how near to the learnt rows new ones shall lie; None for what scores
            best.
        seconds: what choosing may take about. Ways are left out by an estimate and never by a
            clock, so that the same seed chooses the same way on every machine.
        seed: of everything random.

    Raises:
        InputError: ``closeness`` is not between 0 and 1, or ``seconds`` is not above 0.
    """
    check_seed(seed)
    budget, began = check_number(seconds, "seconds"), time.monotonic()
    asked = None if closeness is None else nearest_of(closeness)
    if len(points) < FEWEST:
        sentence = (
            f"{len(points)} rows are too few to choose a way by held-out ones (at least {FEWEST} "
            f"are needed): the fixed default is used, {DEFAULT}."
        )
        return WayChoice(DEFAULT, {}, {}, sentence, 0.0, budget, closeness)
    parts = list(_parts(points, labels, seed=seed))
    ways, noises = _within(budget, parts[0]), NOISES
    if asked is not None:
        ways, noises = DIAL_WAYS, DIAL
    trial = Trial(noises, settled, seed)
    # one potential is compiled, or a forest grows, on another core than the one where a flow moves
    pool = ThreadPoolExecutor(2)
    try:
        tried = _tried(ways, parts, trial, pool)
        if asked is None:
            best, simple = min(tried, key=_loss), _simple(parts, trial, pool)
        else:
            best, simple = _at_distance(tried, parts, asked, trial, pool), {}
    finally:
        # whoever stops it does not wait for what has not begun
        pool.shutdown(cancel_futures=True)
    scores = {str(t.way): t.mean for t in tried} | {str(best.way): best.mean}
    took = time.monotonic() - began
    choice = WayChoice(best.way, scores, simple, "", took, budget, closeness)
    return replace(choice, sentence=_sentence(choice, len(points)))


class Part(NamedTuple):
    """Points, which of them are learnt, and their classes or None."""

    points: np.ndarray
    learnt: np.ndarray
    labels: np.ndarray | None


def _parts(points: np.ndarray, labels: np.ndarray | None, *, seed: int) -> Iterator[Part]:
    generator = np.random.default_rng([seed, 3])
    if len(points) > MOST_ROWS:
        some = np.sort(generator.choice(len(points), MOST_ROWS, replace=False))
        points, labels = points[some], None if labels is None else labels[some]
    for held_out in np.array_split(generator.permutation(len(points)), PARTS):
        learnt = np.ones(len(points), bool)
        learnt[held_out] = False
        if labels is not None:
            # a class must be learnt to be drawn
            for label in np.unique(labels):
                learnt[np.flatnonzero(labels == label)[0]] = True
        yield Part(points, learnt, labels)


def _within(budget: float, part: Part) -> Sequence[Way]:
    """The default, which is the first, and as many others as the seconds are estimated to allow."""
    left, ways = budget, []
    for way in (DEFAULT, *OTHERS):
        rows, kind = len(part.points), KINDS[way.potential]
        # without batches, each particle has to do with each row
        cost = kind.cost if kind.batches else kind.cost * rows / 100
        left -= PARTS * way.steps * _A_POINT * cost * (PARTICLES + rows)
        if all(way.potential != other.potential for other in ways):
            left -= kind.programs
        if left >= 0 or not ways:
            ways.append(way)
    return ways


class Trial(NamedTuple):
    """How ways are tried: with which amounts of noise, on which rows, and the seed."""

    noises: tuple[float, ...]
    settled: Settled
    seed: int


def _tried(ways: Sequence[Way], parts: list[Part], trial: Trial, pool: Executor) -> list[Tried]:
    """Ways with every amount of noise, from one flow for each part.

    The first flow of every potential compiles its programs, which the others then find.
    """
    first = {way.potential: way for way in reversed(ways)}
    begun = {(way, 0): pool.submit(_flow_scores, way, 0, parts, trial) for way in first.values()}
    for way in ways:
        begun[first[way.potential], 0].result()
        for k in range(len(parts)):
            if (way, k) not in begun:
                begun[way, k] = pool.submit(_flow_scores, way, k, parts, trial)
    return [
        Tried(
            replace(way, noise=noise),
            [begun[way, k].result()[at] for k in range(len(parts))],
        )
        for way in ways
        for at, noise in enumerate(trial.noises)
    ]


def _flow_scores(way: Way, k: int, parts: list[Part], trial: Trial) -> list[WayScore]:
    """The scores of a way on one of the parts, with every amount of noise."""
    part, seed = parts[k], trial.seed + k
    fitted = way.fit_weighted(
        part.points,
        part.learnt.astype(float),
        labels=part.labels,
        seed=seed,
        store=_few_frames(way.steps),
    )
    return [
        _scored(partial(_made, fitted, noise, part, seed=seed), part, trial)
        for noise in trial.noises
    ]


def _few_frames(steps: int) -> Store:
    """As few as leave the programs those of a flow with all frames: its chunks end at frames."""
    return Store(frames=-(-steps // FEWEST_ROWS) + 1)


def _made(fitted: FittedWay, noise: float, part: Part, *, seed: int) -> np.ndarray:
    learnt = part.points[part.learnt]
    return fitted.with_noise(noise, learnt, seed=seed).particles(seed=seed)


def _scored(made: Callable[[], np.ndarray], part: Part, trial: Trial) -> WayScore:
    new = trial.settled(np.asarray(made(), np.float64))
    return score(new, part.points[part.learnt], part.points[~part.learnt], seed=trial.seed)


def _simple(parts: list[Part], trial: Trial, pool: Executor) -> dict[str, WayScore]:
    each = {
        name: [
            pool.submit(_scored, partial(_simply_made, make, part, trial.seed + k), part, trial)
            for k, part in enumerate(parts)
        ]
        for name, make in SIMPLE.items()
    }
    return {name: mean_score([s.result() for s in scores]) for name, scores in each.items()}


def _simply_made(make: Callable[..., np.ndarray], part: Part, seed: int) -> np.ndarray:
    return make(part.points[part.learnt], PARTICLES, seed=seed)


def _sentence(choice: WayChoice, rows: int) -> str:
    """What was chosen, beside what, and whether a simple way is as good."""
    chosen = choice.score
    if chosen is None:
        return f"Of {rows} rows the way was chosen: {choice.way}."
    numbers = f"told from held-out rows {chosen.told_apart:.2f}, nearest {chosen.nearest:.2f}"
    count = f"Chosen of {len(choice.scores)} settings on held-out rows"
    if choice.closeness is not None:
        asked = nearest_of(choice.closeness)
        words = f"{count}: {choice.way} ({numbers})."
        return f"{words} closeness {choice.closeness:g} asks for a nearest of {asked:.2f}."
    allowed = f"as many as {choice.budget:g} s were estimated to allow"
    words = f"{count}, {allowed}: {choice.way} ({numbers})."
    if not np.isfinite(chosen.loss):
        return f"{words} All settings copy more than {100 * MOST_COPIES:.0f} % of the rows."
    best = min(choice.simple, key=lambda name: choice.simple[name].loss)
    simple = choice.simple[best]
    beside = f"score {chosen.loss:.3f}, {simple.loss:.3f} for {best}, the best of the simple ways"
    if choice.simple_wins is not None:
        call = f'In Python gparticles.simple_rows(frame, n, way="{best}") makes its rows'
        return f"{words} A simple way wins here: {beside}; the lower the better. {call}."
    return f"{words} It is better than the simple ways: {beside}; the lower the better."


# the nearest that closeness 0 and closeness 1 ask for
FAR, CLOSE = 1.1, 0.3


def nearest_of(closeness: float) -> float:
    """The distance to the nearest learnt row, over that of held-out rows, that is asked for.

    Raises:
        InputError: not between 0 and 1.

    >>> nearest_of(0.5)
    0.7
    """
    number = isinstance(closeness, (int, float)) and not isinstance(closeness, bool)
    if not number or not 0 <= closeness <= 1:
        raise InputError(
            f"closeness is {closeness!r}: give a number from 0 (new) to 1 (near the learnt rows)"
        )
    return round(FAR + (CLOSE - FAR) * closeness, 6)


def _at_distance(
    tried: list[Tried], parts: list[Part], asked: float, trial: Trial, pool: Executor
) -> Tried:
    """The best of the ways with the amount of noise that leads to the nearest that is asked for."""
    ways = [
        _between(lower, upper, asked)
        for lower, upper in pairwise(tried)
        if lower.way.potential == upper.way.potential
        and lower.mean.nearest <= asked <= upper.mean.nearest
        and lower.mean.nearest < upper.mean.nearest
    ]
    exact = [t for w in ways for t in _tried([w], parts, trial._replace(noises=(w.noise,)), pool)]
    usable = [t for t in exact if t.mean.copies <= MOST_COPIES]
    if usable:
        return min(usable, key=lambda t: t.mean.told_apart + ENERGY_COUNTS * t.mean.energy)
    usable = [t for t in tried if t.mean.copies <= MOST_COPIES] or tried
    return min(usable, key=lambda t: abs(t.mean.nearest - asked))


def _between(lower: Tried, upper: Tried, asked: float) -> Way:
    """With the noise at which the nearest is the one asked for, if it grows in a straight line."""
    near, far = lower.mean.nearest, upper.mean.nearest
    share = (asked - near) / (far - near)
    noise = lower.way.noise + share * (upper.way.noise - lower.way.noise)
    return replace(lower.way, noise=round(noise, 4))
