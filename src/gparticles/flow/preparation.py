"""From what the user gives to a problem in working units; everything is checked here."""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from gparticles.checks import (
    check_count,
    check_points,
    check_same_shape,
    check_seed,
    check_weights,
)
from gparticles.divergence import AbstractF, Wasserstein1
from gparticles.errors import InputError
from gparticles.flow import defaults
from gparticles.flow.integrators import AbstractIntegrator
from gparticles.flow.matching import check_proportions, choose_potential, match_labels
from gparticles.flow.recording import Store, thinning, tree_bytes
from gparticles.flow.scaling import AbstractScaling, choose_scaling
from gparticles.flow.solution import finish, result_dtype
from gparticles.flow.step_sizes import Cooldown, step_sizes_of
from gparticles.flow.stepping import Evaluation, Problem, State, init
from gparticles.flow.stopping import AbstractStop, HeldOut
from gparticles.potential import (
    AbstractPotential,
    is_certified,
    resolve,
)
from gparticles.potential.fitting import Cloud, FitRule


@dataclass(frozen=True)
class Settings:
    """The arguments of ``gparticles.transport`` that are not data."""

    f: AbstractF
    lipschitz: float | None
    potential: AbstractPotential | None
    integrator: AbstractIntegrator
    reverse: bool
    steps: int | None
    step_size: float | Cooldown | Callable | None
    fit_steps: int | None
    optimizer: optax.GradientTransformation | None
    batch_size: int | None
    bounds: tuple[float, float] | None
    scale: float | str
    stop: AbstractStop | None
    store: Store
    seed: int


@dataclass(frozen=True)
class Prepared:
    """A problem ready to run, and what is needed to tell the user about it."""

    settings: Settings
    problem: Problem
    state: State
    potential: AbstractPotential
    evaluation: Any
    scaling: AbstractScaling
    classes: np.ndarray | None
    lipschitz: float
    dtype: np.dtype
    notes: tuple[str, ...]

    @property
    def steps(self) -> int:
        return self.problem.step_sizes.shape[0]

    def to_data(self, working: Any) -> np.ndarray:
        return finish(self.scaling, working, self.settings.bounds, self.dtype)

    def describe(self) -> dict[str, Any]:
        """The settings as they were used, for people and for fingerprints."""
        rule = self.problem.rule
        return {
            "f": str(self.settings.f),
            "lipschitz": self.lipschitz,
            "potential": type(self.potential).__name__,
            "integrator": str(self.settings.integrator),
            "reverse": rule.reverse,
            "steps": self.steps,
            "step_size": float(self.problem.step_sizes[0]),
            "fit_steps": rule.fit_steps,
            "batch_size": rule.batch_size,
            "bounds": None if self.settings.bounds is None else list(self.settings.bounds),
            "scale": self.settings.scale,
            "stop": None if self.settings.stop is None else str(self.settings.stop),
            "store_every": self.problem.store_every,
            "seed": self.settings.seed,
        }


def prepare(
    source: Any, target: Any, weights: tuple[Any, Any], labels: tuple[Any, Any], settings: Settings
) -> Prepared:
    """Checks everything and builds the problem and its first state.

    Raises:
        InputError: anything that cannot be used.
    """
    _check_kinds(settings)
    source, target = check_points(source, "source"), check_points(target, "target")
    check_same_shape(source, target)
    bounds = check_bounds(settings.bounds)
    source_weights = check_weights(weights[0], len(source), "source_weights")
    target_weights = check_weights(weights[1], len(target), "target_weights")
    classes, source_labels, target_labels = match_labels(labels, len(source), len(target))
    if classes is not None and isinstance(settings.f, Wasserstein1):
        check_proportions(source_labels, source_weights, target_labels, target_weights)
    scaling = choose_scaling(source, target, settings.scale)
    moving, fixed = (
        working_points(scaling, source, "source"),
        working_points(scaling, target, "target"),
    )
    lipschitz, potential = choose_potential(
        settings.potential,
        settings.lipschitz,
        source.shape[1:],
        num_classes=None if classes is None else len(classes),
        seed=settings.seed,
    )
    step_sizes = step_sizes_of(
        settings.steps, settings.step_size, lipschitz=lipschitz, spread=scaling.spread
    )
    whole = _Rows(fixed, target_weights.astype(np.float32), target_labels)
    fitted, held_out = _hold_out(whole, settings)
    problem = Problem(
        rule=_rule(settings, potential, lipschitz),
        integrator=settings.integrator,
        stop=settings.stop,
        target=_device(fitted),
        held_out=None if held_out is None else _device(held_out),
        weights=jnp.asarray(source_weights, jnp.float32),
        labels=None if source_labels is None else jnp.asarray(source_labels),
        bounds=working_bounds(bounds, scaling, (moving, fixed)),
        step_sizes=jnp.asarray(step_sizes),
        store_every=1,
    )
    particles = jnp.asarray(moving)
    evaluation = _evaluation_shape(potential)
    problem, notes = _fit_budget(problem, evaluation, settings.store)
    key = jax.random.PRNGKey(settings.seed)
    state = init(problem, potential, particles, jax.random.fold_in(key, 1))
    return Prepared(
        settings=settings,
        problem=problem,
        state=state,
        potential=potential,
        evaluation=evaluation,
        scaling=scaling,
        classes=classes,
        lipschitz=lipschitz,
        dtype=result_dtype(source),
        notes=notes + _notes(potential),
    )


class _Rows(NamedTuple):
    """A cloud before it goes to the device."""

    points: np.ndarray
    weights: np.ndarray
    labels: np.ndarray | None

    def take(self, part: np.ndarray) -> "_Rows":
        labels = None if self.labels is None else self.labels[part]
        weights = self.weights[part]
        if not weights.sum() > 0:
            raise InputError(
                "target_weights: one part of the held-out split has weight 0 altogether; leave "
                "points of weight 0 out of the target, or change the fraction"
            )
        return _Rows(self.points[part], weights / weights.sum(), labels)


# the square root of the largest float32, with room for sums over columns
_FARTHEST = 1e16


def _check_kinds(settings: Settings) -> None:
    kinds = {
        "f": (AbstractF, "gpa.KL()"),
        "integrator": (AbstractIntegrator, "gpa.Euler()"),
        "stop": (AbstractStop, "gpa.KineticEnergy()"),
        "potential": (AbstractPotential, "gpa.tight_mlp(d)"),
        "store": (Store, "gpa.Store()"),
    }
    for name, (kind, example) in kinds.items():
        value = getattr(settings, name)
        if value is not None and not isinstance(value, kind):
            raise InputError(f"{name} is {value!r}: give an object, such as {example}")
    check_seed(settings.seed)


def _device(rows: _Rows) -> Cloud:
    labels = None if rows.labels is None else jnp.asarray(rows.labels)
    return Cloud(jnp.asarray(rows.points), jnp.asarray(rows.weights), labels)


def check_bounds(bounds: Any) -> tuple[float, float] | None:
    """Two numbers (low, high), or None."""
    if bounds is None:
        return None
    try:
        low, high = (float(b) for b in bounds)
    except (TypeError, ValueError):
        raise InputError(f"bounds are {bounds!r}: give two numbers (low, high)") from None
    if not low < high:
        raise InputError(f"bounds are ({low}, {high}): the first must be below the second")
    return low, high


def working_points(scaling: AbstractScaling, points: np.ndarray, name: str) -> np.ndarray:
    """Working units, float32, with entries that can be squared there."""
    with np.errstate(over="ignore"):
        working = scaling.to_working(points)
    far = ~(np.abs(working) < _FARTHEST)
    if far.any():
        where = tuple(int(i) for i in np.argwhere(far)[0])
        raise InputError(
            f"{name}: entry {where} is {points[where]}, more than {_FARTHEST:g} working units from "
            "the centre, which float32 cannot square; remove or transform such entries"
        )
    return working


def working_bounds(
    bounds: tuple[float, float] | None,
    scaling: AbstractScaling,
    clouds: tuple[np.ndarray, np.ndarray],
) -> tuple[Any, Any] | None:
    """The box in which particles are kept; constant columns are kept at their constant."""
    shape = clouds[0].shape[1:]
    low, high = (np.full(shape, b, np.float32) for b in (-np.inf, np.inf))
    if bounds is not None:
        low, high = scaling.box(*bounds)
    both = np.concatenate(clouds)
    constant = (both == both[0]).all(axis=0)
    if bounds is None and (not constant.any() or constant.all()):
        return None
    if not constant.all():
        low, high = (np.where(constant, both[0], side) for side in (low, high))
    return jnp.asarray(low), jnp.asarray(high)


def _rule(settings: Settings, potential: AbstractPotential, lipschitz: float) -> FitRule:
    fit_steps = defaults.FIT_STEPS if settings.fit_steps is None else settings.fit_steps
    size = settings.batch_size
    optimiser = settings.optimizer or defaults.default_optimiser()
    if not isinstance(optimiser, optax.GradientTransformation):
        raise InputError("optimizer: give an Optax optimiser, such as optax.adam(1e-3)")
    return FitRule(
        f=settings.f,
        optimiser=optimiser,
        static=eqx.filter(potential, eqx.is_inexact_array, inverse=True),
        fit_steps=check_count(fit_steps, "fit_steps"),
        # without a bound on its slope there is no value for phi to settle at
        max_settling=defaults.MAX_SETTLING if math.isfinite(lipschitz) else 0,
        batch_size=None if size is None else check_count(size, "batch_size"),
        reverse=bool(settings.reverse),
    )


def _hold_out(target: _Rows, settings: Settings) -> tuple[_Rows, _Rows | None]:
    """The part of the target that is fitted, and the part that ``HeldOut`` keeps."""
    if not isinstance(settings.stop, HeldOut):
        return target, None
    n = len(target.points)
    kept = round(settings.stop.fraction * n)
    if kept < 1 or kept >= n:
        raise InputError(
            f"holding out {settings.stop.fraction:g} of {n} target points leaves one part empty; "
            "change the fraction"
        )
    order = np.random.default_rng(settings.seed).permutation(n)
    if target.labels is not None:
        order = _stratified(order, target.labels, kept / n)
    return target.take(np.sort(order[kept:])), target.take(np.sort(order[:kept]))


def _stratified(order: np.ndarray, labels: Any, share: float) -> np.ndarray:
    # within each class the points come at equal distances, so that any cut keeps the proportions
    position = np.zeros(len(order))
    for label in np.unique(labels):
        members = order[labels[order] == label]
        # the offset keeps at least one point of every class in the fitted part
        position[members] = (np.arange(len(members)) + share) / len(members)
    return np.argsort(position, kind="stable")


def _evaluation_shape(potential: AbstractPotential) -> Any:
    def shape() -> Evaluation:
        return Evaluation(resolve(potential), jnp.zeros(()))

    return eqx.filter_eval_shape(shape)


def _fit_budget(problem: Problem, evaluation: Any, store: Store) -> tuple[Problem, tuple[str, ...]]:
    rows = problem.integrator.rows()
    per_step = tree_bytes(evaluation) * int(rows.stages[-1])
    every = thinning(store, per_step, problem.step_sizes.shape[0])
    problem = _with_store(problem, every)
    if every <= 1:
        return problem, ()
    note = (
        f"potentials exceed the budget of {store.budget:g} MiB: those of every {every}th step are "
        "kept, and replay on new points is approximate (gpa.Store(budget=...) keeps more)"
    )
    warnings.warn(note, stacklevel=4)
    return problem, (note,)


def _with_store(problem: Problem, every: int) -> Problem:
    fields = {name: getattr(problem, name) for name in Problem.__dataclass_fields__}
    return Problem(**{**fields, "store_every": every})


def _notes(potential: AbstractPotential) -> tuple[str, ...]:
    if is_certified(potential):
        return ()
    return ("nothing is certified: the potential's slope is not bounded by L",)
