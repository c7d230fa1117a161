"""Ways to new digits that are measured and not shipped: images of as many particles, each."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from digits import unpicked
from scipy.ndimage import gaussian_filter
from study import inputs_of

import gparticles as gpa
from gparticles.data import SOURCES
from gparticles.evaluate.features import kd_lenet
from gparticles.experiment.arguments import arguments
from gparticles.experiment.inputs import Inputs
from gparticles.experiment.latent_runs import in_its_space
from gparticles.experiment.provenance import stream
from gparticles.flow import transport
from gparticles.latent import Autoencoder, Deformations
from gparticles.latent.deformations import deformed
from gparticles.latent.registration import register, without_colour
from gparticles.potential import AbstractBody
from gparticles.potential.convolution import Convolution
from gparticles.potential.networks import Dense, Points

Images = np.ndarray
CLASSES = 10


# --- training digits bent, without a flow ---


def bases(inputs: Inputs, labels: Any, seed: int) -> np.ndarray:
    """For each label a target of that class, all of these in turns."""
    generator = np.random.default_rng(seed)
    chosen = np.zeros(len(labels), int)
    for label in np.unique(labels):
        at, own = np.flatnonzero(labels == label), np.flatnonzero(inputs.target_labels == label)
        chosen[at] = np.resize(generator.permutation(own), len(at))
    return chosen


def affine(n: int, side: int, generator: np.random.Generator, *, shift: float = 1.0) -> Images:
    """Fields of small turns, changes of scale, shears and shifts, shape (n, 2, side, side)."""
    turn, shear = generator.normal(0, 0.1, (2, n))
    stretch = np.exp(generator.normal(0, 0.08, (2, n)))
    matrix = np.array(
        [
            [np.cos(turn) * stretch[0], -np.sin(turn) * stretch[1]],
            [np.sin(turn) * stretch[0] + shear, np.cos(turn) * stretch[1]],
        ]
    )
    places = np.indices((side, side)) - (side - 1) / 2
    change = np.moveaxis(matrix, 2, 0) - np.eye(2)
    moved = np.einsum("nij,jyx->niyx", change, places)
    return moved + generator.normal(0, shift, (n, 2, 1, 1))


def elastic(n: int, side: int, generator: np.random.Generator, *, size: float = 0.7) -> Images:
    """Smooth random fields of so many pixels, shape (n, 2, side, side)."""
    fields = gaussian_filter(generator.normal(size=(n, 2, side, side)), (0, 0, 4, 4))
    return size * fields / fields.std()


def by_hand(inputs: Inputs, seed: int, *, bent: bool = True) -> Images:
    """Training digits that are moved, turned, scaled and sheared a little, and bent or not."""
    generator = np.random.default_rng([seed, 7])
    images = inputs.target[bases(inputs, inputs.labels, seed)]
    n, side = images.shape[:2]
    fields = affine(n, side, generator)
    return deformed(images, fields + elastic(n, side, generator) if bent else fields)


def half_way(inputs: Inputs, seed: int, *, labels: Any = None) -> Images:
    """Training digits on half of the way to two others of their class each, and bent a little."""
    labels = inputs.labels if labels is None else labels
    generator = np.random.default_rng([seed, 8])
    images = inputs.target[bases(inputs, labels, seed)]
    n, side = images.shape[:2]
    fields = elastic(n, side, generator, size=0.5) + affine(n, side, generator, shift=0.0) / 2
    for k in (1, 2):
        mates = inputs.target[bases(inputs, labels, seed + 1000 * k)]
        fields += register(without_colour(images), without_colour(mates)) / 2
    return deformed(images, fields)


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


# --- flows ---


def in_pixels(inputs: Inputs, seed: int, **changed: Any) -> Images:
    """The recipe in pixels, from its own noise, with other arguments of ``transport``."""
    config, _ = inputs_of("mnist", (), seed)
    source = SOURCES["logistic"](inputs.target, len(inputs.source), seed=stream(seed, "source"))
    return transport(**arguments(config, inputs) | {"source": source} | changed).particles


def scales(inputs: Inputs, seed: int) -> Images:
    """Convolutions on what is fine and a dense network on what is coarse, their bounds summed."""
    phi = over_scales(seed=seed).per_class(CLASSES, seed=seed)
    return in_pixels(inputs, seed, potential=phi, steps=150)


def averaged(inputs: Inputs, seed: int, *, shifts: int = 1) -> Images:
    """phi averaged over shifts by up to so many pixels, or as it is for 0."""
    body = gpa.LipschitzMLP(
        784,
        width=128,
        depth=3,
        layer=gpa.Orthogonal,
        activation=gpa.activations.MollifiedReLU(),
        seed=seed,
    )
    phi = gpa.Averaged(body, symmetry=gpa.Shifts(shifts)) if shifts else body
    potential = phi.per_class(CLASSES, seed=seed)
    return in_pixels(inputs, seed, potential=potential, steps=100, batch_size=200)


def moved_targets(inputs: Inputs, seed: int) -> Images:
    """As targets the digits and what shifts by a pixel make of them."""
    target = np.concatenate(
        [np.roll(inputs.target, (y, x), (1, 2)) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    )
    labels = np.tile(np.asarray(inputs.target_labels), 9)
    return in_pixels(inputs, seed, target=target, target_labels=labels, batch_size=500)


def from_blends(inputs: Inputs, seed: int) -> Images:
    """From means of two training digits of the class."""
    halves = [inputs.target[bases(inputs, inputs.labels, seed + k)] for k in (0, 1000)]
    return in_pixels(inputs, seed, source=(halves[0] + halves[1]) / 2, steps=60)


# --- in the latent space of deformations ---


def deformations(inputs: Inputs, seed: int) -> tuple[Deformations, dict[str, Any]]:
    """The shipped recipe's codec, and the arguments of its flow."""
    config, _ = inputs_of("mnist-new", (), seed)
    codec, moved = in_its_space(config, inputs)
    assert isinstance(codec, Deformations)
    return codec, arguments(config, moved) | {"bounds": None}


def kinetic(inputs: Inputs, seed: int, *, reach: float = 12.0, steps: int = 16) -> Images:
    """A pull back to the start, which is what a kinetic penalty leaves of straight paths.

    The proximals of W1 and W2 together (arXiv 2407.11901) have optimal paths that are straight, at
    the speed of -grad phi at their end over the penalty's weight; so the end is at rest under
    -grad phi(y) - (y - x) / reach, x being the start.
    """
    codec, asked = deformations(inputs, seed)
    unit = float(transport(**asked | {"steps": 1}).scaling.unit)
    start = points = asked["source"]
    step = asked["step_size"]
    for _ in range(steps):
        moved = transport(**asked | {"source": points, "steps": 1, "scale": unit}).particles
        points = moved - step / reach * (points - start)
        # the images' numbers, which nothing moves
        points[:, 0] = start[:, 0]
    return codec.decode(points)


def classwise(inputs: Inputs, seed: int, *, power: float = 1.0) -> Images:
    """A flow for each digit, with an L of its own: smaller where its fields are larger."""
    codec, asked = deformations(inputs, seed)
    kinds = [np.asarray(k) for k in (inputs.labels, inputs.target_labels)]
    of_image = kinds[1]
    latents = np.empty_like(asked["source"])
    sizes = {
        kind: np.sqrt((asked["target"][of_image[asked["target_labels"]] == kind, 1:] ** 2).mean())
        for kind in np.unique(of_image)
    }
    middle = np.mean(list(sizes.values()))
    for kind, size in sizes.items():
        ours, theirs = kinds[0] == kind, of_image[asked["target_labels"]] == kind
        part = {
            "source": asked["source"][ours],
            "labels": asked["labels"][ours],
            "target": asked["target"][theirs],
            "target_labels": asked["target_labels"][theirs],
            "lipschitz": float((middle / size) ** power),
        }
        latents[ours] = transport(**asked | part).particles
    return codec.decode(latents)


def stopped_by_features(inputs: Inputs, seed: int) -> Images:
    """Of sixteen steps the one whose digits are, to the LeNet, nearest to validation digits."""
    codec, asked = deformations(inputs, seed)
    flow = transport(**asked | {"steps": 16})
    unseen = unpicked(inputs)
    unseen = unseen[np.random.default_rng(seed).permutation(len(unseen))[:1000]]
    every = [codec.decode(frame.astype(np.float64)) for frame in flow.trajectory[1:]]
    return every[int(np.argmin([kd_lenet(images, unseen) for images in every]))]


# --- an autoencoder ---


def sharpened(inputs: Inputs, seed: int, *, steps: int = 12, sharpening: int = 15) -> Images:
    """Without a network among latents of an autoencoder that knows bent digits, then in pixels."""
    labels = np.repeat(np.arange(CLASSES), 300)
    bent = half_way(inputs, seed, labels=labels)
    known = np.concatenate([inputs.target, bent])
    codec = Autoencoder(32, width=256, epochs=150).fit(known.reshape(len(known), -1), seed=seed)
    targets = codec.encode(inputs.target.reshape(len(inputs.target), -1))
    source = SOURCES["logistic"](targets, len(inputs.source), seed=stream(seed, "source"))
    flow = transport(
        source,
        targets,
        labels=inputs.labels,
        target_labels=inputs.target_labels,
        potential=gpa.ExactPotential(1.2),
        steps=steps,
        step_size=1.0,
        seed=seed,
    )
    images = np.clip(codec.decode(flow.particles), 0, 1).reshape(-1, 28, 28).astype(np.float32)
    if not sharpening:
        return images
    return in_pixels(inputs, seed, source=images, steps=sharpening)
