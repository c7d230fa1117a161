"""Ideas for new digits that are measured and not shipped: images of as many particles, each."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from digits import unpicked
from study import inputs_of

import gparticles as gpa
from gparticles.evaluate.features import lenet_features
from gparticles.experiment.arguments import arguments
from gparticles.experiment.inputs import Inputs
from gparticles.experiment.latent_runs import in_its_space
from gparticles.experiment.provenance import stream
from gparticles.latent import Autoencoder, Deformations
from gparticles.potential import AbstractBody
from gparticles.potential.convolution import Convolution
from gparticles.potential.networks import Dense, Points

Images = np.ndarray
CLASSES = 10


# --- potentials ---


class OverScales(AbstractBody):
    """A sum over scales: a head on features of the coarse image and on those of what is left.

    With P the mean over blocks of pixels, spread over them again, |x - y|^2 is the sum of
    |P(x - y)|^2 and |(1 - P)(x - y)|^2. So with 1-Lipschitz features of each part, their
    concatenation is 1-Lipschitz, and the head of norm 1 makes of it a sum of potentials whose
    bounds are the norms of its parts: their squares sum to one.
    """

    coarse: AbstractBody
    fine: AbstractBody
    joint: Dense
    block: int = eqx.field(static=True)

    @property
    def layers(self) -> tuple[Dense | Convolution, ...]:
        return ()

    @property
    def head(self) -> Dense:
        return self.joint

    @property
    def lipschitz(self) -> float:
        return self.coarse.lipschitz

    def features(self, points: Points) -> Any:
        small = pooled(points, self.block)
        rest = points - jnp.repeat(jnp.repeat(small, self.block, 1), self.block, 2) / self.block
        return jnp.concatenate([self.coarse.features(small), self.fine.features(rest)], axis=1)

    def features_bound(self) -> float:
        return max(self.coarse.features_bound(), self.fine.features_bound())


def pooled(images: Any, block: int) -> Any:
    """Sums over blocks divided by the block's side: an isometry of what is constant on blocks."""
    n, height, width = images.shape
    blocks = images.reshape(n, height // block, block, width // block, block)
    return blocks.sum(axis=(2, 4)) / block


def over_scales(*, seed: int, channels: int = 8, width: int = 128, block: int = 4) -> OverScales:
    """Convolutions on the fine part and a dense network on the image of 7 x 7 blocks."""
    tight = {"layer": gpa.Orthogonal, "seed": seed}
    fine = gpa.LipschitzConv(
        (28, 28), channels=channels, depth=2, activation=gpa.activations.GroupSort(), **tight
    )
    coarse = gpa.LipschitzMLP(
        49, width=width, depth=3, activation=gpa.activations.MollifiedReLU(), **tight
    )
    size = width + fine.head.matrix().shape[1]
    joint = gpa.LipschitzMLP(
        size, width=size, depth=0, activation=gpa.activations.MollifiedReLU(), seed=seed
    )
    return OverScales(coarse, fine, joint.head, block)
