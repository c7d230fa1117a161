"""Batches moved onto a reference, or onto the pool of all of them."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gparticles.divergence import AbstractF
from gparticles.errors import InputError
from gparticles.latent import (
    LatentBound,
    LatentFlow,
    Overlap,
    class_weights,
    latent_bound,
    pooled,
    pooled_by_overlap,
)
from gparticles.latent.classes import filled
from gparticles.latent.transport import check_maps
from gparticles.tables.table import listed

_LOG = logging.getLogger(__name__)
# samples of a batch: two are one direction, whatever they came from
FEWEST = 3

Move = Callable[..., LatentFlow]
Flows = dict[str, LatentFlow]


@dataclass(frozen=True, kw_only=True)
class Batches:
    """Samples of several batches, one of which stays as it is, or none.

    Attributes:
        points: shape (N, d), data units.
        names: each sample's batch, text, shape (N,).
        reference: the batch that stays and that the others move onto; or None for the pool of all
            (``gparticles.latent.pooled_by_overlap``, or ``pooled`` where classes are known), onto
            which every batch moves.
        labels: each sample's class, by which the flow is conditional, shape (N,), or None.
        balance: each sample's class, by which samples of a moving batch are weighted so that its
            classes have the reference's (or the pool's) proportions, or None.
        judged: each sample's class to judge by, or None. In all three, "" is not known.
        overlap: what estimates which samples correspond, where classes are not known; or None.
    """

    points: np.ndarray
    names: np.ndarray
    reference: str | None
    labels: np.ndarray | None = None
    balance: np.ndarray | None = None
    judged: np.ndarray | None = None
    overlap: Overlap | None = field(default_factory=Overlap)

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

    @property
    def onto(self) -> str:
        """What they move onto, in words."""
        if self.reference is None:
            return "the pool of all batches"
        joined = " and batches that joined it" if len(_order(self)) > 1 else ""
        return f"{self.reference}{joined}"


def check_batches(batches: Batches) -> list[str]:
    """Refuses what has no answer; returns what the user should know.

    Raises:
        InputError: an unknown reference, one batch only, batches of one or two samples or of
            samples that are all the same, a class that the reference lacks.
    """
    names, counts = np.unique(batches.names, return_counts=True)
    if batches.reference is not None and batches.reference not in names:
        raise InputError(
            f"reference: there is no batch {batches.reference!r}; name one of "
            f"{listed(names.tolist())}"
        )
    if len(names) < 2:
        raise InputError(
            f"there is one batch only, {str(names[0])!r}; there is nothing to integrate"
        )
    small = names[counts < FEWEST].tolist()
    if len(small) == len(names):
        raise InputError(
            f"{len(batches.names)} samples are in {len(names)} batches, none of {FEWEST} samples; "
            "name another column that tells batches apart"
        )
    if small:
        some = "batch {} has" if len(small) == 1 else "batches {} have"
        raise InputError(
            f"{some.format(listed(small))} fewer than {FEWEST} samples, which say nothing of a "
            "distribution; remove these samples or join them to another batch"
        )
    for name in names:
        rows = batches.points[batches.names == name]
        if (rows == rows[0]).all():
            raise InputError(
                f"batch {str(name)!r}: all of its samples are the same, in every column; remove "
                "it, or give columns in which they differ"
            )
    if batches.labels is not None and batches.reference is not None:
        _check_classes(batches, batches.labels)
    return [*_confounded(batches), *one_sided(batches)]


def _check_classes(batches: Batches, labels: np.ndarray) -> None:
    known = np.setdiff1d(labels[batches.names == batches.reference], [""])
    strange = ~np.isin(labels, [*known, ""])
    if strange.any():
        raise InputError(
            f"labels: {str(labels[strange][0])!r} of batch {str(batches.names[strange][0])!r} does "
            f"not occur in the reference, which has {listed(known.tolist())}; remove these "
            "samples, or leave out the labels (--judge-by judges by them still)"
        )


def _confounded(batches: Batches) -> list[str]:
    if batches.judged is None or comparable(batches.part(batches.judged != "")):
        return []
    return [
        "no two batches have two labels in common: nothing tells the batches' effect from the "
        "labels', so mixing may be the loss of the labels, and these are not judged"
    ]


def comparable(labelled: Batches) -> bool:
    """Whether two batches have two classes in common, in which they can agree."""
    classes = [set(labelled.judged[labelled.names == name]) for name in np.unique(labelled.names)]  # type: ignore[index]
    return any(len(a & b) > 1 for k, a in enumerate(classes) for b in classes[:k])


def one_sided(batches: Batches) -> list[str]:
    """A line for classes that one batch alone has, or that the reference lacks."""
    lines = []
    for column in (batches.labels, batches.balance, batches.judged):
        if column is not None:
            lines += [
                _lacking(batches, within, names, conditional=column is batches.labels)
                for within, names in _by_batches(batches, column).items()
            ]
    return list(dict.fromkeys(lines))


def _by_batches(batches: Batches, labels: np.ndarray) -> dict[tuple[str, ...], list[str]]:
    """Classes of one batch alone, or that the reference lacks, by the batches that have them."""
    by_batches: dict[tuple[str, ...], list[str]] = {}
    for label in np.unique(labels[labels != ""]).tolist():
        within = tuple(np.unique(batches.names[labels == label]).tolist())
        absent = batches.reference is not None and batches.reference not in within
        if len(within) == 1 or absent:
            by_batches.setdefault(within, []).append(label)
    return by_batches


def _lacking(
    batches: Batches, within: tuple[str, ...], labels: list[str], *, conditional: bool
) -> str:
    some = ", ".join(map(repr, labels[:5])) + (f" and {len(labels) - 5} more" * (len(labels) > 5))
    where = ", ".join(map(repr, within))
    line = f"label{'s' * (len(labels) > 1)} {some} {'are' if len(labels) > 1 else 'is'} seen in "
    if within != (batches.reference,):
        return f"{line}{where} only: nothing says where its samples belong among the others"
    line += f"{where}, the reference, only: "
    if conditional:
        return f"{line}no sample moves onto it"
    return f"{line}the flow does not see labels, so samples of other labels may move onto it"


def fit(batches: Batches, move: Move) -> Flows:
    """One flow for each batch but the reference; which one has begun is logged, at INFO.

    Where an overlap is estimated, batches join the reference one by one, those that spread most and
    so are likely to hold most classes first: the next ones move onto the reference and as many
    samples of those that have joined it, which may have classes that it lacks.

    Args:
        batches: checked.
        move: ``move_batch`` or ``move_latents`` with its settings.

    Raises:
        InputError: what ``move`` refuses, with the batch's name.
    """
    check_maps(overlap=batches.overlap)
    fixed = _fixed(batches)
    flows: Flows = {}
    order = _order(batches)
    for name in order or batches.others:
        moving = batches.part(batches.names == name)
        onto = _with_joined(fixed, flows) if order else fixed
        place, count = len(flows) + 1, len(batches.others)
        _LOG.info("batch %r, %d of %d: %d samples", name, place, count, len(moving.points))
        settings: dict[str, Any] = {"overlap": batches.overlap}
        if batches.reference is None:
            settings["own"] = batches.names == name
        if batches.labels is not None:
            settings |= {"labels": moving.labels, "target_labels": fixed.labels}
        try:
            if moving.balance is not None and fixed.balance is not None:
                settings["source_weights"] = class_weights(moving.balance, fixed.balance)
            flows[name] = move(moving.points, onto.points, **settings)
        except InputError as error:
            raise InputError(f"batch {name!r}: {error}") from error
    return {name: flows[name] for name in batches.others}


def _order(batches: Batches) -> list[str]:
    """The batches in the order in which they join the reference; none where they do not."""
    told = batches.labels is not None or batches.balance is not None
    if batches.reference is None or batches.overlap is None or told:
        return []
    spread = {n: batches.points[batches.names == n].var(axis=0).sum() for n in batches.others}
    return sorted(batches.others, key=lambda name: -spread[name])


def _with_joined(reference: Batches, flows: Flows) -> Batches:
    """The reference, and no more than as many samples of the batches that have joined it."""
    joined = [flow.particles for flow in flows.values() if _belongs(flow)]
    if not joined:
        return reference
    rest, size = np.concatenate(joined), len(reference.points)
    if len(rest) > size:
        # of one size whatever has joined, so that programs are compiled for few
        rest = rest[np.sort(np.random.default_rng(0).choice(len(rest), size, replace=False))]
    names = np.full(len(rest), reference.reference)
    points = np.concatenate([reference.points, rest])
    return replace(reference, points=points, names=np.concatenate([reference.names, names]))


def _belongs(flow: LatentFlow) -> bool:
    """Whether most of a batch's samples have counterparts, so that others may follow it."""
    parts = flow.counterparts
    return parts is None or bool(2 * parts.lonely[0].sum() <= len(flow.particles))


def _fixed(batches: Batches) -> Batches:
    """What the others move onto: the reference's samples, or the pool."""
    if batches.reference is not None:
        return batches.part(batches.names == batches.reference)
    labels = None if batches.labels is None else batches.labels.copy()
    if labels is not None:
        # the pool shifts every class of every batch, so that each sample needs one
        for name in batches.others:
            rows = batches.names == name
            labels[rows], _ = filled(batches.points[rows], labels[rows], f"labels of {name!r}")
    if batches.overlap is None or labels is not None or batches.balance is not None:
        points = pooled(batches.points, batches.names, labels)
    else:
        points = pooled_by_overlap(batches.points, batches.names, overlap=batches.overlap)
    return replace(batches, points=points, labels=labels)


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


def bounds_of(flows: Flows, batches: Batches, *, f: AbstractF) -> dict[str, LatentBound]:
    """How far each batch is from what it moved onto, before and after, by the latent bound."""
    return {
        name: latent_bound(flow, batches.points[batches.names == name], f=f)
        for name, flow in flows.items()
    }
