"""A batch moved onto another; docs/integration-measured.md tells how its settings were chosen."""

from typing import Any

from numpy.typing import ArrayLike

from gparticles.checks import check_points
from gparticles.flow.settings import AbstractKind
from gparticles.latent.alignment import ColumnMap, GaussianMap
from gparticles.latent.codecs import Identity
from gparticles.latent.overlap import Overlap
from gparticles.latent.solution import LatentFlow
from gparticles.latent.transport import latent_transport

STEPS = 50
# in working units squared per nat: the flow only has to do what the affine map leaves
STEP_SIZE = 0.1
# of more samples than LARGE, an optimiser step sees a random part of this size
LARGE, BATCH_SIZE = 5000, 1024
# of a larger target, the flow sees a random part
MOST_TARGETS = 10_000


def for_batches(settings: dict[str, Any], *, samples: int = 0) -> dict[str, Any]:
    """Arguments of ``latent_transport`` for a batch effect, but for those that are given.

    An ``Overlap``, a ``ColumnMap`` and a ``GaussianMap`` first, then a short flow, and residuals
    that are centred and scaled. Where there are many samples, the potential is fitted to random
    parts of them, and of a very large target the flow sees a part only.

    Args:
        settings: what is given; None means the default, but for ``columns``, ``align`` and
            ``overlap``.
        samples: of the larger cloud.
    """
    maps = {"columns": ColumnMap(), "align": GaussianMap(), "overlap": Overlap()}
    chosen = {**maps, "scale_residual": True, "most_targets": MOST_TARGETS} | settings
    for name, value in (("steps", STEPS), ("step_size", STEP_SIZE)):
        if chosen.get(name) is None:
            chosen[name] = value
    network = not isinstance(chosen.get("potential"), AbstractKind)
    if samples > LARGE and network and chosen.get("batch_size") is None:
        chosen["batch_size"] = BATCH_SIZE
    return chosen


def move_batch(source: ArrayLike, target: ArrayLike, **settings: Any) -> LatentFlow:
    """``latent_transport`` with the settings for batch effects, but for those that are given."""
    source, target = check_points(source, "source"), check_points(target, "target")
    samples = max(len(source), len(target))
    return latent_transport(source, target, **for_batches(settings, samples=samples))


def move_latents(source: ArrayLike, target: ArrayLike, **settings: Any) -> LatentFlow:
    """``move_batch`` of clouds that are latents already, shapes (m, k) and (n, k)."""
    as_they_are = {"codec": Identity(), "keep_residual": False, "scale_residual": False}
    # latents have no columns of their own: the Gaussian map does what a map of columns would
    as_they_are["columns"] = None
    return move_batch(source, target, **(settings | as_they_are))
