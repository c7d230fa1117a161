"""Batches moved onto a reference, and judged: on all samples, and on ones kept from the fit."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gparticles.data.table import listed
from gparticles.errors import InputError
from gparticles.evaluate.mixing import NEIGHBOURS, label_auc, mixing, neighbour_mixing
from gparticles.evaluate.pairwise import subset
from gparticles.evaluate.wasserstein import w2
from gparticles.interfaces.inputs import validation_rows
from gparticles.latent import LatentFlow, class_weights

# distances between all pairs are formed
MAX_JUDGED = 5000
# what is judged by fewer neighbours says nothing
MIN_HELD_OUT = 2

Move = Callable[..., LatentFlow]
Flows = dict[str, LatentFlow]
Embed = Callable[[np.ndarray], np.ndarray]
MakeEmbed = Callable[[np.ndarray], Embed]


@dataclass(frozen=True, kw_only=True)
class Batches:
    """Samples of several batches, one of which stays as it is.

    Attributes:
        points: shape (N, d), data units.
        names: each sample's batch, text, shape (N,).
        reference: the batch that stays.
        labels: each sample's class, by which the flow is conditional, shape (N,), or None.
        balance: each sample's class, by which samples of a moving batch are weighted so that its
            classes have the reference's proportions, or None.
        judged: each sample's class to judge by, or None. In all three, "" is not known.
    """

    points: np.ndarray
    names: np.ndarray
    reference: str
    labels: np.ndarray | None = None
    balance: np.ndarray | None = None
    judged: np.ndarray | None = None

    def part(self, rows: np.ndarray) -> "Batches":
        """These samples only; rows are indices or a mask."""
        kept = {
            name: None if array is None else array[rows]
            for name in ("labels", "balance", "judged")
            for array in (getattr(self, name),)
        }
        return replace(self, points=self.points[rows], names=self.names[rows], **kept)

    @property
    def others(self) -> list[str]:
        """The batches that move, in order."""
        return [str(name) for name in np.unique(self.names) if name != self.reference]


def check_batches(batches: Batches) -> list[str]:
    """Refuses what has no answer; returns what the user should know.

    Raises:
        InputError: an unknown reference, one batch only, a batch of one sample, a class that the
            reference lacks.
    """
    names, counts = np.unique(batches.names, return_counts=True)
    if batches.reference not in names:
        raise InputError(
            f"reference: there is no batch {batches.reference!r}; name one of "
            f"{listed(names.tolist())}"
        )
    if len(names) < 2:
        raise InputError(f"there is one batch only, {names[0]!r}; there is nothing to integrate")
    if counts.min() < 2:
        raise InputError(
            f"batch {str(names[counts.argmin()])!r} has one sample, which has no distribution; "
            "remove it or join it to another batch"
        )
    if batches.labels is not None:
        _check_classes(batches, batches.labels)
    return _one_sided(batches)


def _check_classes(batches: Batches, labels: np.ndarray) -> None:
    known = np.setdiff1d(labels[batches.names == batches.reference], [""])
    strange = ~np.isin(labels, [*known, ""])
    if strange.any():
        raise InputError(
            f"labels: {str(labels[strange][0])!r} of batch {str(batches.names[strange][0])!r} does "
            f"not occur in the reference, which has {listed(known.tolist())}; remove these "
            "samples, or give --judge-by instead"
        )


def _one_sided(batches: Batches) -> list[str]:
    """A line for every class that is seen in one batch only."""
    if batches.judged is None:
        return []
    lines = []
    if not _comparable(batches.part(batches.judged != "")):
        lines.append(
            "no two batches have two labels in common: nothing tells the batches' effect from the "
            "labels', so mixing may be the loss of the labels, and these are not judged"
        )
    for label in np.unique(batches.judged[batches.judged != ""]):
        within = np.unique(batches.names[batches.judged == label])
        if len(within) == 1:
            lines.append(
                f"label {str(label)!r} is seen in {str(within[0])!r} only: nothing says where its "
                "samples belong among the others"
            )
    return lines


def fit(batches: Batches, move: Move) -> Flows:
    """One flow for each batch but the reference.

    Args:
        batches: checked.
        move: ``move_batch`` or ``move_latents`` with its settings.

    Raises:
        InputError: what ``move`` refuses, with the batch's name.
    """
    fixed = batches.part(batches.names == batches.reference)
    flows: Flows = {}
    for name in batches.others:
        moving = batches.part(batches.names == name)
        given: dict[str, Any] = {}
        if batches.labels is not None:
            given = {"labels": moving.labels, "target_labels": fixed.labels}
        try:
            if batches.balance is not None:
                given["source_weights"] = class_weights(moving.balance, fixed.balance)
            flows[name] = move(moving.points, fixed.points, **given)
        except InputError as error:
            raise InputError(f"batch {name!r}: {error}") from error
    return flows


def moved_by(flows: Mapping[str, Any], batches: Batches) -> np.ndarray:
    """All samples after the move, shape (N, d); those of the reference as they are."""
    return _placed(batches, {name: flow.particles for name, flow in flows.items()})


def carried_by(flows: Mapping[str, Any], batches: Batches) -> np.ndarray:
    """The same of samples that the flows were not fitted to."""
    parts = {}
    for name, flow in flows.items():
        rows = batches.part(batches.names == name)
        if len(rows.points):
            parts[name] = flow(rows.points, rows.labels)
    return _placed(batches, parts)


def _placed(batches: Batches, parts: dict[str, np.ndarray]) -> np.ndarray:
    dtype = np.result_type(batches.points, *parts.values())
    moved = batches.points.astype(dtype)
    for name, rows in parts.items():
        moved[batches.names == name] = rows
    return moved


def split(batches: Batches, share: float, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices to fit and to hold out, the same share of every batch and class in it.

    Raises:
        InputError: a part of some batch would be too small to judge or to fit.
    """
    groups = batches.names
    if batches.judged is not None:
        groups = np.char.add(np.char.add(groups, "\n"), batches.judged)
    aside = validation_rows(len(groups), share, labels=groups, seed=seed)
    kept = np.setdiff1d(np.arange(len(groups)), aside)
    for name in np.unique(batches.names):
        sizes = [int((batches.names[rows] == name).sum()) for rows in (kept, aside)]
        if min(sizes) < MIN_HELD_OUT:
            raise InputError(
                f"--held-out {share:g} of batch {str(name)!r} leaves {sizes[0]} samples to fit and "
                f"{sizes[1]} to judge by; change it, or give --held-out 0"
            )
    return kept, aside


def judge(points: np.ndarray, batches: Batches, *, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Mixing and labels of points, shape (N, k), to which nothing was fitted but the flow."""
    chosen = subset(len(points), MAX_JUDGED, seed=seed)
    points, batches = points[chosen], batches.part(chosen)
    found = mixing(points, batches.names)
    # more neighbours than half a batch would have to come from another one
    k = max(1, min(NEIGHBOURS, min(_counts(batches).values()) // 2))
    found["neighbour_mixing"]["value"] = neighbour_mixing(points, batches.names, k=k)
    found["neighbour_mixing"]["neighbours"] = k
    if batches.judged is not None:
        known = np.flatnonzero(batches.judged != "")
        labelled = batches.part(known)
        if _comparable(labelled):
            # of mixing, all samples know more than the labelled ones
            found = mixing(points[known], labelled.names, labelled.judged) | found
    return found


def _comparable(labelled: Batches) -> bool:
    """Whether two batches have two classes in common, in which they can agree."""
    classes = [set(labelled.judged[labelled.names == name]) for name in np.unique(labelled.names)]  # type: ignore[index]
    return any(len(a & b) > 1 for k, a in enumerate(classes) for b in classes[:k])


def judge_held_out(
    fitted: tuple[np.ndarray, Batches], unseen: tuple[np.ndarray, Batches], *, seed: int = 0
) -> dict[str, dict[str, Any]]:
    """As `judge`, of unseen samples among each other; labels are learnt from fitted ones.

    Args:
        fitted, unseen: points and what they are.
        seed: of the subsample.
    """
    found = judge(*unseen, seed=seed)
    points, batches = fitted
    if batches.judged is None or "label_auc_across_batches" not in found:
        return found
    areas = []
    for one in np.unique(batches.names):
        train = (batches.names == one) & (batches.judged != "")
        test = (unseen[1].names != one) & (unseen[1].judged != "")
        areas.append(
            label_auc(
                (points[train], batches.judged[train]),
                (unseen[0][test], np.asarray(unseen[1].judged)[test]),
            )
        )
    known = [area for area in areas if np.isfinite(area)]
    found["label_auc_across_batches"]["value"] = float(np.mean(known)) if known else None
    return found


def embedding(points: np.ndarray, *, dim: int, seed: int) -> Embed:
    """The principal components of points, by which they and others are judged and drawn."""
    from gparticles.latent import PCA

    return PCA(dim).fit(points, seed=seed).encode


def distance_to_reference(points: np.ndarray, batches: Batches, *, seed: int = 0) -> float:
    """The Wasserstein-2 distance of each moving batch to the reference, averaged over batches."""
    fixed = points[batches.names == batches.reference]
    each = [w2(points[batches.names == name], fixed, seed=seed).value for name in batches.others]
    return float(np.mean(each))


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """Measures before and after, name to value, ideal and unit; and what was counted.

    Attributes:
        before, after: measures.
        counts: batch to how many samples were judged.
        space: the samples before and after in the space in which they were judged.
    """

    before: dict[str, dict[str, Any]]
    after: dict[str, dict[str, Any]]
    counts: dict[str, int]
    space: tuple[np.ndarray, np.ndarray]


def judge_all(batches: Batches, after: np.ndarray, embed: MakeEmbed, *, seed: int) -> Judgement:
    """Of the samples that the flow was fitted to.

    Args:
        batches: before.
        after: the samples moved, shape (N, d).
        embed: makes the space to judge in from samples.
        seed: of subsamples.
    """
    spaces = [embed(points)(points) for points in (batches.points, after)]
    before, later = (
        judge(space, batches, seed=seed) | _w2_entry(space, batches, seed) for space in spaces
    )
    return Judgement(
        before=before, after=later, counts=_counts(batches), space=(spaces[0], spaces[1])
    )


def judge_kept_out(
    batches: Batches, move: Move, embed: MakeEmbed, *, share: float, seed: int
) -> Judgement:
    """Of samples of every batch that a second fit does not see.

    Everything is fitted to the others alone: the flow, its codec, and the space to judge in.

    Raises:
        InputError: too few samples for this share.
    """
    rows, aside = split(batches, share, seed=seed)
    fitted, unseen = batches.part(rows), batches.part(aside)
    flows = fit(fitted, move)
    pairs = (
        (fitted.points, unseen.points),
        (moved_by(flows, fitted), carried_by(flows, unseen)),
    )
    found, spaces = [], []
    for seen, new in pairs:
        space = embed(seen)
        points = space(new)
        measures = judge_held_out((space(seen), fitted), (points, unseen), seed=seed)
        found.append(measures | _w2_entry(points, unseen, seed))
        spaces.append(points)
    return Judgement(
        before=found[0], after=found[1], counts=_counts(unseen), space=(spaces[0], spaces[1])
    )


def _w2_entry(points: np.ndarray, batches: Batches, seed: int) -> dict[str, dict[str, Any]]:
    value = distance_to_reference(points, batches, seed=seed)
    return {"w2": {"value": value, "ideal": None, "unit": "data units"}}


def _counts(batches: Batches) -> dict[str, int]:
    names, counts = np.unique(batches.names, return_counts=True)
    return {str(name): int(count) for name, count in zip(names, counts, strict=True)}
