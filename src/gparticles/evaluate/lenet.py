"""The classifier of digits whose features FD-LeNet and KD-LeNet compare.

The layers of LeNet-5 (LeCun, Bottou, Bengio and Haffner, Proc. IEEE 86, 1998, fig. 2) with more
channels, largest-value pooling and ten logits. `benchmarks/run.py train-lenet` trains it and
writes the shipped weights; docs/measured.md says how well it tells held-out digits apart.
"""

import hashlib
from functools import cache
from importlib.resources import files

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

SIDE = 28
FEATURES = 84
CLASSES = 10
WEIGHTS = "lenet.safetensors"
# the distances are defined by these weights; others make other numbers
WEIGHTS_SHA256 = "4490aacd972a221c5c01cab5c4949d0b471532a16296a9be8bb32544cb0493b2"


class LeNet(eqx.Module):
    """Two convolutions and three dense layers, tanh between them, for images of 28 x 28 pixels.

    tanh bounds the features, so that no single image can dominate their covariance.
    """

    convolutions: tuple[eqx.nn.Conv2d, eqx.nn.Conv2d]
    dense: tuple[eqx.nn.Linear, eqx.nn.Linear]
    head: eqx.nn.Linear

    def __init__(self, channels: tuple[int, int] = (12, 32), *, key: PRNGKeyArray):
        first, second = channels
        keys = jax.random.split(key, 5)
        self.convolutions = (
            eqx.nn.Conv2d(1, first, 5, padding=2, key=keys[0]),
            eqx.nn.Conv2d(first, second, 5, key=keys[1]),
        )
        self.dense = (
            eqx.nn.Linear(25 * second, 120, key=keys[2]),
            eqx.nn.Linear(120, FEATURES, key=keys[3]),
        )
        self.head = eqx.nn.Linear(FEATURES, CLASSES, key=keys[4])

    def features(self, image: Float[Array, "28 28"]) -> Float[Array, " 84"]:
        """The last hidden layer, each entry in (-1, 1)."""
        hidden = image[None]
        for convolution in self.convolutions:
            hidden = _halved(jnp.tanh(convolution(hidden)))
        hidden = hidden.ravel()
        for layer in self.dense:
            hidden = jnp.tanh(layer(hidden))
        return hidden

    def __call__(self, image: Float[Array, "28 28"]) -> Float[Array, " 10"]:
        """Logits of the digits 0 to 9."""
        return self.head(self.features(image))


def _halved(hidden: Float[Array, "c h w"]) -> Float[Array, "c h/2 w/2"]:
    """The largest of every 2 x 2 pixels."""
    c, h, w = hidden.shape
    return hidden.reshape(c, h // 2, 2, w // 2, 2).max((2, 4))


def named_arrays(network: LeNet) -> dict[str, np.ndarray]:
    """Its weights and biases under names such as ``dense.0.weight``."""
    leaves = jax.tree_util.tree_leaves_with_path(network)
    return {jax.tree_util.keystr(path, simple=True, separator="."): leaf for path, leaf in leaves}


@cache
def shipped() -> LeNet:
    """The network with the weights that come with the package, in float32.

    Raises:
        RuntimeError: the file is not the one that the distances are defined by.
    """
    from safetensors.numpy import load

    stored = files("gparticles.evaluate").joinpath(WEIGHTS).read_bytes()
    if hashlib.sha256(stored).hexdigest() != WEIGHTS_SHA256:
        raise RuntimeError(f"{WEIGHTS} is damaged; install gparticles anew")
    arrays = load(stored)
    blank = eqx.filter_eval_shape(LeNet, key=jax.random.key(0))
    # static fields are part of the structure, arrays its only leaves
    names = named_arrays(blank)
    leaves = [jnp.asarray(arrays[name], jnp.float32) for name in names]
    return jax.tree_util.tree_unflatten(jax.tree_util.tree_structure(blank), leaves)
