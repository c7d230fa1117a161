"""The game: the critic climbs some steps, the generator descends one; compiled in chunks."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree

from gparticles import compiled
from gparticles.checks import check_count, check_number, check_points, check_seed
from gparticles.divergence.dual import first_variation, uniform_weights
from gparticles.errors import InputError
from gparticles.flow.driver import AbstractRun, drive
from gparticles.flow.problem import match_labels, working_points
from gparticles.flow.scaling import AbstractScaling, choose_scaling
from gparticles.flow.settings import check_bounds
from gparticles.flow.solution import result_dtype
from gparticles.gan.critics import AbstractCritic, LipschitzCritic, adam
from gparticles.gan.model import GAN, Generator, latents
from gparticles.numerics import own_settings
from gparticles.potential import AbstractPotential
from gparticles.potential.fitting import (
    BatchStream,
    Cloud,
    Fit,
    FitRule,
    fit_step,
    next_batch,
    start_batches,
    start_fit,
)

STEPS = 3000
CRITIC_STEPS = 5
BATCH_SIZE = 256
LEARNING_RATE = 1e-3
MAX_LATENT_DIM = 32
# weights averaged over about so many steps make steadier samples (Yazici et al. 2019, ICLR)
AVERAGED_STEPS = 500
CHUNK = 100


class TrainingProgress(NamedTuple):
    """What a callback sees after every chunk; ``gan()`` is the GAN as it is then."""

    step: int
    steps: int
    seconds: float
    latest: dict[str, float]
    gan: Callable[[], GAN]


class Game(eqx.Module):
    """What does not change while the two train.

    ``static`` is the generator without its arrays; ``batch_size`` None means all of the target.
    """

    rule: FitRule
    target: Cloud
    static: Any
    optimiser: optax.GradientTransformation = eqx.field(static=True)
    critic_steps: int = eqx.field(static=True)
    batch_size: int | None = eqx.field(static=True)
    latent_dim: int = eqx.field(static=True)


class GameState(NamedTuple):
    """What the loop carries: the critic's fit, the generator, its average, batches."""

    step: Int[Array, ""]
    fit: Fit
    parameters: Any
    average: Any
    optimiser_state: Any
    batches: BatchStream
    key: PRNGKeyArray
    stopped: Bool[Array, ""]
    failed: Bool[Array, ""]


@own_settings()
def train_gan(
    target: Any,
    *,
    critic: AbstractCritic | None = None,
    labels: Any = None,
    latent_dim: int | None = None,
    width: int = 64,
    depth: int = 3,
    steps: int = STEPS,
    critic_steps: int = CRITIC_STEPS,
    batch_size: int | None = None,
    learning_rate: float = LEARNING_RATE,
    bounds: tuple[float, float] | None = None,
    scale: float | str = "auto",
    callbacks: Sequence[Callable[[TrainingProgress], Any]] = (),
    seed: int = 0,
) -> GAN:
    """Trains a generator against a critic: the baseline that particles are compared to.

    min over g of max over phi of E phi(g(z)) - inf_nu {nu + E_Q f*(phi - nu)}, z standard normal
    (Nowozin et al. 2016 with Birrell et al. 2022, J. Mach. Learn. Res. 23(39)). The generator goes
    down the gradient of E phi(g(z)): its points are pushed as particles are, but through its
    weights. Working units are the data's divided by ``scale``, as for ``gparticles.transport``.

    Args:
        target: the points to learn from, shape (n, *event).
        critic: ``LipschitzCritic()`` (default), ``ClippedCritic()`` or ``PenalisedCritic()``.
        labels: classes of the points, shape (n,), that both networks are told; or None.
        latent_dim: of z; twice the number of coordinates by default, at most 32.
        width, depth: of the generator's hidden layers.
        steps: of the generator.
        critic_steps: steps of the critic before each of them.
        batch_size: points of the target, and of the generator, per step; at most 256 by default.
        learning_rate: of the generator's Adam; the critic has its own.
        bounds: (low, high) in data units, between which the points are.
        scale: as for ``gparticles.transport``.
        callbacks: called with a ``TrainingProgress`` after every hundred steps; one that returns a
            true value ends the training.
        seed: of both networks, of batches and of latents. Same seed, same machine: same bits.

    Returns:
        The GAN. Where a value becomes non-finite it is that of the last finite chunk, and its
        outcome says so.

    Raises:
        InputError: anything that cannot be used, in one line that names the mend.
    """
    critic = LipschitzCritic() if critic is None else critic
    if not isinstance(critic, AbstractCritic):
        raise InputError(f"critic is {critic!r}: give an object, such as gpa.LipschitzCritic()")
    target = check_points(target, "target")
    check_seed(seed)
    steps = check_count(steps, "steps")
    shape = target.shape[1:]
    dim = min(2 * math.prod(shape), MAX_LATENT_DIM) if latent_dim is None else latent_dim
    sizes = _Sizes(
        check_count(dim, "latent_dim"), check_count(width, "width"), check_count(depth, "depth")
    )
    rates = _Rates(
        check_count(critic_steps, "critic_steps"),
        check_count(BATCH_SIZE if batch_size is None else batch_size, "batch_size"),
        check_number(learning_rate, "learning_rate"),
    )
    box = check_bounds(bounds)
    classes, known, _ = match_labels((labels, labels), len(target), len(target))
    scaling = choose_scaling(target, target, scale)
    count = None if classes is None else len(classes)
    cloud = _cloud(working_points(scaling, target, "target"), known)
    phi = critic.network(shape, count, seed=seed)
    generator = _generator(shape, count, sizes, _Range(scaling, box), seed=seed)
    players = _Players(critic, phi, generator)
    game = _game(players, cloud, sizes.latent_dim, rates)
    made = {"latent_dim": sizes.latent_dim, "classes": classes, "scaling": scaling, "bounds": box}
    training = _Training(game, made | {"dtype": result_dtype(target)}, steps)
    state, message = drive(training, _start(game, players, seed), tuple(callbacks))
    return training.result(state, message)


class _Sizes(NamedTuple):
    latent_dim: int
    width: int
    depth: int


class _Rates(NamedTuple):
    critic_steps: int
    batch_size: int
    learning_rate: float


class _Players(NamedTuple):
    critic: AbstractCritic
    phi: AbstractPotential
    generator: Generator


class _Range(NamedTuple):
    scaling: AbstractScaling
    bounds: tuple[float, float] | None


def _generator(
    shape: tuple[int, ...], num_classes: int | None, sizes: _Sizes, where: _Range, *, seed: int
) -> Generator:
    network = eqx.nn.MLP(
        sizes.latent_dim + (num_classes or 0),
        math.prod(shape),
        sizes.width,
        sizes.depth,
        key=jax.random.fold_in(jax.random.PRNGKey(seed), 3),
    )
    box = None
    if where.bounds is not None:
        box = where.scaling.box(*where.bounds)
    return Generator(network, box, where.scaling.spread, shape, num_classes)


def _cloud(points: np.ndarray, labels: np.ndarray | None) -> Cloud:
    known = None if labels is None else jnp.asarray(labels)
    return Cloud(jnp.asarray(points), uniform_weights(len(points)), known)


def _game(players: _Players, cloud: Cloud, latent_dim: int, rates: _Rates) -> Game:
    n = cloud.points.shape[0]
    return Game(
        rule=FitRule(
            f=players.critic.objective,
            optimiser=players.critic.optimiser(),
            static=eqx.filter(players.phi, eqx.is_inexact_array, inverse=True),
            fit_steps=1,
            max_settling=0,
            # batches are drawn here, so that fakes get the classes of the real ones beside them
            batch_size=None,
            reverse=False,
        ),
        target=cloud,
        static=eqx.filter(players.generator, eqx.is_inexact_array, inverse=True),
        optimiser=adam(rates.learning_rate),
        critic_steps=rates.critic_steps,
        batch_size=None if rates.batch_size >= n else rates.batch_size,
        latent_dim=latent_dim,
    )


def _start(game: Game, players: _Players, seed: int) -> GameState:
    fit_key, batch_key, key = jax.random.split(jax.random.PRNGKey(seed), 3)
    parameters = eqx.filter(players.generator, eqx.is_inexact_array)
    return GameState(
        jnp.zeros((), jnp.int32),
        start_fit(game.rule, players.phi, game.target, game.target, fit_key),
        parameters,
        parameters,
        game.optimiser.init(parameters),
        start_batches(batch_key, game.target.points.shape[0], game.batch_size),
        key,
        jnp.asarray(False),
        jnp.asarray(False),
    )


def _real(game: Game, batches: BatchStream) -> tuple[Cloud, BatchStream]:
    if game.batch_size is None:
        return game.target, batches
    indices, batches = next_batch(batches, game.batch_size)
    labels = None if game.target.labels is None else game.target.labels[indices]
    points = game.target.points[indices]
    return Cloud(points, uniform_weights(game.batch_size), labels), batches


def _fake(game: Game, parameters: Any, key: PRNGKeyArray, real: Cloud) -> Cloud:
    """As many points of the generator, with the same classes."""
    at = latents(key, real.points.shape[0], game.latent_dim)
    generator = eqx.combine(parameters, game.static)
    return Cloud(generator(at, real.labels), real.weights, real.labels)


def turn(game: Game, state: GameState) -> tuple[GameState, Float[Array, ""]]:
    """The critic's steps and one of the generator; returns what the critic had reached, nats."""

    def improve(_: Any, carry: Any) -> Any:
        fit, batches, key, _ = carry
        real, batches = _real(game, batches)
        key, draw = jax.random.split(key)
        fit, value = fit_step(game.rule, fit, _fake(game, state.parameters, draw, real), real)
        return fit, batches, key, value

    carry = (state.fit, state.batches, state.key, jnp.zeros(()))
    fit, batches, key, value = jax.lax.fori_loop(0, game.critic_steps, improve, carry)
    real, _ = _real(game, batches)
    key, draw = jax.random.split(key)
    phi = game.rule.potential(fit.parameters)

    def loss(parameters: Any) -> Array:
        fake = _fake(game, parameters, draw, real)
        return jnp.mean(first_variation(game.rule.f, phi(fake.points, fake.labels)))

    gradient = jax.grad(loss)(state.parameters)
    updates, kept = game.optimiser.update(gradient, state.optimiser_state, state.parameters)
    parameters = optax.apply_updates(state.parameters, updates)
    average = _averaged(state.average, parameters, state.step)
    failed = ~_finite((value, fit.parameters, parameters))
    made = (fit, parameters, average, kept, batches, key)
    return GameState(state.step + 1, *made, state.stopped, failed), value


def _averaged(average: Any, parameters: Any, step: Array) -> Any:
    # a window that grows with the steps, so that the first weights are soon forgotten
    share = 1 / jnp.minimum(1 + step / 10, AVERAGED_STEPS)
    return jax.tree.map(lambda a, p: a + share * (p - a), average, parameters)


@compiled.jit
def run_chunk(game: Game, state: GameState, limit: Int[Array, ""]) -> tuple[GameState, Array]:
    """Turns until ``limit``, at most ``CHUNK`` of them; one program for all lengths."""
    first = state.step

    def body(carry: tuple[GameState, Array]) -> tuple[GameState, Array]:
        state, values = carry
        following, value = turn(game, state)
        return following, values.at[state.step - first].set(value)

    def unfinished(carry: tuple[GameState, Array]) -> Array:
        return (carry[0].step < limit) & ~carry[0].failed

    return jax.lax.while_loop(unfinished, body, (state, jnp.zeros(CHUNK)))


@dataclass
class _Training(AbstractRun):
    """A GAN on its way: what is recorded, and what it is made of at the end."""

    game: Game
    made: dict[str, Any]
    steps: int
    paced = False

    def __post_init__(self) -> None:
        self.values = np.zeros(0, np.float32)

    def chunk(self, state: GameState, limit: int) -> tuple[GameState, Array]:
        return run_chunk(self.game, state, jnp.asarray(limit, jnp.int32))

    def boundary(self, step: int) -> int:
        return min(step + CHUNK, self.steps)

    def keep(self, chunk: Array, before: int, state: GameState) -> None:
        rows = np.asarray(chunk)[: int(state.step) - before]
        self.values = np.concatenate([self.values, rows])

    def progress(self, state: GameState, seconds: float) -> TrainingProgress:
        step, latest = int(state.step), {"divergence": float(self.values[-1])}
        return TrainingProgress(
            step, self.steps, seconds, latest, lambda: self.result(state, f"step {step}")
        )

    def failure(self, step: int, state: GameState) -> str:
        return f"failed at step {step}: a value became non-finite; {_REMEDY}"

    def result(self, state: GameState, message: str | None) -> GAN:
        outcome = f"took all {self.steps} steps" if message is None else message
        if outcome.startswith("stopped"):
            outcome += f" (step {int(state.step)})"
        generator = eqx.combine(state.average, self.game.static)
        history = {"divergence": self.values}
        return GAN(generator=generator, history=history, outcome=outcome, **self.made)


_REMEDY = "lower the learning rates, or take gpa.LipschitzCritic(f=gpa.Alpha(2.0))"


def _finite(tree: PyTree) -> Bool[Array, ""]:
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(tree)]))
