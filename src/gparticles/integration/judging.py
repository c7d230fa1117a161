"""Batches judged before and after a move: on all samples, and on ones kept from the fit."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gparticles.errors import InputError
from gparticles.evaluate.mixing import NEIGHBOURS, label_auc, mixing, neighbour_mixing
from gparticles.evaluate.pairwise import subset
from gparticles.evaluate.wasserstein import w2
from gparticles.experiment.inputs import validation_rows
from gparticles.integration.batches import Batches, Move, carried_by, comparable, fit, moved_by

# distances between all pairs are formed
MAX_JUDGED = 5000
# what is judged by fewer neighbours says nothing
MIN_HELD_OUT = 2

Embed = Callable[[np.ndarray], np.ndarray]
MakeEmbed = Callable[[np.ndarray], Embed]
# indices of the samples to fit, and of those to judge by
Parts = tuple[np.ndarray, np.ndarray]


def split(batches: Batches, share: float, *, seed: int) -> Parts:
    """Indices to fit and to hold out, the same share of every batch and class in it.

    Raises:
        InputError: a part of some batch would be too small to judge or to fit.
    """
    groups = batches.names
    # a class that the flow sees must not be missing where it is fitted
    classes = batches.judged if batches.labels is None else batches.labels
    if classes is not None:
        groups = np.char.add(np.char.add(groups, "\n"), classes)
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
    measures = mixing(points, batches.names)
    # more neighbours than half a batch would have to come from another one
    k = max(1, min(NEIGHBOURS, min(_counts(batches).values()) // 2))
    measures["neighbour_mixing"]["value"] = neighbour_mixing(points, batches.names, k=k)
    measures["neighbour_mixing"]["neighbours"] = k
    if batches.judged is not None:
        known = np.flatnonzero(batches.judged != "")
        labelled = batches.part(known)
        if comparable(labelled):
            # of mixing, all samples know more than the labelled ones
            measures = mixing(points[known], labelled.names, labelled.judged) | measures
    return measures


def judge_held_out(
    fitted: tuple[np.ndarray, Batches], unseen: tuple[np.ndarray, Batches], *, seed: int = 0
) -> dict[str, dict[str, Any]]:
    """As `judge`, of unseen samples among each other; labels are learnt from fitted ones.

    Args:
        fitted, unseen: points and what they are.
        seed: of the subsample.
    """
    measures = judge(*unseen, seed=seed)
    points, batches = fitted
    if batches.judged is None or "label_auc_across_batches" not in measures:
        return measures
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
    measures["label_auc_across_batches"]["value"] = float(np.mean(known)) if known else None
    return measures


def embedding(points: np.ndarray, *, dim: int, seed: int) -> Embed:
    """The principal components of points, by which they and others are judged and drawn."""
    from gparticles.latent import PCA

    return PCA(dim).fit(points, seed=seed).encode


def distance(points: np.ndarray, batches: Batches, *, seed: int = 0) -> float:
    """The Wasserstein-2 distance of each moving batch to the reference, averaged over batches.

    Where there is none, of each batch to the samples of all others.
    """
    each = []
    for name in batches.others:
        rows = batches.names == name
        fixed = ~rows if batches.reference is None else batches.names == batches.reference
        each.append(w2(points[rows], points[fixed], seed=seed).value)
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
    batches: Batches, move: Move, embed: MakeEmbed, *, parts: Parts | None, seed: int
) -> Judgement | None:
    """Of samples of every batch that a second fit does not see; None where nothing is held out.

    Everything is fitted to the others alone: the flow, its codec, and the space to judge in.

    Args:
        batches: all samples.
        move: ``move_batch`` or ``move_latents`` with its settings.
        embed: makes the space to judge in from samples.
        parts: of ``split``.
        seed: of subsamples.
    """
    if parts is None:
        return None
    fitted, unseen = (batches.part(rows) for rows in parts)
    flows = fit(fitted, move)
    pairs = (
        (fitted.points, unseen.points),
        (moved_by(flows, fitted), carried_by(flows, unseen)),
    )
    sides, spaces = [], []
    for old, new in pairs:
        space = embed(old)
        points = space(new)
        measures = judge_held_out((space(old), fitted), (points, unseen), seed=seed)
        sides.append(measures | _w2_entry(points, unseen, seed))
        spaces.append(points)
    return Judgement(
        before=sides[0], after=sides[1], counts=_counts(unseen), space=(spaces[0], spaces[1])
    )


def _w2_entry(points: np.ndarray, batches: Batches, seed: int) -> dict[str, dict[str, Any]]:
    value = distance(points, batches, seed=seed)
    name = "w2_between" if batches.reference is None else "w2"
    return {name: {"value": value, "ideal": None, "unit": "data units"}}


def _counts(batches: Batches) -> dict[str, int]:
    names, counts = np.unique(batches.names, return_counts=True)
    return {str(name): int(count) for name, count in zip(names, counts, strict=True)}
