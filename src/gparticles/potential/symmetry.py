"""phi averaged over moves of images, which keeps its bound.

A linear map g of norm at most 1 makes of an L-Lipschitz function an L-Lipschitz one, and so does a
mean of such functions: |mean phi(g x) - mean phi(g y)| <= mean L |g (x - y)| <= L |x - y|. Quarter
turns and mirror images only exchange pixels; a shift that fills up with zeros drops pixels and adds
none. A turn by another angle has values between pixels, by weights whose matrix may have a norm
above 1, so that there is none here.
"""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from gparticles.checks import check_count
from gparticles.errors import InputError
from gparticles.potential.convolution import Convolution
from gparticles.potential.networks import AbstractBody, Dense, Points


class AbstractSymmetry(eqx.Module):
    """Moves of images, each a linear map of norm at most 1."""

    @abstractmethod
    def moved(self, images: Points) -> Float[Array, "moves n *event"]:
        """The images (n, h, w) or (n, h, w, c) under every move."""


class Shifts(AbstractSymmetry):
    """Shifts by up to some pixels each way, filled up with zeros: (2 pixels + 1)^2 moves.

    These are no group: phi becomes smooth along shifts, and not invariant.

    Args:
        pixels: the farthest, along each axis.
    """

    pixels: int = eqx.field(static=True, default=1)

    def __check_init__(self) -> None:
        check_count(self.pixels, "pixels")

    def moved(self, images: Points) -> Float[Array, "moves n *event"]:
        far = self.pixels
        height, width = images.shape[1:3]
        sides = ((0, 0), (far, far), (far, far), (0, 0))[: images.ndim]
        padded, places = jnp.pad(images, sides), range(2 * far + 1)
        return jnp.stack([padded[:, y : y + height, x : x + width] for y in places for x in places])


class QuarterTurns(AbstractSymmetry):
    """The four quarter turns of square images, and their mirror images: phi becomes invariant.

    Args:
        mirrored: whether mirror images are among them, eight moves in the place of four.
    """

    mirrored: bool = eqx.field(static=True, default=True, kw_only=True)

    def moved(self, images: Points) -> Float[Array, "moves n *event"]:
        if images.shape[1] != images.shape[2]:
            raise InputError(
                f"quarter turns of {images.shape[1]} x {images.shape[2]} pixels have another "
                "shape; give square images"
            )
        turned = [jnp.rot90(images, k, axes=(1, 2)) for k in range(4)]
        return jnp.stack([*turned, *(jnp.flip(t, 2) for t in turned if self.mirrored)])


SYMMETRIES: dict[str, AbstractSymmetry] = {
    "shifts": Shifts(),
    "turns": QuarterTurns(mirrored=False),
    "mirrors": QuarterTurns(),
}


class Averaged(AbstractBody):
    """phi(x) = mean over the moves g of body(g x), of the same L.

    Where the target's law is the same after the moves, phi may be sought among functions that are
    (Birrell, Katsoulakis, Rey-Bellet and Zhu 2022, arXiv 2202.01129). It takes as many evaluations
    as there are moves. ``transport`` subtracts a centre first, but for ``scale=1.0``.

    Args:
        body: a ``LipschitzMLP`` or ``LipschitzConv`` for images.
        symmetry: the moves, ``Shifts()`` or ``QuarterTurns()``.

    Raises:
        InputError: a body with heads (``per_class`` comes after); points that are no images.

    >>> from gparticles.potential import tight_mlp
    >>> phi = Averaged(tight_mlp(16, width=8, lipschitz=3.0), symmetry=QuarterTurns())
    >>> phi.lipschitz_bound() <= 3.0 * (1 + 1e-5)
    True
    """

    body: AbstractBody
    symmetry: AbstractSymmetry

    def __init__(self, body: AbstractBody, *, symmetry: AbstractSymmetry):
        if not isinstance(body, AbstractBody) or not hasattr(symmetry, "moved"):
            raise InputError(
                f"Averaged is given {type(body).__name__} and {symmetry!r}: give a network "
                "without heads, such as gpa.tight_mlp(784), and symmetry=gpa.Shifts()"
            )
        self.body, self.symmetry = body, symmetry

    @property
    def layers(self) -> tuple[Dense | Convolution, ...]:  # type: ignore[override]
        return self.body.layers

    @property
    def head(self) -> Dense:  # type: ignore[override]
        return self.body.head

    @property
    def lipschitz(self) -> float:  # type: ignore[override]
        return self.body.lipschitz

    def features(self, points: Points) -> Float[Array, "n width"]:
        if points.ndim not in (3, 4):
            raise InputError(f"points of shape {points.shape[1:]} are no images to move")
        moved = self.symmetry.moved(points)
        features = self.body.features(moved.reshape(-1, *points.shape[1:]))
        return jnp.mean(features.reshape(len(moved), len(points), -1), axis=0)

    def features_bound(self) -> float:
        return self.body.features_bound()
