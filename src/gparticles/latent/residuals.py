"""What a codec loses, and how it is added back after decoding."""

import dataclasses
from typing import NamedTuple

import equinox as eqx
import numpy as np

from gparticles.errors import InputError
from gparticles.latent.classes import Grouped
from gparticles.latent.scales import Gains, gains, near


class Residuals(eqx.Module):
    """r(x) = x - decode(encode(x)), added back after the move.

    A moved latent z' of x becomes decode(z') + m_t + g (r(x) - m_s): g is 1, or the ratio of the
    target's and the source's standard deviations column by column, but where the source has
    (almost) none (``gparticles.latent.scales.gains``), and where that is more than twice the usual
    ratio, of r - m_s only up to three times what the source had. m_s and m_t are the means of
    the residuals of source and target, of those of x's class where there are classes, or both 0
    where the residuals stay as they are. Written as a sum of changes to x, so that a sample that
    nothing changes comes back to the last bit.

    Args:
        keep: add residuals back; without, points become decode(z').
        centre: move the source's mean residual onto the target's, since the batch effect has a
            part outside the latent space too.
        scale: bring the source's standard deviations to the target's as well.

    Attributes:
        mean, shift: m_s and m_t - m_s of every class, shapes (c, d), c = 1 without classes; None
            where not asked for.
        gain: g - 1, shape (d,), or None.
        reach: where scaling ends, distances from m_s, shape (d,), data units.
        held: the columns that are not scaled though the spreads differ, shape (d,), bool.

    Raises:
        InputError: scaling without keeping or without centring.
    """

    keep: bool = True
    centre: bool = True
    scale: bool = False
    mean: np.ndarray | None = None
    shift: np.ndarray | None = None
    gain: np.ndarray | None = None
    reach: np.ndarray | None = None
    held: np.ndarray | None = None

    def __check_init__(self) -> None:
        if self.scale and not (self.keep and self.centre):
            raise InputError(
                "scale_residual needs keep_residual and centre_residual; leave those at True"
            )

    def fit(
        self,
        source: "ResidualMoments",
        target: "ResidualMoments",
        *,
        quiet: np.ndarray | None = None,
    ) -> "Residuals":
        """Learns m_s, m_t and g from the moments of both residuals.

        ``quiet`` are the columns in which the points have hardly any spread, shape (d,), bool, of
        which the gain is not believed so soon; None for none.
        """
        if not (self.keep and self.centre):
            return self
        centred = dataclasses.replace(self, mean=source.mean, shift=target.mean - source.mean)
        if not self.scale:
            return centred
        scaled = source.gains(target, quiet)
        reach = scaled.reach(source.farthest)
        return dataclasses.replace(centred, gain=scaled.gain - 1, reach=reach, held=scaled.held)

    def restore(
        self,
        points: np.ndarray,
        before: np.ndarray,
        after: np.ndarray,
        *,
        index: np.ndarray | int = 0,
    ) -> np.ndarray:
        """Points after the move, from their decoded latents before and after it; all (k, d).

        ``index`` is the position of each one's class, shape (k,).
        """
        if not self.keep:
            return after
        moved = points + (after - before)
        if self.shift is not None:
            moved += self.shift[index]
        if self.gain is not None and self.mean is not None:
            moved += self.gain * near((points - before) - self.mean[index], self.reach)
        return moved


class ResidualMoments(NamedTuple):
    """Column means and standard deviations of residuals.

    Attributes:
        mean: of the residuals of every class, shape (c, d), data units.
        deviation: of the residuals around their class's mean, shape (d,), data units.
        farthest: the largest distance of a residual from its class's mean, shape (d,), data units.
        size: the largest standard deviation of the points themselves: what rounding scales with.
        lost: the residuals' share of the points' variance around their mean.
    """

    mean: np.ndarray
    deviation: np.ndarray
    farthest: np.ndarray
    size: float
    lost: float

    def gains(self, target: "ResidualMoments", quiet: np.ndarray | None) -> Gains:
        """The target's deviation over this one; 1, but not held back, of what a codec keeps."""
        floor = 1e-9 * max(self.size, target.size)
        scaled = gains(self.deviation, target.deviation, rounding=floor, quiet=quiet)
        lossy = np.minimum(self.deviation, target.deviation) > floor
        return scaled._replace(held=scaled.held & lossy)


def moments(points: np.ndarray, decoded: np.ndarray, cloud: Grouped) -> ResidualMoments:
    """Weighted moments of points - decoded, both (n, d), of the cloud's weights and classes."""
    residuals, weights = points - decoded, cloud.weights
    mean = cloud.means(residuals)
    spread = weights @ (points - weights @ points) ** 2
    lost = weights @ (residuals - weights @ residuals) ** 2
    away = residuals - mean[cloud.index]
    within = weights @ away**2 if cloud.count > 1 else lost
    total = float(spread.sum())
    return ResidualMoments(
        mean=mean,
        deviation=np.sqrt(within),
        farthest=np.abs(away).max(axis=0),
        size=float(np.sqrt(spread.max())),
        lost=float(lost.sum()) / total if total > 0 else 0.0,
    )
