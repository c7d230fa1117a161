"""What a codec loses, and how it is added back after decoding."""

import dataclasses

import equinox as eqx
import numpy as np

from gparticles.errors import InputError
from gparticles.latent.classes import Grouped


class Residuals(eqx.Module):
    """r(x) = x - decode(encode(x)), added back after the move.

    A moved latent z' of x becomes decode(z') + m_t + g (r(x) - m_s): g is 1, or the ratio of the
    target's and the source's standard deviations column by column. m_s and m_t are the means of
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

    Raises:
        InputError: scaling without keeping or without centring.
    """

    keep: bool = True
    centre: bool = True
    scale: bool = False
    mean: np.ndarray | None = None
    shift: np.ndarray | None = None
    gain: np.ndarray | None = None

    def __check_init__(self) -> None:
        if self.scale and not (self.keep and self.centre):
            raise InputError(
                "scale_residual needs keep_residual and centre_residual; leave those at True"
            )

    def fit(self, source: "Moments", target: "Moments") -> "Residuals":
        """Learns m_s, m_t and g from the moments of both residuals."""
        if not (self.keep and self.centre):
            return self
        gain = source.ratio(target) - 1 if self.scale else None
        shift = target.mean - source.mean
        return dataclasses.replace(self, mean=source.mean, shift=shift, gain=gain)

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
            moved += self.gain * ((points - before) - self.mean[index])
        return moved


class Moments(eqx.Module):
    """Column means and standard deviations of residuals.

    Attributes:
        mean: of the residuals of every class, shape (c, d).
        deviation: of the residuals around their class's mean, shape (d,).
        size: the largest standard deviation of the points themselves: what rounding scales with.
        lost: the residuals' share of the points' variance around their mean.
    """

    mean: np.ndarray
    deviation: np.ndarray
    size: float
    lost: float

    def ratio(self, target: "Moments") -> np.ndarray:
        """The target's deviation over this one, shape (d,); 1 where a codec loses nothing."""
        floor = 1e-9 * max(self.size, target.size)
        known = np.minimum(self.deviation, target.deviation) > floor
        return np.where(known, target.deviation / np.where(known, self.deviation, 1), 1.0)


def moments(points: np.ndarray, decoded: np.ndarray, cloud: Grouped) -> Moments:
    """Weighted moments of points - decoded, both (n, d), of the cloud's weights and classes."""
    residuals, weights = points - decoded, cloud.weights
    mean = cloud.means(residuals)
    spread = weights @ (points - weights @ points) ** 2
    lost = weights @ (residuals - weights @ residuals) ** 2
    within = weights @ (residuals - mean[cloud.index]) ** 2 if cloud.count > 1 else lost
    total = float(spread.sum())
    return Moments(
        mean=mean,
        deviation=np.sqrt(within),
        size=float(np.sqrt(spread.max())),
        lost=float(lost.sum()) / total if total > 0 else 0.0,
    )
