"""The GANs of an augmentation: where they learn, and what they are trained on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gparticles.divergence import KL
from gparticles.experiment.config import Config
from gparticles.experiment.inputs import Inputs
from gparticles.experiment.latent_runs import decoded
from gparticles.experiment.provenance import balanced_labels, stream
from gparticles.gan import GAN, LipschitzCritic, train_gan
from gparticles.gan.training import STEPS
from gparticles.latent import AbstractCodec
from gparticles.potential import AbstractPotential

REPEATS = 3


@dataclass(frozen=True)
class GanOptions:
    """Of the GANs: the generator's steps, and how many are trained on each of the two data sets."""

    steps: int = STEPS
    repeats: int = REPEATS


@dataclass(frozen=True)
class Space:
    """Where GANs learn: where the flow moves, which is the data's space or a latent one.

    Attributes:
        codec: of the latent space, or None.
        there: the clouds in it.
        data: the clouds as they came.
        arguments: those of ``transport``, but for bounds those of the flow there.
    """

    codec: AbstractCodec | None
    there: Inputs
    data: Inputs
    arguments: dict[str, Any]

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Of points there; those of the data are kept by ``outward``."""
        return self.arguments["bounds"] if self.codec is None else None

    @property
    def each_column(self) -> bool:
        """Whether every column has a unit of its own."""
        scale = self.arguments["scale"]
        return isinstance(scale, str) and scale == "columns"

    def inward(self, points: np.ndarray) -> np.ndarray:
        if self.codec is None:
            return points
        return self.codec.encode(points.reshape(len(points), -1).astype(np.float64))

    def outward(self, points: np.ndarray) -> np.ndarray:
        if self.codec is None:
            return points
        rows = decoded(self.codec, points, self.data)
        bounds = self.arguments["bounds"]
        return rows if bounds is None else np.clip(rows, *bounds)

    @property
    def judged(self) -> Inputs:
        """What is drawn and measured, as ``gpa run`` does: of tables their latents, else data."""
        return self.there if self.data.target.ndim == 2 else self.data

    def displayed(self, points: np.ndarray) -> np.ndarray:
        """Points of the data, as they are drawn and measured."""
        return self.inward(points) if points.ndim == 2 else points


@dataclass(frozen=True)
class Training:
    """GANs with the flow's potential for a critic, in the flow's units."""

    config: Config
    space: Space
    options: GanOptions
    callbacks: tuple[Callable[[Any], Any], ...]

    def gans(self, more: np.ndarray | None = None) -> list[GAN]:
        """One for each repeat, on the few rows or on these and more."""
        inputs = self.space.there
        points, labels = inputs.target, inputs.target_labels
        if more is not None:
            points = np.concatenate([points, self.space.inward(more)])
            if labels is not None:
                labels = np.concatenate([labels, np.asarray(inputs.labels)])
        return [
            train_gan(
                points,
                critic=self._critic(),
                labels=labels,
                steps=self.options.steps,
                bounds=self.space.bounds,
                scale=self.space.arguments["scale"],
                callbacks=self.callbacks,
                seed=self.config.seed + k,
            )
            for k in range(self.options.repeats)
        ]

    def _critic(self) -> LipschitzCritic:
        arguments = self.space.arguments
        # a flow without a network has none to lend: the critic is then the default one
        lent = arguments["potential"]
        potential = lent if isinstance(lent, AbstractPotential) else None
        return LipschitzCritic(
            f=arguments["f"] or KL(),
            lipschitz=arguments["lipschitz"] if potential is None else None,
            potential=potential,
        )

    def labels(self, n: int) -> np.ndarray | None:
        """Classes in the target's proportions."""
        known = self.space.data.target_labels
        seed = stream(self.config.seed, "labels")
        return None if known is None else balanced_labels(known, n, seed=seed)

    def sample(self, gan: GAN, n: int) -> np.ndarray:
        drawn = gan.sample(n, labels=self.labels(n), seed=stream(self.config.seed, "sample"))
        return self.space.outward(drawn)
