"""Strided convolution whose operator norm is bounded for any image size.

A convolution is a matrix applied to patches. With stride s and kernel k, a pixel occurs in up to
m_y m_x patches, where m is the number of taps that share its phase (tap mod s). Divide each tap by
sqrt(m_y m_x) and the map from image to patches is an isometry, or a contraction at the padded
border; so the operator norm of the convolution is at most the spectral norm of the matrix. Merely
reshaping a kernel to a matrix bounds nothing: a constant 5x5 kernel of stride 2 has an operator
norm 2.54 times its Frobenius norm.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from gparticles.potential.lipschitz import AbstractWeight

# up to these, padded pixels and channels, bands are faster than shifted slices on a CPU; they waste
# a share of the product that grows with both
_NARROW = 40
_FEW = 32

Images = Float[Array, "n h w c"]
Convolved = Float[Array, "n h_out w_out c_out"]


def tap_multiplicity(kernel: int, stride: int) -> np.ndarray:
    """How many taps share each tap's phase, shape (kernel,)."""
    taps = np.arange(kernel)
    return np.array([np.sum(taps % stride == tap % stride) for tap in taps])


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int, int]:
    """Zeros before, zeros after and output size such that every pixel is seen."""
    out = -(-size // stride)
    total = max((out - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2, out


class Convolution(eqx.Module):
    """A zero-padded strided convolution with bias, of operator norm at most 1.

    ``matrix`` computes a (channels_out, kernel * kernel * channels_in) weight of norm at most 1.
    """

    matrix: AbstractWeight
    bias: Float[Array, " c_out"]
    kernel: int = eqx.field(static=True)
    stride: int = eqx.field(static=True)

    def taps(self) -> Float[Array, "k k c_in c_out"]:
        """The kernel that is convolved with, taps divided by the root of their multiplicity."""
        weight = self.matrix()
        k = self.kernel
        m = tap_multiplicity(k, self.stride)
        scale = 1 / np.sqrt(np.outer(m, m))
        taps = weight.reshape(weight.shape[0], k, k, -1).transpose(1, 2, 3, 0)
        return taps * jnp.asarray(scale, weight.dtype)[:, :, None, None]

    def __call__(self, images: Images) -> Convolved:
        y0, y1, _ = same_padding(images.shape[1], self.kernel, self.stride)
        x0, x1, _ = same_padding(images.shape[2], self.kernel, self.stride)
        padded = jnp.pad(images, ((0, 0), (y0, y1), (x0, x1), (0, 0)))
        convolve = jax.lax.platform_dependent(
            padded,
            self.taps(),
            cpu=lambda x, w: _products(x, w, self.stride),
            default=lambda x, w: _native(x, w, self.stride),
        )
        return convolve + self.bias[None, None, None, :]


def _products(padded: Images, taps: Array, stride: int) -> Convolved:
    """The convolution as matrix products, of the two kinds the quicker one for these sizes."""
    # XLA's own CPU convolution falls to a naive kernel inside a loop
    small = padded.shape[2] <= _NARROW and taps.shape[3] <= _FEW
    return (_banded_products if small else _shifted_products)(padded, taps, stride)


def _banded_products(padded: Images, taps: Array, stride: int) -> Convolved:
    # a row of the image at once, by a band of the taps: few channels alone make thin products
    kernel, channels = taps.shape[0], taps.shape[3]
    n, _, breadth, incoming = padded.shape
    height = (padded.shape[1] - kernel) // stride + 1
    width = (breadth - kernel) // stride + 1
    place = np.zeros((width, kernel, breadth), padded.dtype)
    at, tap = np.meshgrid(np.arange(width), np.arange(kernel), indexing="ij")
    place[at, tap, at * stride + tap] = 1
    bands = jnp.einsum("oxb,yxcd->ybcod", place, taps)
    bands = bands.reshape(kernel, breadth * incoming, width * channels)
    rows = padded.reshape(n, -1, breadth * incoming)
    total = jnp.zeros((n, height, width * channels), padded.dtype)
    for y in range(kernel):
        total = total + rows[:, y : y + (height - 1) * stride + 1 : stride] @ bands[y]
    return total.reshape(n, height, width, channels)


def _shifted_products(padded: Images, taps: Array, stride: int) -> Convolved:
    # a sum of products over shifted slices keeps the rate of the product
    kernel = taps.shape[0]
    height = (padded.shape[1] - kernel) // stride + 1
    width = (padded.shape[2] - kernel) // stride + 1
    total = jnp.zeros((padded.shape[0], height, width, taps.shape[3]), padded.dtype)
    for y in range(kernel):
        for x in range(kernel):
            rows = slice(y, y + (height - 1) * stride + 1, stride)
            columns = slice(x, x + (width - 1) * stride + 1, stride)
            total = total + padded[:, rows, columns, :] @ taps[y, x]
    return total


def _native(padded: Images, taps: Array, stride: int) -> Convolved:
    return jax.lax.conv_general_dilated(
        padded, taps, (stride, stride), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
