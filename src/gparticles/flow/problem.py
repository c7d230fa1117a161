"""From what the user gives to a problem in working units; everything is checked here."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from gparticles.checks import (
    check_labels,
    check_points,
    check_same_shape,
    check_weights,
    label_indices,
)
from gparticles.errors import InputError
from gparticles.flow.network import NetworkKind
from gparticles.flow.recording import Store, thinning, tree_bytes
from gparticles.flow.scaling import AbstractScaling, choose_scaling, constant_columns, deciding
from gparticles.flow.settings import AbstractKind, Choice, Settings, step_sizes_of
from gparticles.flow.stepping import Problem
from gparticles.potential.fitting import Cloud

# the square root of the largest float32, with room for sums over columns
_FARTHEST = 1e16


class CheckedCloud(NamedTuple):
    """Points (n, *event), weights (n,) that sum to one, and class indices (n,) or None, checked."""

    points: np.ndarray
    weights: np.ndarray
    labels: np.ndarray | None

    def take(self, part: np.ndarray) -> "CheckedCloud":
        weights = self.weights[part]
        if not weights.sum() > 0:
            raise InputError(
                "target_weights: one part of the held-out split has weight 0 altogether; leave "
                "points of weight 0 out of the target, or change the fraction"
            )
        labels = None if self.labels is None else self.labels[part]
        return CheckedCloud(self.points[part], weights / weights.sum(), labels)

    def device(self, dtype: Any) -> Cloud:
        labels = None if self.labels is None else jnp.asarray(self.labels)
        arrays = (self.points, self.weights)
        points, weights = (jnp.asarray(a.astype(dtype, copy=False)) for a in arrays)
        return Cloud(points, weights, labels)


class CheckedClouds(NamedTuple):
    """Source and target, checked against each other, with the classes of the target or None."""

    source: CheckedCloud
    target: CheckedCloud
    classes: np.ndarray | None


def check_samples(
    source: Any, target: Any, *, weights: tuple[Any, Any], labels: tuple[Any, Any]
) -> CheckedClouds:
    """What ``transport`` is given as data.

    Raises:
        InputError: points, weights or labels that cannot be used.
    """
    source, target = check_points(source, "source"), check_points(target, "target")
    check_same_shape(source, target)
    ours = check_weights(weights[0], len(source), "source_weights")
    theirs = check_weights(weights[1], len(target), "target_weights")
    classes, of_source, of_target = match_labels(labels, len(source), len(target))
    return CheckedClouds(
        CheckedCloud(source, ours, of_source), CheckedCloud(target, theirs, of_target), classes
    )


def match_labels(
    labels: tuple[Any, Any], m: int, n: int
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    """The classes of the target, sorted, and the positions of both clouds' labels in them.

    Raises:
        InputError: one side has none, or a class of the source does not occur in the target.
    """
    of_source, of_target = labels
    if of_source is None and of_target is None:
        return None, None, None
    if of_source is None or of_target is None:
        missing = "labels" if of_source is None else "target_labels"
        raise InputError(f"{missing}: missing; give labels and target_labels both, or neither")
    of_target = check_labels(of_target, n, "target_labels")
    of_source = check_labels(of_source, m, "labels")
    classes = np.unique(of_target)
    source = label_indices(of_source, classes, "labels")
    return classes, source, label_indices(of_target, classes, "target_labels")


def check_shares(samples: CheckedClouds, settings: Settings) -> None:
    """Whether every class has mass on both sides, and as much where f asks for it.

    Raises:
        InputError: the divergence is infinite.
    """
    source, target, classes = samples
    if source.labels is None or target.labels is None or classes is None:
        return
    ours = np.bincount(source.labels, source.weights, len(classes))
    theirs = np.bincount(target.labels, target.weights, len(classes))
    empty = (ours > 0) & (theirs == 0)
    if empty.any():
        raise InputError(
            f"target_weights: class {str(classes[empty][0])!r} of the source has weight 0 in the "
            "target, where the divergence is infinite; give it weight, or drop these points"
        )
    if settings.f.fixes_marginal and not np.allclose(ours, theirs, atol=1e-6):
        raise InputError(
            "Wasserstein1 with labels is infinite unless the classes have equal shares in source "
            "and target; use another f, or source_weights"
        )


def choose(settings: Settings, event: tuple[int, ...], num_classes: int | None) -> Choice:
    """What gives the velocity: what was asked for, or a network, the given or the default one."""
    asked = settings.potential
    kind = asked if isinstance(asked, AbstractKind) else NetworkKind(asked)
    return kind.prepare(settings, event, num_classes)


class Working(NamedTuple):
    """The problem in working units, the particles there, and the scaling that leads there."""

    problem: Problem
    particles: Float[Array, "m *event"]
    scaling: AbstractScaling


def working_problem(
    samples: CheckedClouds, settings: Settings, choice: Choice, *, ends: np.ndarray | None = None
) -> Working:
    """The problem of these samples, with everything stored.

    Args:
        samples, settings, choice: see their classes.
        ends: the least and the largest number of every column of the target, where more of it is
            to come.

    Raises:
        InputError: data beyond float32, a held-out part that is empty, or bad step sizes.
    """
    dtype = np.float64 if choice.velocity.x64 else np.float32
    source, target, _ = samples
    constant = constant_columns(source.points, target.points if ends is None else ends)
    # points without weight have no say in the units
    ours, theirs = (deciding(sample.points, sample.weights) for sample in (source, target))
    scaling = choose_scaling(ours, theirs, settings.scale)
    moving = working_points(scaling, source.points, "source")
    fixed = working_points(scaling, target.points, "target")
    if ends is not None:
        working_points(scaling, ends, "target")
    sizes = step_sizes_of(
        settings.steps, settings.step_size, lipschitz=choice.lipschitz, spread=scaling.spread
    )
    target = target._replace(points=fixed, weights=target.weights.astype(dtype))
    fitted, held_out = _hold_out(target, settings)
    box = working_bounds(settings.bounds, scaling, constant, fixed[0])
    problem = Problem(
        velocity=choice.velocity,
        integrator=settings.integrator,
        stop=settings.stop,
        target=fitted.device(dtype),
        held_out=None if held_out is None else held_out.device(dtype),
        weights=jnp.asarray(source.weights.astype(dtype)),
        labels=None if source.labels is None else jnp.asarray(source.labels),
        bounds=jax.tree.map(lambda side: jnp.asarray(side.astype(dtype)), box),
        step_sizes=jnp.asarray(sizes.astype(dtype)),
        store_every=1,
    )
    # without a network the flow begins in the box, so that its objective never rises
    begin = np.clip(moving, *box) if choice.velocity.x64 and box is not None else moving
    return Working(problem, jnp.asarray(begin.astype(dtype, copy=False)), scaling)


def working_points(scaling: AbstractScaling, points: np.ndarray, name: str) -> np.ndarray:
    """Working units, float32, with entries that can be squared there.

    Raises:
        InputError: an entry is too far from the centre.
    """
    with np.errstate(over="ignore"):
        working = scaling.to_working(points)
    if not (working.min() > -_FARTHEST and working.max() < _FARTHEST):
        far = ~(np.abs(working) < _FARTHEST)
        where = tuple(int(i) for i in np.argwhere(far)[0])
        raise InputError(
            f"{name}: entry {where} is {points[where]}, more than {_FARTHEST:g} working units from "
            "the centre, which float32 cannot square; remove or transform such entries"
        )
    return working


def working_bounds(
    bounds: tuple[float, float] | None,
    scaling: AbstractScaling,
    constant: np.ndarray,
    target: np.ndarray,
) -> tuple[np.ndarray, np.ndarray] | None:
    """The box in which particles are kept; constant columns are kept at their constant.

    Args:
        bounds: data units, or None.
        constant: which columns are constant, shape (*event).
        target: a point of the target, working units, shape (*event).
    """
    low, high = (np.full(target.shape, b, np.float32) for b in (-np.inf, np.inf))
    if bounds is not None:
        low, high = scaling.box(*bounds)
    if bounds is None and (not constant.any() or constant.all()):
        return None
    if not constant.all():
        low, high = (np.where(constant, target, side) for side in (low, high))
    return low, high


def _hold_out(target: CheckedCloud, settings: Settings) -> tuple[CheckedCloud, CheckedCloud | None]:
    """The part of the target that is fitted, and the part that the stopping rule decides by."""
    fraction = 0.0 if settings.stop is None else settings.stop.held_out_fraction()
    if fraction == 0:
        return target, None
    n = len(target.points)
    kept = round(fraction * n)
    if kept < 1 or kept >= n:
        raise InputError(
            f"holding out {fraction:g} of {n} target points leaves one part empty; "
            "change the fraction"
        )
    order = np.random.default_rng(settings.seed).permutation(n)
    if target.labels is not None:
        order = _stratified(order, target.labels, kept / n)
    return target.take(np.sort(order[kept:])), target.take(np.sort(order[:kept]))


def _stratified(order: np.ndarray, labels: np.ndarray, share: float) -> np.ndarray:
    # within each class the points come at equal distances, so that any cut keeps the proportions
    position = np.zeros(len(order))
    for label in np.unique(labels):
        members = order[labels[order] == label]
        # the offset keeps at least one point of every class in the fitted part
        position[members] = (np.arange(len(members)) + share) / len(members)
    return np.argsort(position, kind="stable")


def within_budget(
    problem: Problem, evaluation: PyTree, store: Store
) -> tuple[Problem, tuple[str, ...]]:
    """The problem that stores no more than the budget allows, and a note where that is less."""
    per_step = tree_bytes(evaluation) * int(problem.integrator.rows().stages[-1])
    every = thinning(store, per_step, problem.step_sizes.shape[0]) if per_step else 0
    fields = {name: getattr(problem, name) for name in Problem.__dataclass_fields__}
    problem = Problem(**{**fields, "store_every": every})
    if every <= 1:
        return problem, ()
    note = (
        f"potentials exceed the budget of {store.budget:g} MiB: those of every {every}th step are "
        "kept, and replay on new points is approximate (gpa.Store(budget=...) keeps more)"
    )
    return problem, (note,)
