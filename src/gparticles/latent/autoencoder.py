"""An autoencoder as codec: starts as the PCA, and is trained as long as validation gains."""

import dataclasses
import math
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PRNGKeyArray

from gparticles import compiled
from gparticles.checks import check_count, check_number, plain_array
from gparticles.errors import InputError
from gparticles.flow.settings import default_optimiser
from gparticles.latent.codecs import LATENT_DIM, PCA, AbstractCodec, centred, deviations
from gparticles.potential.lipschitz import glorot, spectral_norm

# epochs that one compiled call takes; after each the loop may stop
EPOCHS = 10


class Network(eqx.Module):
    """x -> S x + W_k act(... act(W_1 x + b_1)) + b_k: a linear map and what it leaves out.

    The activation is the exponential linear unit, whose slope is at most 1.
    """

    skip: Any
    weights: tuple[Any, ...]
    biases: tuple[Any, ...]

    def __call__(self, rows: Any) -> Any:
        """Rows of shape (k, in) -> (k, out); NumPy in, NumPy out, and JAX likewise."""
        xp = np if isinstance(rows, np.ndarray) else jnp
        x = rows
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            x = x @ weight.T + bias
            x = xp.where(x > 0, x, xp.expm1(xp.minimum(x, 0)))
        return rows @ self.skip.T + x @ self.weights[-1].T + self.biases[-1]

    def lipschitz_bound(self, units: np.ndarray) -> float:
        """A bound of the Lipschitz constant of units times the network, from the layers' norms."""
        tall = np.reshape(units, (-1, 1))
        inner = math.prod(spectral_norm(weight) for weight in self.weights[:-1])
        return spectral_norm(tall * self.skip) + inner * spectral_norm(tall * self.weights[-1])


class Autoencoder(AbstractCodec):
    """A dense autoencoder that starts as the PCA and is trained with early stopping.

    With u = (x - c) / s, z = V u + h(u) and x = c + s (V^T z + g(z)); h and g are dense networks
    that start at 0 and V starts as the principal components, so that the first epoch's
    reconstruction is the PCA's. All of it is trained by Adam on the mean squared error of u
    on a part of the points; the other part, chosen by the seed, decides which epoch is kept,
    so that on it the codec is never worse than the PCA of the training part.

    Args:
        latent_dim: of the latents, 50 by default; lowered as for ``PCA``.
        width, depth: features of the hidden layers, and how many of these h and g have each.
        standardise: s is every column's standard deviation; without, the root of their mean square.
        epochs: the most passes over the training part.
        patience: epochs without a better validation error after which training ends.
        batch_size: points per step of Adam; fewer where there are fewer.
        learning_rate: of Adam.
        validation: the share of the points that is held out of training.

    Attributes:
        encoder, decoder: the trained networks; None before ``fit``, which returns a codec that
            has them.
        centre, units: c (d,) and s (d,) or one number.
        event: the shape of a point; ``decode`` returns points of it.
        training_error, validation_error: mean squared error of u after every epoch; that of
            validation begins with the PCA's, so it has one entry more.
        variance_kept: the share of the variance of the validation part's u that is not lost; that
            part chose the epoch, so it flatters a little.

    Raises:
        InputError: a number is out of its range; or later: too few points, or other columns.

    >>> import numpy as np
    >>> points = np.random.default_rng(0).normal(size=(20, 6))
    >>> Autoencoder(2, width=8, epochs=10).fit(points).encode(points).shape
    (20, 2)
    """

    latent_dim: int = LATENT_DIM
    width: int = eqx.field(default=256, kw_only=True)
    depth: int = eqx.field(default=2, kw_only=True)
    standardise: bool = eqx.field(default=False, kw_only=True)
    epochs: int = eqx.field(default=500, kw_only=True)
    patience: int = eqx.field(default=30, kw_only=True)
    batch_size: int = eqx.field(default=64, kw_only=True)
    learning_rate: float = eqx.field(default=3e-4, kw_only=True)
    validation: float = eqx.field(default=0.2, kw_only=True)
    encoder: Network | None = eqx.field(default=None, kw_only=True)
    decoder: Network | None = eqx.field(default=None, kw_only=True)
    centre: np.ndarray | None = eqx.field(default=None, kw_only=True)
    units: np.ndarray | None = eqx.field(default=None, kw_only=True)
    event: tuple[int, ...] | None = eqx.field(default=None, kw_only=True)
    training_error: np.ndarray | None = eqx.field(default=None, kw_only=True)
    validation_error: np.ndarray | None = eqx.field(default=None, kw_only=True)
    variance_kept: float | None = eqx.field(default=None, kw_only=True)

    def __check_init__(self) -> None:
        for name in ("latent_dim", "width", "depth", "epochs", "patience", "batch_size"):
            check_count(getattr(self, name), name)
        check_number(self.learning_rate, "learning_rate")
        if not 0 < self.validation < 1:
            raise InputError(f"validation is {self.validation}: it must be between 0 and 1")

    def fit(self, points: np.ndarray, *, seed: int = 0) -> "Autoencoder":
        """Trains on points, shape (n, *event); the same seed gives the same codec.

        Raises:
            InputError: fewer than four points.
        """
        if len(points) < 4:
            raise InputError("Autoencoder: needs at least four points; give more")
        centre, rows = centred(points.reshape(len(points), -1), "Autoencoder")
        units = deviations(rows, centre)
        if not self.standardise:
            # one number: columns that vary little keep a small say
            units = np.sqrt((rows**2).mean()) or np.float64(1)
        rows = (rows / units).astype(np.float32)
        shuffled = np.random.default_rng(seed).permutation(len(rows))
        held = min(max(1, round(self.validation * len(rows))), len(rows) - 2)
        parts = rows[shuffled[held:]], rows[shuffled[:held]]
        start = self._start(parts[0], seed)
        trained = _train(self, start, (*parts, jax.random.PRNGKey(seed)))
        networks = jax.tree.map(np.asarray, trained.best)
        spread = float(((parts[1] - parts[1].mean(axis=0)) ** 2).mean())
        # of the epoch that is kept; a later one may have diverged
        lost = float(np.nanmin(trained.validation)) / spread if spread > 0 else 0.0
        return dataclasses.replace(
            self,
            latent_dim=networks[0].skip.shape[0],
            encoder=networks[0],
            decoder=networks[1],
            centre=centre,
            units=np.asarray(units),
            event=points.shape[1:],
            training_error=trained.training,
            validation_error=trained.validation,
            variance_kept=1 - lost,
        )

    def _start(self, rows: np.ndarray, seed: int) -> "Pair":
        pca = PCA(self.latent_dim).fit(rows, seed=seed)
        components, centre = pca.components, pca.centre
        assert components is not None
        assert centre is not None
        keys = jax.random.split(jax.random.PRNGKey(seed))
        sizes = rows.shape[1], *[self.width] * self.depth, len(components)
        return Pair(
            _network(sizes, keys[0], components, -components @ centre),
            _network(sizes[::-1], keys[1], components.T, centre),
        )

    def encode(self, points: np.ndarray) -> np.ndarray:
        (encoder, _), centre, units, _ = self._fitted()
        rows = plain_array(points, "points").reshape(len(points), -1)
        if rows.shape[1] != len(centre):
            raise InputError(
                f"points have {rows.shape[1]} columns, the autoencoder {len(centre)}; give the same"
            )
        return encoder((rows.astype(np.float64) - centre) / units)

    def decode(self, latents: np.ndarray) -> np.ndarray:
        (_, decoder), centre, units, event = self._fitted()
        return (centre + units * decoder(latents)).reshape(len(latents), *event)

    @property
    def is_fitted(self) -> bool:
        """Whether it has been trained."""
        return self.encoder is not None

    @property
    def lipschitz(self) -> float:
        """An upper bound of Lip(decode): the norms of V^T and of g's layers, units included."""
        (_, decoder), _, units, _ = self._fitted()
        return decoder.lipschitz_bound(units)

    def _fitted(self) -> tuple["Pair", np.ndarray, np.ndarray, tuple[int, ...]]:
        if self.encoder is None or self.decoder is None or self.centre is None:
            raise InputError("Autoencoder: not fitted; call fit(points), which returns the fitted")
        assert self.units is not None
        assert self.event is not None
        return Pair(self.encoder, self.decoder), self.centre, self.units, self.event

    def __repr__(self) -> str:
        return f"Autoencoder({self.latent_dim}, width={self.width}, depth={self.depth})"


class Pair(NamedTuple):
    """Encoder and decoder."""

    encoder: Network
    decoder: Network


class _TrainingState(NamedTuple):
    pair: Pair
    optimiser: Any
    best: Pair
    best_error: Float[Array, ""]


class _Trained(NamedTuple):
    best: Pair
    training: np.ndarray
    validation: np.ndarray


def _network(sizes: tuple[int, ...], key: PRNGKeyArray, skip: Any, bias: Any) -> Network:
    """Glorot weights below a last layer of zeros, so that at first only the linear map acts."""
    keys = jax.random.split(key, len(sizes) - 1)
    weights = [glorot(k, o, i) for k, o, i in zip(keys, sizes[1:], sizes[:-1], strict=True)]
    weights[-1] = jnp.zeros_like(weights[-1])
    biases = [jnp.zeros(out) for out in sizes[1:-1]]
    last = jnp.asarray(bias, jnp.float32)
    return Network(jnp.asarray(skip, jnp.float32), tuple(weights), (*biases, last))


def _error(pair: Pair, rows: Float[Array, "n d"]) -> Float[Array, ""]:
    return jnp.mean((pair.decoder(pair.encoder(rows)) - rows) ** 2)


def _train(codec: Autoencoder, start: Any, data: tuple[Any, Any, PRNGKeyArray]) -> _Trained:
    rows, held_out, key = jnp.asarray(data[0]), jnp.asarray(data[1]), data[2]
    adam = default_optimiser(float(codec.learning_rate))
    first = jax.jit(_error)(start, held_out)
    state = _TrainingState(start, adam.init(start), start, first)
    chunk = partial(_epochs, adam=adam, batch=min(codec.batch_size, len(rows)))
    training, validation = [], [np.asarray(first)[None]]
    for begin in range(0, codec.epochs, EPOCHS):
        numbers = jnp.arange(begin, min(begin + EPOCHS, codec.epochs))
        state, errors = chunk(state, (rows, held_out), key, numbers)
        training.append(np.asarray(errors[0]))
        validation.append(np.asarray(errors[1]))
        errors_so_far = np.concatenate(validation)
        best = int(np.nanargmin(errors_so_far))
        waited = len(errors_so_far) - 1 - best
        if waited >= codec.patience or not np.isfinite(errors_so_far[-1]):
            break
    return _Trained(state.best, np.concatenate(training), np.concatenate(validation))


@partial(compiled.jit, static_argnames=("adam", "batch"))
def _epochs(
    state: _TrainingState,
    data: tuple[Array, Array],
    key: PRNGKeyArray,
    numbers: Array,
    *,
    adam: optax.GradientTransformation,
    batch: int,
) -> tuple[_TrainingState, tuple[Array, Array]]:
    """One scan of epochs, each a scan of Adam's steps; errors of shape (epochs,) of both parts."""
    rows, held_out = data

    def step(carry: tuple[Any, Any], index: Array) -> tuple[tuple[Any, Any], Array]:
        pair, moments = carry
        error, slopes = jax.value_and_grad(_error)(pair, rows[index])
        updates, moments = adam.update(slopes, moments)
        moved = optax.apply_updates(pair, updates)  # type: ignore[arg-type]
        return (moved, moments), error

    def epoch(state: _TrainingState, number: Array) -> tuple[_TrainingState, tuple[Array, Array]]:
        order = jax.random.permutation(jax.random.fold_in(key, number), len(rows))
        # what does not fill a batch waits for another epoch's order
        order = order[: len(rows) // batch * batch].reshape(-1, batch)
        (pair, moments), errors = jax.lax.scan(step, (state.pair, state.optimiser), order)
        error = _error(pair, held_out)
        better = error < state.best_error
        best = jax.tree.map(partial(jnp.where, better), pair, state.best)
        lowest = jnp.minimum(error, state.best_error)
        return _TrainingState(pair, moments, best, lowest), (errors.mean(), error)

    return jax.lax.scan(epoch, state, numbers)
