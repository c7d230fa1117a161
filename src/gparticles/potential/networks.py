"""The potentials phi: dense, convolutional, one head per class, and a soft one."""

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from gparticles import compiled
from gparticles.errors import InputError
from gparticles.potential.activations import Activation, GroupSort, MollifiedReLU, check_1_lipschitz
from gparticles.potential.convolution import Convolution, same_padding
from gparticles.potential.lipschitz import (
    AbstractWeight,
    Frobenius,
    Orthogonal,
    Unconstrained,
    UnitRows,
    largest_row_norm,
    spectral_norm,
)

Points = Float[Array, "n *event"]
Labels = Int[Array, " n"]


class AbstractPotential(eqx.Module):
    """A function phi on points, in nats, refitted at every time step."""

    lipschitz: eqx.AbstractVar[float]

    @abstractmethod
    def __call__(self, points: Points, labels: Labels | None = None) -> Float[Array, " n"]:
        """phi at a batch of points of shape (n, *event), shape (n,), nats."""

    @abstractmethod
    def lipschitz_bound(self) -> float:
        """A number that |phi(x) - phi(y)| / |x - y| never exceeds, in float64; inf if unknown."""

    @abstractmethod
    def penalty(self, points: Points, labels: Labels | None = None) -> Float[Array, ""] | None:
        """What the fit subtracts from its objective, or None for constrained potentials."""

    def classes(self) -> int | None:
        """How many classes it has a head for; None where it takes no labels."""
        return None


class Dense(eqx.Module):
    """x W^T + b, with the weight computed by a module of known norm."""

    matrix: AbstractWeight
    bias: Float[Array, " out"]

    def __call__(self, x: Float[Array, "n in"]) -> Float[Array, "n out"]:
        return x @ self.matrix().T + self.bias[None, :]


class AbstractBody(AbstractPotential):
    """A potential that ends in a linear head on features, so that it can have several heads."""

    layers: eqx.AbstractVar[tuple[Dense | Convolution, ...]]
    head: eqx.AbstractVar[Dense]

    @abstractmethod
    def features(self, points: Points) -> Float[Array, "n width"]:
        """The features that the head reads."""

    def features_bound(self) -> float:
        """A Lipschitz constant of ``features``, from the actual weights in float64."""
        return math.prod(spectral_norm(layer.matrix()) for layer in self.layers)

    def __call__(self, points: Points, labels: Labels | None = None) -> Float[Array, " n"]:
        return _scale(self.lipschitz) * self.head(self.features(points))[:, 0]

    def lipschitz_bound(self) -> float:
        return _bound(self.lipschitz, self, self.head)

    def per_class(self, num_classes: int, *, seed: int) -> "ClassConditional":
        """The same features with a head for each class."""
        return ClassConditional(self, num_classes, seed=seed)

    def penalty(self, points: Points, labels: Labels | None = None) -> None:
        return None


def _dense(
    layer: Callable[..., AbstractWeight], out_size: int, in_size: int, key: PRNGKeyArray
) -> Dense:
    return Dense(layer(out_size, in_size, key=key), jnp.zeros(out_size, jnp.float32))


def _taken(body: AbstractBody, points: Points) -> Points:
    # the weights decide the precision, whatever JAX's defaults are
    return jnp.asarray(points, body.head.bias.dtype)


def _check_lipschitz(lipschitz: float) -> float:
    if isinstance(lipschitz, bool) or not isinstance(lipschitz, (int, float, np.number)):
        raise InputError(f"lipschitz is {lipschitz!r}: it must be a number above 0, or inf")
    if not lipschitz > 0:
        raise InputError(f"lipschitz is {lipschitz}: it must be above 0, or inf for no bound")
    return float(lipschitz)


def _scale(lipschitz: float) -> float:
    return 1.0 if math.isinf(lipschitz) else lipschitz


def _bound(lipschitz: float, body: AbstractBody, head: Dense) -> float:
    if math.isinf(lipschitz):
        return math.inf
    return lipschitz * body.features_bound() * largest_row_norm(head.matrix())


def _heads_for(lipschitz: float) -> Callable[..., AbstractWeight]:
    return Unconstrained if math.isinf(lipschitz) else UnitRows


@compiled.jit
def _drawn(
    kinds: tuple[Callable[..., AbstractWeight], Callable[..., AbstractWeight]],
    sizes: tuple[int, ...],
    key: PRNGKeyArray,
) -> tuple[tuple[Dense, ...], Dense]:
    """The layers and the head of a dense network: one program, where each draw would be several."""
    hidden, head = kinds
    keys = jax.random.split(key, len(sizes))
    layers = [_dense(hidden, sizes[k + 1], sizes[k], keys[k]) for k in range(len(sizes) - 1)]
    return tuple(layers), _dense(head, 1, sizes[-1], keys[-1])


class LipschitzMLP(AbstractBody):
    """L times a network of dense layers of norm at most 1 and a 1-Lipschitz activation.

    With ``lipschitz=inf`` the layers are unconstrained and nothing is certified.

    Args:
        in_size: the number of coordinates of a point (of all axes together).
        width: features per hidden layer.
        depth: number of hidden layers.
        lipschitz: L, nats per data unit, above 0.
        layer: the class of the hidden weights: Orthogonal, Spectral, Frobenius or AOL.
        activation: elementwise and 1-Lipschitz, or ``GroupSort()``.
        seed: of the initial weights.

    Raises:
        InputError: L is not above 0, or the activation is steeper than 1.
    """

    layers: tuple[Dense | Convolution, ...]
    head: Dense
    activation: Activation = eqx.field(static=True)
    lipschitz: float = eqx.field(static=True)

    def __init__(
        self,
        in_size: int,
        *,
        width: int,
        depth: int,
        lipschitz: float = 1.0,
        layer: type[AbstractWeight] = Frobenius,
        activation: Activation,
        seed: int = 0,
    ):
        self.lipschitz = _check_lipschitz(lipschitz)
        check_1_lipschitz(activation)
        self.activation = activation
        hidden = Unconstrained if math.isinf(self.lipschitz) else layer
        sizes = (in_size, *[width] * depth)
        kinds = (hidden, _heads_for(self.lipschitz))
        self.layers, self.head = _drawn(kinds, sizes, jax.random.PRNGKey(seed))

    def features(self, points: Points) -> Float[Array, "n width"]:
        x = _taken(self, points).reshape(points.shape[0], -1)
        for layer in self.layers:
            x = self.activation(layer(x))
        return x


class LipschitzConv(AbstractBody):
    """L times strided convolutions of norm at most 1, an activation, and a linear head.

    Points are images of shape (n, h, w) or (n, h, w, c), of any size.

    Args:
        image_shape: (h, w) or (h, w, c).
        channels: features per convolution.
        depth: number of convolutions.
        kernel: the side of a kernel, pixels.
        stride: of every convolution, pixels.
        lipschitz, layer, activation, seed: as in ``LipschitzMLP``.
    """

    layers: tuple[Dense | Convolution, ...]
    head: Dense
    activation: Activation = eqx.field(static=True)
    lipschitz: float = eqx.field(static=True)

    def __init__(
        self,
        image_shape: Sequence[int],
        *,
        channels: int = 128,
        depth: int = 3,
        kernel: int = 5,
        stride: int = 2,
        lipschitz: float = 1.0,
        layer: type[AbstractWeight] = Frobenius,
        activation: Activation,
        seed: int = 0,
    ):
        if len(image_shape) not in (2, 3):
            raise InputError(
                f"image shape {tuple(image_shape)}: a convolution needs (h, w) or (h, w, c); "
                "take a dense potential for tables"
            )
        self.lipschitz = _check_lipschitz(lipschitz)
        check_1_lipschitz(activation)
        self.activation = activation
        keys = jax.random.split(jax.random.PRNGKey(seed), depth + 1)
        hidden = Unconstrained if math.isinf(self.lipschitz) else layer
        height, width, incoming = (*image_shape, 1)[:3]
        layers = []
        for k in range(depth):
            matrix = hidden(channels, kernel * kernel * incoming, key=keys[k])  # type: ignore
            layers.append(Convolution(matrix, jnp.zeros(channels, jnp.float32), kernel, stride))
            height = same_padding(height, kernel, stride)[2]
            width = same_padding(width, kernel, stride)[2]
            incoming = channels
        self.layers = tuple(layers)
        self.head = _dense(_heads_for(self.lipschitz), 1, height * width * incoming, keys[-1])

    def features(self, points: Points) -> Float[Array, "n width"]:
        x = _taken(self, points)
        x = x if x.ndim == 4 else x[..., None]
        for layer in self.layers:
            x = self.activation(layer(x))
        return x.reshape(x.shape[0], -1)


class ClassConditional(AbstractPotential):
    """One head per class on shared features; the label of a point picks its head.

    Every head is normalised on its own, so each phi_c is L-Lipschitz. Labels are 0 to
    num_classes - 1 here; ``gparticles.transport`` maps the labels of the data to these.

    Args:
        body: a ``LipschitzMLP`` or ``LipschitzConv``, whose features are shared.
        num_classes: the number of heads.
        seed: of the initial heads.
    """

    body: AbstractBody
    heads: Dense
    num_classes: int = eqx.field(static=True)
    lipschitz: float = eqx.field(static=True)

    def __init__(self, body: AbstractBody, num_classes: int, *, seed: int = 0):
        if num_classes < 1:
            raise InputError(f"num_classes is {num_classes}: at least one class is needed")
        self.body = body
        self.num_classes = num_classes
        self.lipschitz = body.lipschitz
        in_size = jax.eval_shape(lambda: body.head.matrix()).shape[1]
        key = jax.random.PRNGKey(seed)
        self.heads = _dense(_heads_for(self.lipschitz), num_classes, in_size, key)

    def __call__(self, points: Points, labels: Labels | None = None) -> Float[Array, " n"]:
        if labels is None:
            raise InputError("a class-conditional potential needs the label of every point")
        values = self.heads(self.body.features(points))
        picked = jnp.take_along_axis(values, labels[:, None], axis=1)[:, 0]
        return _scale(self.lipschitz) * picked

    def lipschitz_bound(self) -> float:
        return _bound(self.lipschitz, self.body, self.heads)

    def penalty(self, points: Points, labels: Labels | None = None) -> None:
        return None

    def classes(self) -> int:
        return self.num_classes


class SoftLipschitz(AbstractPotential):
    """A potential that a gradient penalty keeps near slope L; never certified.

    The fit's objective is lowered by strength times the mean of (|grad phi| / L - 1)_+^2 at points
    drawn uniformly on the segments between source and target points (the one-sided form of
    Petzka, Fischer and Lukovnikov 2018, arXiv 1709.08894: Gamma_L bounds slopes from above only).

    Args:
        network: any potential with ``lipschitz=inf``.
        lipschitz: L, nats per data unit, finite.
        strength: of the penalty, nats.
    """

    network: AbstractPotential
    lipschitz: float = eqx.field(static=True)
    strength: float = eqx.field(static=True)

    def __init__(
        self, network: AbstractPotential, *, lipschitz: float = 1.0, strength: float = 10.0
    ):
        self.lipschitz = _check_lipschitz(lipschitz)
        if math.isinf(self.lipschitz):
            raise InputError("a gradient penalty needs a finite lipschitz; drop it for inf")
        if not math.isinf(network.lipschitz):
            raise InputError("give a gradient-penalty potential a network with lipschitz=inf")
        if not strength > 0:
            raise InputError(f"the penalty's strength is {strength}: it must be above 0")
        self.network = network
        self.strength = float(strength)

    def __call__(self, points: Points, labels: Labels | None = None) -> Float[Array, " n"]:
        return self.lipschitz * self.network(points, labels)

    def lipschitz_bound(self) -> float:
        return math.inf

    def penalty(self, points: Points, labels: Labels | None = None) -> Float[Array, ""]:
        slopes = jax.grad(lambda x: jnp.sum(self(x, labels)))(points)
        squares = jnp.sum(slopes.reshape(points.shape[0], -1) ** 2, axis=1)
        # the root's gradient is infinite at 0, where the penalty is flat anyway
        norms = jnp.sqrt(jnp.maximum(squares, 1e-24)) / self.lipschitz
        return self.strength * jnp.mean(jnp.maximum(norms - 1, 0) ** 2)

    def classes(self) -> int | None:
        return self.network.classes()

    def per_class(self, num_classes: int, *, seed: int) -> "SoftLipschitz":
        """The same penalty on a network with a head for each class."""
        network = cast(AbstractBody, self.network).per_class(num_classes, seed=seed)
        return SoftLipschitz(network, lipschitz=self.lipschitz, strength=self.strength)


def is_certified(potential: AbstractPotential) -> bool:
    """Whether the potential's slope is bounded by its L whatever its parameters are."""
    return math.isfinite(potential.lipschitz) and not isinstance(potential, SoftLipschitz)


def smooth_mlp(
    in_size: int,
    *,
    width: int = 32,
    depth: int = 3,
    lipschitz: float = 1.0,
    activation: Activation | None = None,
    layer: type[AbstractWeight] = Frobenius,
    seed: int = 0,
) -> LipschitzMLP:
    """The preset for generating: normalised layers and a smooth activation.

    grad phi varies smoothly, so particles land between the target's points rather than on them.
    With Frobenius layers and ``activation=jax.nn.relu`` it is the reference's network; with
    ``layer=AOL``, whose slopes come nearer to L, it is the default of ``gparticles.transport``.

    Args: as for ``LipschitzMLP``.

    >>> smooth_mlp(2, lipschitz=3.0).lipschitz_bound() <= 3.0
    True
    """
    return LipschitzMLP(
        in_size,
        width=width,
        depth=depth,
        lipschitz=lipschitz,
        layer=layer,
        activation=MollifiedReLU() if activation is None else activation,
        seed=seed,
    )


def tight_mlp(
    in_size: int, *, width: int = 64, depth: int = 3, lipschitz: float = 1.0, seed: int = 0
) -> LipschitzMLP:
    """The preset for measuring: orthogonal layers and GroupSort, which can attain slope L.

    Args: as for ``LipschitzMLP``.
    """
    return LipschitzMLP(
        in_size,
        width=width,
        depth=depth,
        lipschitz=lipschitz,
        layer=Orthogonal,
        activation=GroupSort(),
        seed=seed,
    )


def soft_mlp(
    in_size: int,
    *,
    width: int = 64,
    depth: int = 3,
    lipschitz: float = 1.0,
    activation: Activation | None = None,
    strength: float = 10.0,
    seed: int = 0,
) -> SoftLipschitz:
    """Free layers under a gradient penalty: nothing about its slope is certified.

    Args: as for ``LipschitzMLP``, and ``strength`` as for ``SoftLipschitz``.
    """
    network = LipschitzMLP(
        in_size,
        width=width,
        depth=depth,
        lipschitz=math.inf,
        activation=MollifiedReLU() if activation is None else activation,
        seed=seed,
    )
    return SoftLipschitz(network, lipschitz=lipschitz, strength=strength)
