"""The generator, and a trained GAN from which samples are drawn."""

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from gparticles import compiled
from gparticles.checks import check_count, check_labels, check_seed, label_indices
from gparticles.errors import InputError
from gparticles.flow.scaling import AbstractScaling
from gparticles.flow.solution import finish


class Generator(eqx.Module):
    """g(z): a dense network from latents (and a class) to points in working units.

    What the network gives is multiplied by the target's spread, or, where there are bounds,
    brought between them by a sigmoid.

    Attributes:
        network: of one latent, to the coordinates of one point.
        box: the bounds in working units, each of the shape of a point, or None.
        spread: of the target in working units.
        shape: of a point.
        num_classes: how many classes are told to the network, or None.
    """

    network: eqx.nn.MLP
    box: tuple[np.ndarray, np.ndarray] | None
    spread: float = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)
    num_classes: int | None = eqx.field(static=True)

    def __call__(
        self, latents: Float[Array, "n k"], labels: Int[Array, " n"] | None = None
    ) -> Float[Array, "n *event"]:
        if self.num_classes is not None and labels is not None:
            latents = jnp.concatenate([latents, jax.nn.one_hot(labels, self.num_classes)], axis=1)
        found = jax.vmap(self.network)(latents).reshape(-1, *self.shape)
        if self.box is None:
            return self.spread * found
        # the box is an array among the parameters, which training must leave alone
        low, high = (jax.lax.stop_gradient(jnp.asarray(side)) for side in self.box)
        return low + (high - low) * jax.nn.sigmoid(found)


def latents(key: PRNGKeyArray, n: int, dim: int) -> Float[Array, "n dim"]:
    """Standard normal, which is where every generator starts."""
    return jax.random.normal(key, (n, dim))


@dataclass(frozen=True, eq=False, kw_only=True)
class GAN:
    """A trained generator.

    Attributes:
        generator: with its weights averaged over the last steps.
        history: ``divergence``, shape (steps,): what the critic reached before each step of the
            generator, nats (for Wasserstein GANs nats per unit of slope: W1 in working units, where
            the critic's slope is 1).
        outcome: how training ended, in words.
        latent_dim: numbers that one point is made from.
        classes: the target's classes, sorted, or None.
        scaling, bounds, dtype: of the points.
    """

    generator: Generator
    history: dict[str, np.ndarray]
    outcome: str
    latent_dim: int
    classes: np.ndarray | None
    scaling: AbstractScaling
    bounds: tuple[float, float] | None
    dtype: np.dtype

    def sample(self, n: int, *, labels: Any = None, seed: int = 0) -> np.ndarray:
        """n new points, shape (n, *event), data units, in the target's dtype.

        Args:
            n: how many.
            labels: their classes, shape (n,); for GANs that were trained with labels.
            seed: of the latents.

        Raises:
            InputError: labels are missing, of another length, unknown, or not wanted.
        """
        check_count(n, "n")
        check_seed(seed)
        if (labels is None) != (self.classes is None):
            mend = "leave labels out" if self.classes is None else "give labels, one per point"
            raise InputError(f"labels: the GAN was trained {self._trained()}; {mend}")
        indices = None
        if self.classes is not None:
            known = check_labels(labels, n, "labels")
            indices = jnp.asarray(label_indices(known, self.classes, "labels"))
        key = jax.random.fold_in(jax.random.PRNGKey(seed), 2)
        points = _generate(self.generator, latents(key, n, self.latent_dim), indices)
        return finish(self.scaling, points, self.bounds, self.dtype)

    def _trained(self) -> str:
        return "without labels" if self.classes is None else "with labels"


@compiled.jit
def _generate(generator: Generator, at: Array, labels: Array | None) -> Array:
    return generator(at, labels)
