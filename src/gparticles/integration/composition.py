"""What was estimated of batches' compositions: in numbers, sentences and a picture."""

import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from gparticles.evaluate.pairwise import subset
from gparticles.integration.batches import Flows
from gparticles.latent import Counterparts
from gparticles.report.batches_page import MeasureRow, MeasureTable
from gparticles.report.words import number

# samples that regions are found by, how many regions at most, and how many samples each has then
FITTED, MOST, SAMPLES = 5000, 12, 25

MEANING = (
    "What was estimated without labels, by unbalanced optimal transport between the batches "
    "(gpa.Overlap). Every number is an estimate from these samples: a rare class can be taken for "
    "outliers, and where two classes change places nothing but the distance tells them apart."
)


class Regions(NamedTuple):
    """Shares of regions of the corrected space in every batch.

    Attributes:
        names: of the batches.
        shares: shape (batches, regions), each row summing to one.
        counts: samples in the regions, shape (batches, regions).
    """

    names: list[str]
    shares: np.ndarray
    counts: np.ndarray


def regions(points: np.ndarray, names: np.ndarray, *, seed: int = 0) -> Regions:
    """Regions of the corrected samples, found by k-means, and how full they are in every batch."""
    # scikit-learn's takes a second to import, more than all else that is done here
    from scipy.cluster.vq import kmeans2, vq

    some = points[subset(len(points), FITTED, seed=seed)].astype(np.float64)
    k = min(MOST, max(2, len(points) // SAMPLES), len(np.unique(some, axis=0)))
    with warnings.catch_warnings():
        # of a region that nothing is near to, which is then empty
        warnings.simplefilter("ignore", UserWarning)
        # called rng from 1.15 on, and so alone in the types
        centres, _ = kmeans2(some, k, iter=50, minit="++", seed=seed)  # type: ignore[call-arg]
    index, _ = vq(points.astype(np.float64), centres)
    batches = np.unique(names)
    counts = np.array([np.bincount(index[names == name], minlength=k) for name in batches])
    order = np.argsort(-counts.sum(axis=0), kind="stable")
    counts = counts[:, order]
    return Regions(batches.tolist(), counts / counts.sum(axis=1, keepdims=True), counts)


def parts_of(flows: Flows) -> dict[str, Counterparts]:
    """By batch, where they were estimated."""
    parts = {name: flow.counterparts for name, flow in flows.items()}
    return {name: part for name, part in parts.items() if part is not None}


def record(flows: Flows, moved: np.ndarray, names: np.ndarray, *, seed: int = 0) -> dict[str, Any]:
    """For ``uns``: one entry for each batch that moved, and the shares of regions in all.

    Args:
        flows: of the batches; nothing is recorded where nothing was estimated.
        moved: all samples after them, shape (N, k).
        names: each one's batch, shape (N,).
        seed: of the regions.
    """
    each = {name: part.record() for name, part in parts_of(flows).items()}
    if not each:
        return {}
    found = regions(moved, names, seed=seed)
    keys = next(iter(each.values()))
    columns = {key: np.array([row[key] for row in each.values()]) for key in keys}
    shares = {"region_batches": np.array(found.names), "region_shares": found.shares}
    return {"batches": np.array(list(each)), **columns, **shares}


def table(parts: Mapping[str, Counterparts], onto: str) -> MeasureTable:
    """For the report."""
    rows: list[MeasureRow] = []
    for name, part in parts.items():
        count, (low, high) = int(part.lonely[0].sum()), part.lonely_range()
        before, shift, after = part.costs or (None, None, None)
        rows += [
            MeasureRow(
                f"{name}: samples without counterpart",
                "",
                f"{count} ({low} to {high}) of {len(part.densities[0])}",
                "",
                "moved by the mean move of the others; the range is that of half and twice the "
                f"threshold. Of {onto}, {int(part.lonely[1].sum())} of {len(part.densities[1])} "
                f"have none in {name}",
            ),
            MeasureRow(
                f"{name}: what is left apart",
                number(before),
                number(after),
                "",
                f"cost of the plan between what corresponds; {number(shift)} if means were "
                f"matched. Mass travels about {part.reach:.3g} units at most before it is left "
                "out: from the distance to a neighbour, a twentieth of its batch away",
            ),
            MeasureRow(
                f"{name}: neighbours kept",
                "1",
                number(part.kept),
                "1",
                "share of a sample's ten neighbours within its batch that still are",
            ),
        ]
    return MeasureTable("Composition, estimated", MEANING, tuple(rows))


def figure(found: Regions, reference: str | None) -> Any:
    """Density ratios by region, against the reference or, without, the mean of all batches."""
    from gparticles.plots.composition import composition_figure

    # half a sample more everywhere, so that an empty region has a ratio
    counts = found.counts + 0.5
    shares = counts / counts.sum(axis=1, keepdims=True)
    base = shares.mean(axis=0) if reference is None else shares[found.names.index(reference)]
    words = "the mean of all batches" if reference is None else reference
    return composition_figure(found.shares, shares / base, found.names, base=words)


def doubts(flows: Flows) -> list[str]:
    """What should make a user look again, with the batch's name."""
    return [f"{name}: {line}" for name, part in parts_of(flows).items() for line in part.doubts]
