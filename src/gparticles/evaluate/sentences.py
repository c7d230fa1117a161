"""What a metric means in a sentence, from its value and its floors."""

from collections.abc import Callable
from typing import NamedTuple

# of the resampled floor; differences below it are called equal
_SLACK = 0.05
# against held-out points at 1
_COPIES, _NEARER = 0.5, 0.8
_COVERED, _MOSTLY = 0.9, 0.7
# times the floors: so far off, being no copy or reaching every target is no merit
_FAR = 10.0
# times a held-out point's distance to the training points: beyond it, particles are elsewhere
_ASTRAY = 3.0


class Reading(NamedTuple):
    """A metric beside its floors.

    Attributes:
        value: of the particles.
        fresh: of fresh points, or None.
        resampled, smoothed: of training points drawn again, without and with noise, or None.
        margin: half of the value's confidence interval, 0 where there is none.
        expected: of equal distributions, where a formula says it.
        points: what the points are called that the cloud is compared to.
        low: end of the value's confidence interval, where it has one.
        beyond: the particles' Wasserstein-2 distance over the largest of its floors, 1 where it
            is not known.
    """

    value: float
    fresh: float | None
    resampled: float | None
    smoothed: float | None
    margin: float = 0.0
    expected: float | None = None
    points: str = "unseen points"
    low: float = 0.0
    beyond: float = 1.0


Sentence = Callable[[Reading], str]


def nearness(subject: str) -> Sentence:
    """For distances, of which smaller is better."""

    def sentence(r: Reading) -> str:
        return f"{subject}: the particles are {_nearness(r)}."

    return sentence


def _nearness(r: Reading) -> str:
    again, noisy = r.resampled, r.smoothed
    if again is None or noisy is None:
        return f"at {r.value:.4g} from {r.points}"
    slack = max(_SLACK * abs(again), r.margin)
    worst = max(again, noisy, again if r.fresh is None else r.fresh)
    # a few that lie very far out make the margin so wide that it would excuse any distance
    if worst >= 0 and r.low >= 0 and r.value > _FAR * worst:
        return _farther(r, again)
    if r.beyond > _FAR:
        # an estimate that rounding or one far point decides
        return (
            f"at {r.value:.4g} from {r.points}, which is no merit where their Wasserstein-2 "
            f"distance is {_times(r.beyond)} times the largest of its floors"
        )
    if r.fresh is not None and r.value <= r.fresh + slack:
        return f"about as near to {r.points} as fresh points are"
    if r.value <= 0:
        # an estimate without bias: below zero means that chance hides the difference
        return f"as near to {r.points} as can be told from so few"
    if again - r.margin <= r.value <= again + slack:
        return f"about as near to {r.points} as the training points drawn again"
    if r.value < min(again, noisy):
        return f"nearer to {r.points} than the training points drawn again, with or without noise"
    if r.value < again:
        return (
            f"nearer to {r.points} than the training points drawn again, "
            "but no nearer than these with noise"
        )
    return _farther(r, again)


def _farther(r: Reading, again: float) -> str:
    times = r.value / again if again > 0 else 1.0
    how_far = f", {_times(times)} times as far" if times >= 2 else ""
    return f"farther from {r.points} than the training points drawn again{how_far}"


def _unless_astray(r: Reading, fact: str, *, verdict: str = "") -> str:
    """A fact after its verdict, or after what makes it no merit."""
    if r.beyond > _FAR:
        verdict = (
            "Some or all particles lie far from the target (their Wasserstein-2 distance is "
            f"{_times(r.beyond)} times the largest of its floors)"
        )
    return f"{verdict}: {fact}." if verdict else f"{fact[0].upper()}{fact[1:]}."


def precise(r: Reading) -> str:
    return f"{_percent(r.value)} of the particles lie where {r.points} lie{_beside(r)}."


def dense(r: Reading) -> str:
    return (
        f"The particles lie in regions {r.value:.2g} times as dense in {r.points} as "
        f"these points' own{_beside(r, _number)}."
    )


def recalled(r: Reading) -> str:
    return _unless_astray(
        r, f"{_percent(r.value)} of the {r.points} lie where particles lie{_beside(r)}"
    )


def covered(r: Reading) -> str:
    """Is the target covered?"""
    best = r.fresh if r.fresh is not None else r.expected
    share = r.value / best if best else 1.0
    if share >= _COVERED:
        verdict = "The target is covered"
    elif share >= _MOSTLY:
        verdict = "The target is covered for the most part"
    else:
        verdict = "Parts of the target are missing"
    reference = _beside(r) if r.fresh is not None else _expected(r)
    return f"{verdict}: {_percent(r.value)} of the {r.points} have a particle near{reference}."


def told_apart(r: Reading) -> str:
    return (
        f"A classifier tells particles from {r.points} in {_percent(r.value)} of the cases, "
        f"where guessing gives 50 %{_beside(r)}."
    )


def copied(r: Reading) -> str:
    """Is it copying?"""
    chance = 0.0 if r.fresh is None else r.fresh
    verdict = "No copies to speak of" if r.value <= chance + 0.01 else "There are copies"
    fact = f"{_percent(r.value)} of the particles are a training point{_beside(r)}"
    return _unless_astray(r, fact, verdict=verdict)


def near_to_training(r: Reading) -> str:
    """Is it copying?"""
    if r.value < _COPIES:
        verdict = "The particles keep close to training points, as copies do"
    elif r.value < _NEARER:
        verdict = f"The particles are somewhat closer to training points than {r.points} are"
    elif r.value < _ASTRAY:
        verdict = "It is not copying"
    else:
        verdict = "The particles are no copies, for they lie far from the target"
    return _unless_astray(
        r,
        f"their distance to the nearest training point is {_times(r.value)} times that of "
        f"{r.points}{_beside(r, _number)}",
        verdict=verdict,
    )


def near_as_seen(how: str) -> Sentence:
    """The same, of points as something else sees them."""

    def sentence(r: Reading) -> str:
        ratio = f"{_times(r.value)} times that of {r.points}{_beside(r, _number)}"
        return f"{how}, the distance to the nearest training point is {ratio}."

    return sentence


def read_right(r: Reading) -> str:
    return f"{_percent(r.value)} of the particles are read as their labels say{_beside(r)}."


def diverse(r: Reading) -> str:
    return _unless_astray(
        r,
        f"the particles are spread over {_percent(r.value)} of the training points that they "
        f"could be nearest to{_beside(r)}",
    )


def tail_off(r: Reading) -> str:
    return (
        f"The particles' far quantiles are off by a factor of {_factor(r.value)} on average"
        f"{_beside(r, _factor)}."
    )


def tail_index(r: Reading) -> str:
    unseen = "" if r.expected is None else f", of {r.points} {r.expected:.2g}"
    return f"The tail of the particles falls like a power of {r.value:.2g}{unseen}."


def labels_hold(r: Reading) -> str:
    return (
        f"Labels learnt on the particles rank {r.points} right in {_percent(r.value)} of pairs; "
        f"learnt on the training points, {_percent(r.resampled)}."
    )


def _percent(share: float | None) -> str:
    if share is None:
        return "an unknown share"
    shown = f"{100 * share:.0f}" if share >= 0.1 or share == 0 else f"{100 * share:.1f}"
    return f"{shown} %"


def _times(value: float) -> str:
    return f"{value:.2f}" if value < 100 else f"{value:.3g}"


def _number(value: float) -> str:
    return f"{value:.2g}"


def _factor(log: float) -> str:
    return f"{2.718281828 ** min(log, 700.0):.3g}"


def _beside(r: Reading, written: Callable[[float], str] = _percent) -> str:
    known = {"fresh points": r.fresh, "training points drawn again": r.resampled}
    floors = [f"{name} {written(value)}" for name, value in known.items() if value is not None]
    return f" ({', '.join(floors)})" if floors else ""


def _expected(r: Reading) -> str:
    return "" if r.expected is None else f" ({_percent(r.expected)} would, of fresh points)"
