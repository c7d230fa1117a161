"""Images of digits as a classifier sees them, and the distances of what it sees.

The features are the last hidden layer of a small LeNet that was trained on `gparticles.data.mnist`
(its accuracy on held-out digits is in docs/measured.md, "The features of digits"). So the Frechet
and the kernel distance of them are FD-LeNet and KD-LeNet. They are not FID and KID, which are
defined by the Inception network: the numbers cannot be compared.
"""

from collections.abc import Callable
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import ArrayLike

from gparticles.checks import plain_array
from gparticles.errors import InputError
from gparticles.evaluate import distances
from gparticles.evaluate.lenet import SIDE, shipped

# 256 images hold 10 MB in the first convolution
BLOCK = 256
# particles in float32 may miss a bound by rounding
ROUNDING = 1e-4


def lenet_features(images: ArrayLike) -> np.ndarray:
    """What the LeNet's last hidden layer makes of each image.

    Computed in blocks of 256, so that memory does not grow with n but for the result. Each row
    depends on its image alone.

    Args:
        images: shape (n, 28, 28) or (n, 28, 28, 1), 0 for the ground and 1 for the ink; values
            that miss [0, 1] by at most 1e-4 are clipped.

    Returns:
        Shape (n, 84), float32, without unit, each in (-1, 1).

    Raises:
        InputError: another shape, no image, values that are not finite or not in [0, 1].

    >>> lenet_features(np.zeros((3, 28, 28))).shape
    (3, 84)
    """
    return _in_blocks(_features(), _checked(images))


def digit_probabilities(images: ArrayLike) -> np.ndarray:
    """The softmax of the classifier, to judge whether images show the digits of their labels.

    Args:
        images: as for `lenet_features`.

    Returns:
        Shape (n, 10), float32: the probabilities of the digits 0 to 9. They sum to 1 for what is
        no digit too, and noise may get a confident one.

    Raises:
        InputError: as `lenet_features`.

    >>> digit_probabilities(np.zeros((3, 28, 28))).shape
    (3, 10)
    """
    return _in_blocks(_probabilities(), _checked(images))


def fd_lenet(x: ArrayLike, y: ArrayLike) -> float:
    """The squared Frechet distance of Gaussian fits to the LeNet's features.

    |m_x - m_y|^2 + tr(C_x + C_y - 2 (C_x^(1/2) C_y C_x^(1/2))^(1/2)), as in Heusel et al. 2017,
    eq. 6, on other features: not FID.

    Bias: upward, more with fewer images, so compare only at equal numbers of them and beside the
    distance of two sets of real digits. Compare with digits that `mnist_split` holds out: the
    LeNet was trained on the others.

    Args:
        x, y: shapes (m, 28, 28) and (n, 28, 28), or with a last axis of 1, at least two each.

    Returns:
        The squared distance, without unit; 0 where x is y, but for rounding.

    Raises:
        InputError: as `lenet_features`, or a single image.
    """
    return distances.frechet_distance(*_features_of_two(x, y))


def kd_lenet(x: ArrayLike, y: ArrayLike, *, seed: int = 0) -> float:
    """The unbiased squared MMD of the LeNet's features under the kernel (a.b / 84 + 1)^3.

    The estimator of Binkowski et al. 2018, section 4, on other features: not KID. The mean over
    disjoint blocks of 500 images of each; where the numbers differ, images of the larger set
    are left out.

    Args:
        x, y: shapes (m, 28, 28) and (n, 28, 28), or with a last axis of 1, at least two each.
        seed: of the blocks.

    Returns:
        A number without unit and without bias: of mean zero where both sets show the same
        distribution, so it may be below zero.

    Raises:
        InputError: as `lenet_features`, or a single image.
    """
    return distances.kid(*_features_of_two(x, y), seed=seed).value


def _features_of_two(x: ArrayLike, y: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    first, second = lenet_features(x), lenet_features(y)
    if min(len(first), len(second)) < 2:
        raise InputError("a distance of images needs two of each at least; give more images")
    return first, second


@cache
def _features() -> Callable[[np.ndarray], Array]:
    return _compiled(shipped().features)


@cache
def _probabilities() -> Callable[[np.ndarray], Array]:
    network = shipped()
    return _compiled(lambda image: jax.nn.softmax(network(image)))


def _compiled(of_one: Callable[[Array], Array]) -> Callable[[np.ndarray], Array]:
    @jax.jit
    def of_block(block: np.ndarray) -> Array:
        # accelerators would round products to fewer bits and make other numbers
        with jax.default_matmul_precision("highest"):
            return jax.vmap(of_one)(jnp.asarray(block))

    return of_block


def _in_blocks(function: Callable[[np.ndarray], Array], images: np.ndarray) -> np.ndarray:
    """The function on blocks of one size, which compiles once; the last is filled with zeros."""
    blocks = []
    for start in range(0, len(images), BLOCK):
        block = images[start : start + BLOCK]
        padded = np.zeros((BLOCK, SIDE, SIDE), np.float32)
        padded[: len(block)] = np.clip(block, 0, 1)
        blocks.append(np.asarray(function(padded))[: len(block)])
    return np.concatenate(blocks)


def _checked(images: ArrayLike) -> np.ndarray:
    given = plain_array(images, "images")
    if given.ndim == 4 and given.shape[-1] == 1:
        given = given[..., 0]
    if given.ndim != 3 or given.shape[1:] != (SIDE, SIDE) or len(given) == 0:
        raise InputError(
            f"images have shape {np.shape(images)}; the LeNet takes (n, 28, 28) or (n, 28, 28, 1)"
        )
    if given.dtype.kind not in "buif":
        raise InputError(f"images hold {given.dtype}; give real numbers in [0, 1]")
    low, high = float(given.min()), float(given.max())
    # written so that NaN is refused too
    if not (low >= -ROUNDING and high <= 1 + ROUNDING):
        raise InputError(
            f"images reach from {low:.4g} to {high:.4g}; the LeNet takes [0, 1]: "
            "divide bytes by 255, or clip with numpy.clip(images, 0, 1)"
        )
    return given
