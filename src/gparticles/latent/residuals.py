"""What a codec loses, and how it is added back after decoding."""

import dataclasses

import equinox as eqx
import numpy as np

from gparticles.errors import InputError


class Residuals(eqx.Module):
    """r(x) = x - decode(encode(x)), added back after the move.

    A moved latent z' of x becomes decode(z') + m_t + g (r(x) - m_s): g is 1, or the ratio of the
    target's and the source's standard deviations column by column. m_s and m_t are the means of
    the residuals of source and target, or both 0 where the residuals stay as they are. Written as
    a sum of changes to x, so that a sample that nothing changes comes back to the last bit.

    Args:
        keep: add residuals back; without, points become decode(z').
        centre: move the source's mean residual onto the target's, since the batch effect has a
            part outside the latent space too.
        scale: bring the source's standard deviations to the target's as well.

    Attributes:
        mean, shift, gain: m_s, m_t - m_s and g - 1, shapes (d,); None where not asked for.

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

    def restore(self, points: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """Points after the move, from their decoded latents before and after it; all (k, d)."""
        if not self.keep:
            return after
        moved = points + (after - before)
        if self.shift is not None:
            moved += self.shift
        if self.gain is not None:
            moved += self.gain * ((points - before) - self.mean)
        return moved


class Moments(eqx.Module):
    """Column means and standard deviations of residuals, shapes (d,).

    Attributes:
        mean, deviation: of the residuals.
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


def moments(points: np.ndarray, decoded: np.ndarray, weights: np.ndarray) -> Moments:
    """Weighted moments of points - decoded; weights of shape (n,) sum to one."""
    residuals = points - decoded
    mean = weights @ residuals
    spread = weights @ (points - weights @ points) ** 2
    variance = weights @ (residuals - mean) ** 2
    total = float(spread.sum())
    return Moments(
        mean=mean,
        deviation=np.sqrt(variance),
        size=float(np.sqrt(spread.max())),
        lost=float(variance.sum()) / total if total > 0 else 0.0,
    )
