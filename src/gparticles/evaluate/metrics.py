"""How far generated points are from held-out ones, beside the floors that make it readable.

A distance alone says little: at these sample sizes two clouds of one distribution are far apart
too. So every metric comes with ``fresh``, that of such a pair, which no method can beat on average;
with ``resampled``, that of the training points drawn anew, which any method should beat; and with
``smoothed``, that of the training points drawn anew with noise whose size was chosen on validation
rows of theirs, which a method worth its time should beat.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gparticles.checks import check_points, plain_array
from gparticles.errors import InputError
from gparticles.evaluate.floors import choose_bandwidth, redrawn, smoothed
from gparticles.evaluate.registry import REGISTRY, Metric
from gparticles.evaluate.samples import MAX_POINTS, Comparison, Sample, Setting, Units
from gparticles.evaluate.sentences import Reading
from gparticles.evaluate.tails import looks_heavy, norms

# in spreads of the target; sixth powers of it are numbers still
_FARTHEST = 1e50
FLOORS = ("fresh", "resampled", "smoothed")


def evaluate(
    particles: Any,
    held_out: Any,
    *,
    target: Any,
    fresh: Any = None,
    labels: Any = None,
    held_out_labels: Any = None,
    target_labels: Any = None,
    bounds: tuple[float, float] | None = None,
    each_column: bool = False,
    called: str = "unseen points",
    seed: int = 0,
    metrics: Sequence[Metric] = REGISTRY,
) -> dict[str, dict[str, Any]]:
    """Every metric that suits the data, of the particles and of the floors.

    All clouds are compared to the same held-out points and have the particles' number, at most
    2000 (fewer for some metrics, as each entry's ``points`` says).

    Args:
        particles: shape (m, *event), data units.
        held_out: points of the target's distribution that the flow has not seen.
        target: the points it was fitted to.
        fresh: more unseen points. Where it is None and at least twice as many points are held out
            as there are particles (or as 2000), so many of them are taken for it.
        labels, held_out_labels, target_labels: classes of the points, or None.
        bounds: (low, high) in which all coordinates lie, where they do; noise is clipped to it.
        each_column: lengths are in units of each column's own spread (half the range that holds
            the middle 68 % of the target's), as suits tables, and not in data units.
        called: what sentences call the held-out points.
        seed: of subsamples, floors and folds.
        metrics: which; those that do not suit the data are left out.

    Raises:
        InputError: clouds that are empty, not finite or masked, or of different columns.

    Returns:
        Name to an entry: ``value``, ``fresh``, ``resampled``, ``smoothed`` (numbers or None),
        ``unit``, ``low`` and ``high`` of the value's 95 % interval where it has one, ``title``,
        ``points`` (how many of each cloud), ``note`` and ``sentence``.

    >>> points = np.random.default_rng(0).normal(size=(3, 40, 2))
    >>> found = evaluate(points[0], points[1], target=points[2])
    >>> found["copy_rate"]["value"], found["copy_rate"]["resampled"]
    (0.0, 1.0)
    """
    points = _checked(particles=particles, target=target, held_out=held_out, fresh=fresh)
    particles, target, held_out = (points[name] for name in ("particles", "target", "held_out"))
    fresh = points.get("fresh")
    held_out_labels = _array(held_out_labels)
    if fresh is None:
        kept, spare = _set_aside(len(held_out), min(len(particles), MAX_POINTS), seed=seed)
        fresh = held_out[spare] if len(spare) else None
        held_out = held_out[kept]
        held_out_labels = None if held_out_labels is None else held_out_labels[kept]
    units = Units.of(target, each_column=each_column)
    trained = Sample(target, units, labels=target_labels, seed=seed)
    unseen = Sample(held_out, units, labels=held_out_labels, seed=seed + 1)
    _check_near(units, particles=particles, held_out=held_out)
    clouds = {"value": Sample(particles, units, labels=labels, seed=seed + 2)}
    count = len(clouds["value"])
    if fresh is not None:
        clouds["fresh"] = Sample(fresh[:count], units, seed=seed + 3)
    again, noise = _floors(trained, count, bounds=bounds, seed=seed)
    clouds |= {"resampled": again, "smoothed": noise[0]}
    setting = Setting(
        shape=particles.shape[1:],
        fewest=min(count, len(unseen)),
        heavy_tailed=looks_heavy(norms(trained.everything)),
        in_unit_range=bool(target.min() >= 0 and target.max() <= 1),
        labelled=not (labels is None or held_out_labels is None or target_labels is None),
    )
    compared = {
        role: Comparison(cloud, unseen, trained, seed=seed) for role, cloud in clouds.items()
    }
    suited = [metric for metric in metrics if metric.suits(setting)]
    entries = {metric.name: _entry(metric, compared, bandwidth=noise[1]) for metric in suited}
    beyond = _beyond(entries.get("w2"))
    for metric in suited:
        entry = entries[metric.name]
        entry["sentence"] = _sentence(metric, entry, called=called, beyond=beyond)
    return entries


def _checked(**clouds: Any) -> dict[str, np.ndarray]:
    """All clouds that are there as finite points of one shape."""
    checked = {k: check_points(cloud, k) for k, cloud in clouds.items() if cloud is not None}
    shape = checked["particles"].shape[1:]
    for name, cloud in checked.items():
        if cloud.shape[1:] != shape:
            raise InputError(
                f"{name} holds points of shape {cloud.shape[1:]} and particles of {shape}; "
                "all need the same columns"
            )
    return checked


def _check_near(units: Units, **clouds: np.ndarray) -> None:
    for name, cloud in clouds.items():
        if float(np.abs(units.inward(cloud)).max()) > _FARTHEST:
            raise InputError(
                f"{name}: a point lies over {_FARTHEST:.0e} times the target's spread away, where "
                "distances overflow; leave it out"
            )


def _array(labels: Any) -> np.ndarray | None:
    return None if labels is None else plain_array(labels, "labels")


def _set_aside(total: int, count: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Held-out rows to keep, and ``count`` to serve as fresh points if twice as many are there."""
    order = np.random.default_rng([seed, 1]).permutation(total)
    spare = count if total >= 2 * count else 0
    return order[spare:], order[:spare]


def _floors(
    trained: Sample, count: int, *, bounds: tuple[float, float] | None, seed: int
) -> tuple[Sample, tuple[Sample, float]]:
    """The training points drawn again, and with noise, and how much."""
    units, chosen = trained.units, redrawn(len(trained.all_raw), count, seed=seed + 4)
    labels = None if trained.all_labels is None else trained.all_labels[chosen]
    again = Sample(trained.all_raw[chosen], units, labels=labels, seed=seed + 5)
    bandwidth = choose_bandwidth(trained.everything, seed=seed + 6).value
    noisy = smoothed(trained.everything, count, bandwidth=bandwidth, seed=seed + 7)
    raw = units.outward(noisy, trained.all_raw.shape[1:])
    if bounds is not None:
        raw = np.clip(raw, *bounds)
    return again, (Sample(raw, units, seed=seed + 8), bandwidth * units.factor)


def _beyond(w2: dict[str, Any] | None) -> float:
    """How many times as far as its largest floor the particles are; 1 where it is not known."""
    floors = [w2[name] for name in FLOORS if w2[name] is not None] if w2 is not None else []
    if w2 is None or not floors:
        return 1.0
    if w2["value"] is None:
        # too large for a number, as the floors are not
        return math.inf
    largest = max(floors)
    return w2["value"] / largest if largest > 0 else math.inf if w2["value"] > 0 else 1.0


def _entry(metric: Metric, compared: dict[str, Comparison], *, bandwidth: float) -> dict[str, Any]:
    ours = compared["value"]
    factor = ours.x.units.factor**metric.power
    measured = {role: _triple(metric.measure(c), factor) for role, c in compared.items()}
    value, low, high = measured["value"]
    entry: dict[str, Any] = {"value": value}
    entry |= {floor: measured[floor][0] if floor in measured else None for floor in FLOORS}
    if low is not None and high is not None:
        entry |= {"low": low, "high": high}
    expected = None if metric.expected is None else _finite(metric.expected(ours))
    if expected is not None:
        entry["expected"] = expected
    sizes = [min(len(cloud), metric.points) for cloud in (ours.x, ours.y)]
    return entry | {
        "unit": ours.x.units.called(metric.power) if metric.power else metric.unit,
        "title": metric.title,
        "points": sizes,
        "note": _note(metric, ours, bandwidth),
    }


def _sentence(metric: Metric, entry: dict[str, Any], *, called: str, beyond: float) -> str:
    if entry["value"] is None:
        return metric.unknown
    fields: dict[str, Any] = {name: entry.get(name) for name in ("value", *FLOORS, "expected")}
    low = entry.get("low", 0.0)
    margin = (entry["high"] - low) / 2 if "low" in entry else 0.0
    return metric.sentence(Reading(**fields, margin=margin, points=called, low=low, beyond=beyond))


def _note(metric: Metric, ours: Comparison, bandwidth: float) -> str:
    largest = max(len(ours.x.all_raw), len(ours.y.all_raw))
    capped = f"; clouds are subsampled to {metric.points} points" if largest > metric.points else ""
    noise = f"; smoothed by noise of {bandwidth:.3g} {ours.x.units.name}"
    return f"{metric.note}{capped}{noise}"


def _triple(measured: Any, factor: float) -> tuple[float | None, float | None, float | None]:
    if isinstance(measured, tuple):
        value, low, high = (_finite(float(number) * factor) for number in measured)
        return value, low, high
    return _finite(float(measured) * factor), None, None


def _finite(number: float) -> float | None:
    """JSON has no nan and no infinity."""
    return number if math.isfinite(number) else None
