"""The latent bound of a finished flow, before and after it, as users see it."""

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gparticles.checks import check_points
from gparticles.divergence import AbstractF
from gparticles.divergence.certified import divergence
from gparticles.latent.solution import LatentFlow, encoded

# pairs of samples of the largest problem that is solved, in a few seconds
MAX_PAIRS = 2**24
# of the value; the upper bound holds whatever the tolerance
TOLERANCE = 0.05
# targets that can be halved
SMALLEST = 4

MEANING = (
    "How far samples are at most from those that they move onto, the target, as far as the latent "
    "space shows them: proven upper bounds of the divergence D^L in nats, by D^L(Dec#P | Dec#Q) <= "
    "D^aL(P | Q) with a the decoder's Lipschitz constant. 0 only where both coincide: few samples "
    "of one law in many dimensions are far above 0, as two random halves of the target are. "
    "Nothing is said of what the decoder does not show, which is added back."
)
"""What the numbers mean; docs/latent.md has more."""


class LatentBound(NamedTuple):
    """Upper bounds of D_f^L from the target, of decoded samples before and after a flow, in nats.

    Attributes:
        before, after: D^{aL} of the latents from the target's (T8); None where it is not known,
            and ``why`` says why.
        halves: the same between two random halves of the target, of half as many samples: what
            chance alone gives, or somewhat more; None of fewer than four samples.
        lipschitz: L in nats per data unit, the flow's own L divided by a.
        decoder_lipschitz: a, data units per latent unit.
        f: the divergence, as text.
    """

    before: float | None
    after: float | None
    halves: float | None
    lipschitz: float | None
    decoder_lipschitz: float | None
    f: str
    why: str = ""

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return {**self._asdict(), "unit": "nats"}

    @property
    def sentence(self) -> str:
        """What it says, in one sentence."""
        if self.before is None or self.after is None:
            return f"The latent bound was not computed: {self.why}."
        chance = "" if self.halves is None else f"; {self.halves:.3g} of two halves of the target"
        return (
            f"Latent bound: as the decoder shows them, the moved samples' divergence {self.f} from "
            f"the target's, for L = {self.lipschitz:.3g} nats per data unit, is at most "
            f"{self.after:.3g} nats ({self.before:.3g} before the move{chance})."
        )


def latent_bound(flow: LatentFlow, source: ArrayLike, *, f: AbstractF) -> LatentBound:
    """The bound of T8 for the flow's own L (``LatentFlow.divergence_bound``), in little time.

    Args:
        flow: finished.
        source: the points that it moved, shape (m, *event), data units.
        f: the divergence that it descended.
    """
    slope, lipschitz = flow.decoder_lipschitz, flow.lipschitz
    known = LatentBound(None, None, None, lipschitz, slope, str(f))
    if slope is None or lipschitz is None:
        return known._replace(why="the decoder's Lipschitz constant is not known")
    if not (np.isfinite(lipschitz) and lipschitz > 0 and slope > 0):
        return known._replace(why="it needs a finite L above 0")
    target, weights = flow.latent_target, flow.weights
    pairs = len(flow.latent.particles) * len(target)
    if pairs > MAX_PAIRS:
        return known._replace(
            why=f"{pairs:,} pairs of samples would take long ({MAX_PAIRS:,} at most)"
        )

    def bound(p: np.ndarray, q: np.ndarray, both: tuple[np.ndarray, np.ndarray]) -> float:
        with warnings.catch_warnings():
            # of a gap that is not reached: the upper bound holds
            warnings.simplefilter("ignore")
            certificate = divergence(
                p,
                q,
                f=f,
                lipschitz=slope * lipschitz,
                p_weights=both[0],
                q_weights=both[1],
                tolerance=TOLERANCE,
            )
            return certificate.upper

    halves = np.array_split(np.random.default_rng(0).permutation(len(target)), 2)
    shares = [weights[1][half] for half in halves]
    whole = len(target) >= SMALLEST and all(share.sum() > 0 for share in shares)
    return known._replace(
        before=bound(encoded(flow.codec, check_points(source, "source")), target, weights),
        after=bound(flow.latent.particles, target, weights),
        halves=bound(target[halves[0]], target[halves[1]], (shares[0], shares[1]))
        if whole
        else None,
    )
