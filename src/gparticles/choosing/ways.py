"""Ways to new rows: what gives the velocity, how many steps, and how much noise comes after."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from gparticles.divergence import Wasserstein1
from gparticles.flow import Cooldown, ExactPotential, Flow, Store, transport
from gparticles.potential import tight_mlp
from gparticles.tables.margins import Margins
from gparticles.tables.whitening import Whitening

# that the flow is fitted with; further ones ride along
PARTICLES = 1000
# of the target and of the particles in one fit of a network, where there are more
BATCH = 1000
WIDTH = 32


class Kind(NamedTuple):
    """What gives the velocity.

    Attributes:
        settings: of ``gparticles.transport``.
        potential: makes the potential for points of so many columns, by ``seed``; None for what
            the settings say.
        batches: whether it can be fitted to a part of the points at a time.
        cost: of a step beside one of the default network; without batches, to 100 rows.
        programs: seconds that compiling takes about, beside what else goes on.
    """

    settings: dict[str, Any]
    potential: Callable[..., Any] | None = None
    batches: bool = True
    cost: float = 1.0
    programs: float = 2.0


KINDS: dict[str, Kind] = {
    "network": Kind({"step_size": Cooldown(1.0)}),
    "tight network": Kind(
        {"step_size": Cooldown(1.0)}, partial(tight_mlp, width=WIDTH), cost=1.6, programs=4.0
    ),
    "no network": Kind(
        {"potential": ExactPotential(), "f": Wasserstein1(), "step_size": 1.0},
        batches=False,
        cost=6.0,
        programs=1.0,
    ),
}
"""Whose velocity it can be, by their names."""


@dataclass(frozen=True)
class Way:
    """A flow from white noise to a table's points, and noise on where it ends.

    Attributes:
        potential: a name in ``KINDS``.
        steps: of the flow.
        noise: h of (z + h e) / sqrt(1 + h^2), which is made of every point z where it ends, in
            coordinates where the points are white, with e standard normal. It keeps new rows from
            lying too near to learnt ones, and keeps means and covariances.
    """

    potential: str = "network"
    steps: int = 60
    noise: float = 0.0

    def __str__(self) -> str:
        return f"{self.potential}, {self.steps} steps, noise {self.noise:g}"

    def fit(
        self, points: np.ndarray, *, labels: np.ndarray | None = None, seed: int = 0
    ) -> "FittedWay":
        """The flow to points, shape (n, k), with one potential for each class where there are some.

        Args:
            points: of a table's rows, as a codec encodes them.
            labels: classes, shape (n,), or None.
            seed: of everything random.
        """
        return self.fit_weighted(points, np.ones(len(points)), labels=labels, seed=seed)

    def fit_weighted(
        self,
        points: np.ndarray,
        weights: np.ndarray,
        *,
        labels: np.ndarray | None = None,
        seed: int = 0,
        store: Store | None = None,
    ) -> "FittedWay":
        """As ``fit``, with weights of the points, shape (n,); those of weight 0 are not learnt.

        Which points these are changes nothing of the shapes, so that nothing is compiled anew.
        ``store`` is what the flow keeps.
        """
        whitening = Whitening.fit(points)
        white = whitening.encode(points)
        generator = np.random.default_rng([seed, 0])
        source = generator.standard_normal((PARTICLES, white.shape[1]))
        learnt = None if labels is None else labels[weights > 0]
        classes = None if learnt is None else in_proportion(learnt, PARTICLES, generator)
        flow = transport(
            source,
            white,
            target_weights=weights / weights.sum(),
            labels=classes,
            target_labels=labels,
            store=store or Store(),
            **self.settings(
                *white.shape,
                classes=None if labels is None else len(np.unique(labels)),
                seed=seed,
            ),
        )
        fitted = FittedWay(whitening, flow, self.noise)
        return fitted.with_margins(points[weights > 0], seed=seed)

    def settings(
        self, rows: int, dim: int, *, classes: int | None = None, seed: int = 0
    ) -> dict[str, Any]:
        """The arguments of ``gparticles.transport`` for so many rows of so many coordinates."""
        kind = KINDS[self.potential]
        settings = {**kind.settings, "steps": self.steps, "seed": seed}
        if classes is not None:
            # Wasserstein1 would need equal shares of the classes on both sides
            settings.pop("f", None)
        if kind.potential is not None:
            body = kind.potential(dim, seed=seed)
            settings["potential"] = body if classes is None else body.per_class(classes, seed=seed)
        if rows > BATCH and kind.batches:
            settings["batch_size"] = BATCH
        return settings


DEFAULT = Way()
"""What is used where nothing can be chosen."""
WAYS = {
    DEFAULT.potential: DEFAULT,
    "tight network": Way("tight network"),
    "no network": Way("no network", steps=12, noise=0.4),
}
"""A way for each of ``KINDS``, by its name."""


@dataclass(frozen=True, eq=False)
class FittedWay:
    """What makes new points of a table.

    Attributes:
        whitening: to the flow's coordinates.
        flow: from white noise to the table's points there.
        noise: of where it ends, as ``Way`` says.
        margins: that points then get, or None.
    """

    whitening: Whitening
    flow: Flow
    noise: float
    margins: Margins | None = None

    def with_noise(self, noise: float, points: np.ndarray, *, seed: int = 0) -> "FittedWay":
        """With another amount of noise, after which margins are fitted anew."""
        return replace(self, noise=noise).with_margins(points, seed=seed)

    def with_margins(self, points: np.ndarray, *, seed: int = 0) -> "FittedWay":
        """With each coordinate's distribution as in the points that were learnt, shape (n, k)."""
        made = replace(self, margins=None).particles(seed=seed)
        return replace(self, margins=Margins.fit(made, points))

    def draw(self, n: int, *, labels: np.ndarray | None = None, seed: int = 0) -> np.ndarray:
        """n new points, shape (n, k), of these labels if the flow has classes."""
        start = np.random.default_rng([seed, 1]).standard_normal((n, len(self.whitening.back)))
        return self._decoded(self.flow(start, labels), seed)

    def particles(self, *, seed: int = 0) -> np.ndarray:
        """The points that the flow was fitted with, where they end; shape (1000, k)."""
        return self._decoded(self.flow.particles, seed)

    def _decoded(self, white: np.ndarray, seed: int) -> np.ndarray:
        points = self.whitening.decode(blurred(white, self.noise, seed=seed))
        return points if self.margins is None else self.margins.apply(points)


def in_proportion(labels: np.ndarray, n: int, generator: np.random.Generator) -> np.ndarray:
    """n labels in the proportions of those given, in random order, shape (n,)."""
    # some of them where there are more, which may be sorted
    start = generator.permutation(len(labels))
    return labels[start[generator.permutation(np.arange(n) % len(labels))]]


def blurred(white: np.ndarray, noise: float, *, seed: int) -> np.ndarray:
    """White points with so much noise, as ``Way`` says, of the same mean and covariance."""
    # of a stream of its own, so that another amount of noise moves every point the same way
    drawn = np.random.default_rng([seed, 2]).standard_normal(white.shape)
    return (white + noise * drawn) / np.sqrt(1 + noise**2)
