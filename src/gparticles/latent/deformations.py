"""Images as deformations of one another: a latent space in which straight lines stay images.

Numbered from an image, every other one is a displacement field, which registration finds; between
two fields lie fields, and what they make of the image is as sharp as it (class-wise
diffeomorphisms as augmentation: Hauberg et al. 2016, AISTATS, "Dreaming more data").
"""

import dataclasses
from typing import Any, NamedTuple

import equinox as eqx
import numpy as np

from gparticles.checks import check_count, check_number
from gparticles.errors import InputError
from gparticles.latent.codecs import AbstractCodec
from gparticles.latent.registration import blurred, on_grid, register, waves, without_colour

# of an image's number in its latents: small beside displacements, of which units are made
NUMBER_UNIT = 1e-3
# images that are deformed at a time
_BLOCK = 500


class Numbered(NamedTuple):
    """Points of the latent space and the numbers of the images that they deform.

    Attributes:
        latents: shape (k, 1 + 2 waves^2): the image's number times 0.001, and the field's cosines.
        images: shape (k,), int.
    """

    latents: np.ndarray
    images: np.ndarray


class Deformations(AbstractCodec):
    """From displacement fields of training images to images.

    A latent says which image is deformed and, in pixels, how: the first cosines of a displacement
    field u, with decode(z)(x) = image(x + u(x)), cubic between pixels. Every image is registered to
    some others of its class (demons: Thirion 1998, Med. Image Anal. 2(3)), and the fields are what
    a flow can move to. New latents begin with an image and a Gaussian field with the second moments
    of ``widening`` times these fields.

    Args:
        mates: how many others each image is registered to.
        cosines: along each side, of a field.
        widening: of the Gaussian beside the fields found; a flow narrows it again.

    Attributes:
        images: that are deformed, shape (n, *event); None before `fit_images`.
        kinds: their classes, shape (n,), or None.
        spread: the Gaussian's triangular factor, shape (d, d).
        fields_kept: the share of the fields' squares that the cosines hold.

    Raises:
        InputError: a number is not above 0; or later: points that are no images.
    """

    mates: int = 6
    cosines: int = 8
    widening: float = 1.4
    images: np.ndarray | None = eqx.field(default=None, kw_only=True)
    kinds: np.ndarray | None = eqx.field(default=None, kw_only=True)
    spread: np.ndarray | None = eqx.field(default=None, kw_only=True)
    fields_kept: float | None = eqx.field(default=None, kw_only=True)

    def __check_init__(self) -> None:
        check_count(self.mates, "mates")
        check_count(self.cosines, "cosines")
        check_number(self.widening, "widening")

    def fit_images(
        self, images: np.ndarray, kinds: np.ndarray | None = None, *, seed: int = 0
    ) -> tuple["Deformations", Numbered]:
        """The fitted codec, and every image's mates as it sees them.

        Args:
            images: shape (n, h, w) or (n, h, w, c).
            kinds: classes as whole numbers, shape (n,): mates are of one class. Without, they are
                the nearest images.
            seed: which mates.

        Raises:
            InputError: fewer than two images, or points that are no images.
        """
        if images.ndim not in (3, 4) or len(images) < 2:
            raise InputError(
                f"latent.codec deformations: the target has shape {images.shape}; give two images "
                "at least, shape (n, h, w) or (n, h, w, c), or use another codec"
            )
        grey = without_colour(images)
        pairs = mates_of(grey, kinds, count=self.mates, seed=seed)
        fields = register(grey[pairs[:, 0]], grey[pairs[:, 1]])
        shortened = waves(fields, self.cosines)
        kept = float((shortened**2).sum() / max(float((fields**2).sum()), 1e-300))
        factor: Any = np.linalg.qr(shortened, mode="r")
        spread = self.widening * factor / np.sqrt(len(shortened))
        arrays = {"images": images, "kinds": kinds, "spread": spread}
        return dataclasses.replace(self, fields_kept=kept, **arrays), _numbered(
            pairs[:, 0], shortened
        )

    def begin(self, kinds: np.ndarray, *, seed: int = 0) -> Numbered:
        """New latents: images of these classes in turns, each with a Gaussian field of its own.

        Args:
            kinds: the class of each, shape (k,); all the same where the codec knows none.
            seed: of order and fields.
        """
        images, spread = self._fitted()
        generator = np.random.default_rng(seed)
        numbers = np.zeros(len(kinds), int)
        for kind in np.unique(kinds):
            own = np.arange(len(images)) if self.kinds is None else np.where(self.kinds == kind)[0]
            at = np.flatnonzero(kinds == kind)
            numbers[at] = np.resize(generator.permutation(own), len(at))
        return _numbered(numbers, generator.standard_normal((len(kinds), len(spread))) @ spread)

    def fit(self, points: np.ndarray, *, seed: int = 0) -> "Deformations":
        raise InputError("Deformations is fitted to images by fit_images")

    def encode(self, points: np.ndarray) -> np.ndarray:
        raise InputError(
            "images of your own are not moved by deformations of others; gpa sample makes new ones"
        )

    def decode(self, latents: np.ndarray) -> np.ndarray:
        """Images, shape (k, *event), within the range of those that are deformed."""
        images, _ = self._fitted()
        parts = [latents[at : at + _BLOCK] for at in range(0, len(latents), _BLOCK)]
        return np.concatenate([self._decoded(images, part) for part in parts])

    def _decoded(self, images: np.ndarray, latents: np.ndarray) -> np.ndarray:
        numbers = np.round(latents[:, 0] / NUMBER_UNIT).astype(int)
        chosen = images[np.clip(numbers, 0, len(images) - 1)]
        fields = on_grid(latents[:, 1:], chosen.shape[1:3])
        return np.clip(deformed(chosen, fields), images.min(), images.max())

    @property
    def begins(self) -> bool:
        return True

    @property
    def is_fitted(self) -> bool:
        """Whether it has images."""
        return self.images is not None

    @property
    def lipschitz(self) -> None:
        """Not known: it is that of the images' slopes."""
        return None

    def _fitted(self) -> tuple[np.ndarray, np.ndarray]:
        if self.images is None or self.spread is None:
            raise InputError("Deformations: not fitted; call fit_images(images)")
        return self.images, self.spread

    def __repr__(self) -> str:
        return f"Deformations({self.mates}, cosines={self.cosines})"


def _numbered(numbers: np.ndarray, fields: np.ndarray) -> Numbered:
    return Numbered(np.column_stack([NUMBER_UNIT * numbers, fields]), numbers)


def deformed(images: np.ndarray, fields: np.ndarray) -> np.ndarray:
    """image(x + u(x)) by cubic splines; the border goes on beyond the edge.

    Args:
        images: shape (k, h, w) or (k, h, w, c).
        fields: u in pixels, shape (k, 2, h, w).
    """
    from scipy.ndimage import map_coordinates

    place = np.indices(images.shape[1:3])
    made = np.empty(images.shape, images.dtype)
    for image, field, out in zip(images, fields, made, strict=True):
        for channel in np.ndindex(images.shape[3:]):
            at = (..., *channel)
            out[at] = map_coordinates(image[at], place + field, order=3, mode="nearest")
    return made


def mates_of(
    grey: np.ndarray, kinds: np.ndarray | None, *, count: int, seed: int = 0
) -> np.ndarray:
    """Pairs of an image and another that it is registered to, shape (k, 2).

    Of one class any other will do; without classes the nearest are taken, which are most likely to
    show the same. An image that is alone in its class has itself.
    """
    generator = np.random.default_rng(seed)
    pairs = []
    flat = blurred(grey, 1.0).reshape(len(grey), -1)
    for k in range(len(grey)):
        if kinds is None:
            away = ((flat - flat[k]) ** 2).sum(axis=1)
            others = np.argsort(away, kind="stable")
            chosen = others[others != k][:count]
        else:
            others = np.flatnonzero(kinds == kinds[k])
            chosen = generator.permutation(others[others != k])[:count]
        pairs += [(k, mate) for mate in (chosen if len(chosen) else [k])]
    return np.array(pairs)
