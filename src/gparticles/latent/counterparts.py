"""What a flow learns of its clouds from an overlap: weights, and what has no counterpart."""

import dataclasses

import equinox as eqx
import numpy as np
from scipy.spatial import KDTree

from gparticles.latent.classes import agreed
from gparticles.latent.codecs import LATENT_DIM, PCA
from gparticles.latent.overlap import (
    LONELY,
    NEIGHBOUR,
    Overlap,
    Plan,
    chosen,
    normalised,
    one_class,
)

# samples by which a finished flow is judged, and by how much a shift must be better to be told
JUDGED, WORSE = 500, 0.02
# (low, high), data units
Bounds = tuple[float, float] | None


class Counterparts(eqx.Module):
    """What was estimated of two clouds: how much of every sample has a counterpart in the other.

    Attributes:
        plan: the fitted plan, by which new samples are judged.
        densities: of source and target, shapes (m,) and (n,): what the plan keeps of a sample,
            about 1 of most.
        base: the weights that were given, shapes (m,) and (n,), each summing to one.
        move: the mean move of samples that have counterparts, shape (*event,), data units; None
            until the flow is done.
        costs: the plan's objective, in squared distances to a neighbour, of the source as it was,
            shifted mean onto mean, and as it is after the flow: the smaller, the better what
            corresponds coincides. None until the flow is done.
        kept: the share of a sample's neighbours in its batch that are its neighbours after the
            flow; None until then.
    """

    plan: Plan
    densities: tuple[np.ndarray, np.ndarray]
    base: tuple[np.ndarray, np.ndarray]
    move: np.ndarray | None = None
    costs: tuple[float, float, float] | None = None
    kept: float | None = None

    @property
    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        """Of source and target, in the proportions of what corresponds; each sums to one."""
        one, other = (
            normalised(np.where(density < LONELY, 0.0, base * density))
            for density, base in zip(self.densities, self.base, strict=True)
        )
        return one, other

    @property
    def reach(self) -> float:
        """Beyond about this distance mass is left out, not moved: sqrt(lambda), latent units."""
        return float(np.sqrt(self.plan.price))

    @property
    def lonely(self) -> tuple[np.ndarray, np.ndarray]:
        """Masks of the samples of source and target without counterpart."""
        return self.densities[0] < LONELY, self.densities[1] < LONELY

    def lonely_range(self) -> tuple[int, int]:
        """Between how many they are in the source, if half and twice the threshold decide."""
        few, many = (int((self.densities[0] < LONELY * k).sum()) for k in (0.5, 2.0))
        return few, many

    def record(self) -> dict[str, float]:
        """Numbers, by what they are; NaN where they are not known yet."""
        low, high = self.lonely_range()
        costs = self.costs or (np.nan,) * 3
        return {
            "without_counterpart": int(self.lonely[0].sum()),
            "without_counterpart_low": low,
            "without_counterpart_high": high,
            "target_without_counterpart": int(self.lonely[1].sum()),
            "reach": self.reach,
            **dict(zip(("cost_before", "cost_shift", "cost_after"), costs, strict=True)),
            "neighbours_kept": np.nan if self.kept is None else self.kept,
        }

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know."""
        count, total = int(self.lonely[0].sum()), len(self.densities[0])
        if count == 0:
            return self.doubts
        few, many = self.lonely_range()
        return (
            f"overlap: about {count} of {total} samples ({few} to {many}) have no counterpart in "
            "what they move onto, as far as samples tell; they were moved by the mean move of the "
            "others",
            *self.doubts,
        )

    @property
    def doubts(self) -> tuple[str, ...]:
        """Of these, what speaks against the correction."""
        lines: tuple[str, ...] = ()
        if 2 * self.lonely[0].sum() > len(self.densities[0]):
            lines += (
                "overlap: most samples have no counterpart, so that nothing tells the batch's "
                "effect from biology; give labels, or a batch that shares classes with both",
            )
        if self.costs is not None and self.costs[2] > self.costs[1] + WORSE:
            lines += (
                f"overlap: matching means alone leaves less apart ({self.costs[1]:.3g}) than this "
                f"correction ({self.costs[2]:.3g}; {self.costs[0]:.3g} before); compare with "
                "overlap=None and align=None, or give labels",
            )
        return lines

    def completed(
        self,
        clouds: tuple[np.ndarray, np.ndarray],
        latents: tuple[np.ndarray, np.ndarray],
        *,
        bounds: Bounds = None,
    ) -> tuple["Counterparts", np.ndarray]:
        """With what is known after the flow, and the particles with lonely ones in their place.

        Args:
            clouds: the source and where it was moved, data units.
            latents: of both.
            bounds: as in ``placed``.
        """
        source, particles = clouds
        start, end = (np.tensordot(self.weights[0], cloud, axes=1) for cloud in clouds)
        rows = chosen(self.base[0], JUDGED, seed=0)
        before, after = (np.asarray(z[rows], np.float64) for z in latents)
        after = np.where(self.lonely[0][rows, None], before + self.plan.shift, after)
        gap = self.plan.weights[1] @ self.plan.clouds[1] - self.base[0] @ latents[0]
        done = dataclasses.replace(
            self,
            move=end - start,
            costs=tuple(self.plan.cost(each) for each in (before, before + gap, after)),
            kept=_neighbours_kept(before, after),
        )
        return done, done.placed(source, particles, self.lonely[0], bounds=bounds)

    def placed(
        self, points: np.ndarray, moved: np.ndarray, lonely: np.ndarray, *, bounds: Bounds = None
    ) -> np.ndarray:
        """The moved points, those without counterpart by the mean move, within the bounds."""
        if self.move is None or not lonely.any():
            return moved
        moved = moved.copy()
        shifted = points[lonely] + self.move
        moved[lonely] = shifted if bounds is None else np.clip(shifted, *bounds)
        return moved

    def alone(self, latents: np.ndarray) -> np.ndarray:
        """Which new samples of the source's kind have no counterpart, shape (k,)."""
        if not self.lonely[0].any():
            return np.zeros(len(latents), bool)
        return self.plan.of_source(latents) < LONELY


def counterparts(
    overlap: Overlap,
    latents: tuple[np.ndarray, np.ndarray],
    weights: tuple[np.ndarray, np.ndarray],
    *,
    own: np.ndarray | None = None,
    seed: int = 0,
) -> Counterparts | None:
    """The estimate for all samples of two clouds; None where there are too few to tell.

    Args:
        overlap: its settings.
        latents, weights: of source and target.
        own: the target's rows that are the source's samples in their order: what is kept
            of these is what is kept of those.
        seed: chooses samples where there are many.
    """
    (source, target), (p, q) = latents, weights
    if own is not None:
        target, q = target[~own], q[~own]
    if not q.sum() > 0:
        return None
    plan = overlap.fit(one_class(source, p), one_class(target, q), seed=seed).plan
    if plan is None:
        return None
    here, others = plan.of_source(source), plan.of_target(target)
    if own is None:
        return Counterparts(plan, (here, others), weights)
    there = np.empty(len(own))
    there[own], there[~own] = here, others
    return Counterparts(plan, (here, there), weights)


def pooled_by_overlap(points: np.ndarray, batches: np.ndarray, *, overlap: Overlap) -> np.ndarray:
    """All points, every batch shifted onto what the others share with it; the mean shift is 0.

    It begins with the batch that spreads most, which is likely to hold most classes, and the others
    join one by one, those that spread most first.

    Args:
        points: shape (n, k).
        batches: shape (n,).
        overlap: as in ``counterparts``. Where it cannot tell, means are matched.
    """
    moved, names = points.astype(np.float64), np.unique(batches)
    spreads = [moved[batches == name].var(axis=0).sum() for name in names]
    order = names[np.argsort(-np.array(spreads), kind="stable")]
    latents, shifts = _within(moved, batches), [np.zeros(points.shape[1])]
    joined = batches == order[0]
    for name in order[1:]:
        rows = batches == name
        equal = np.full(rows.sum(), 1 / rows.sum()), np.full(joined.sum(), 1 / joined.sum())
        parts = counterparts(overlap, (latents[rows], latents[joined]), equal)
        one, other = equal if parts is None else parts.weights
        latents[rows] += other @ latents[joined] - one @ latents[rows]
        shifts.append(other @ moved[joined] - one @ moved[rows])
        moved[rows] += shifts[-1]
        joined = joined | rows
    return moved - np.mean(shifts, axis=0)


def _within(points: np.ndarray, batches: np.ndarray) -> np.ndarray:
    """A copy; of many columns, the components that vary most within batches."""
    if points.shape[1] <= LATENT_DIM:
        return points.copy()
    centred = points.copy()
    for name in np.unique(batches):
        rows = batches == name
        centred[rows] -= agreed(points[rows].mean(axis=0), points[rows])
    return PCA(LATENT_DIM).fit(centred).encode(points)


def _neighbours_kept(before: np.ndarray, after: np.ndarray) -> float:
    k = min(NEIGHBOUR, len(before) - 1)
    near = [
        np.asarray(KDTree(points).query(points, k=k + 1)[1])[:, 1:] for points in (before, after)
    ]
    return float((near[0][:, :, None] == near[1][:, None, :]).any(axis=2).mean())
