"""Batches of an AnnData object moved onto a reference batch, by scanpy's conventions."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from gparticles.errors import InputError
from gparticles.flow import Flow, transport
from gparticles.flow.solution import result_dtype


def integrate(
    adata: Any,
    key: str,
    *,
    reference: Any,
    basis: str = "X_pca",
    adjusted_basis: str = "X_gpa",
    labels_key: str | None = None,
    layer: str | None = None,
    seed: int = 0,
    **settings: Any,
) -> None:
    """Moves every batch of an AnnData object onto a reference batch, in place.

    One flow for each batch, from its rows of ``obsm[basis]`` to the reference's, whose rows stay as
    they are to the last bit. Writes ``obsm[adjusted_basis]``, ``uns["gparticles"]`` (settings,
    version, outcomes, history) and, if asked, one layer: X + (Z' - Z) PCs^T, with Z and Z' the
    basis before and after and PCs = ``varm["PCs"]``, so that what the components do not hold stays
    as it is in X. Touches nothing else, and writes nothing if it refuses.

    Args:
        adata: an ``anndata.AnnData``, in memory or backed.
        key: the column of ``obs`` that names the batches.
        reference: the batch that stays.
        basis: the key in ``obsm`` of the representation to correct, shape (n, k).
        adjusted_basis: the key in ``obsm`` to write, in the dtype of the basis.
        labels_key: a column of ``obs`` with classes; each moves onto the same class, by one
            potential for each. Every class of a batch must occur in the reference.
        layer: the key in ``layers`` to write, dense, shape (n, d). For a basis that is the PCA of X
            as it stands.
        seed: as in ``gparticles.transport``.
        settings: its other arguments, the same for every batch.

    Raises:
        InputError: anything that cannot be used, in one line that names the mend.
    """
    points = _basis(adata, basis, adjusted_basis)
    batches = _column(adata, key, "key")
    labels = None if labels_key is None else _column(adata, labels_key, "labels_key")
    others = _others(batches, str(reference), key)
    if labels is not None:
        _check_classes(batches, labels, str(reference))
    components = None if layer is None else _components(adata, points.shape[1])
    plan = _Plan(points, batches, labels, str(reference), {"seed": seed, **settings})
    flows = {name: plan.flow(name) for name in others}
    moved = points.astype(result_dtype(points))
    for name, flow in flows.items():
        moved[batches == name] = flow.particles
    change = moved.astype(np.float64) - points
    genes = None if components is None else _genes(adata.X, change, components)
    keys = {"key": key, "reference": str(reference), "basis": basis}
    keys |= {"adjusted_basis": adjusted_basis, "labels_key": labels_key, "layer": layer}
    record = _record(flows, keys, seed)
    adata.obsm[adjusted_basis] = moved
    if genes is not None:
        adata.layers[layer] = genes
    adata.uns["gparticles"] = record


@dataclass(frozen=True)
class _Plan:
    """What is moved, and how."""

    points: np.ndarray
    batches: np.ndarray
    labels: np.ndarray | None
    reference: str
    settings: dict[str, Any]

    def flow(self, batch: str) -> Flow:
        rows, fixed = self.batches == batch, self.batches == self.reference
        labels = {}
        if self.labels is not None:
            labels = {"labels": self.labels[rows], "target_labels": self.labels[fixed]}
        try:
            return transport(self.points[rows], self.points[fixed], **labels, **self.settings)
        except InputError as error:
            raise InputError(f"batch {batch!r}: {error}") from error


def _listed(names: Any) -> str:
    names = [str(name) for name in names]
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return (", ".join(names[:10]) or "none") + more


def _basis(adata: Any, basis: str, adjusted_basis: str) -> np.ndarray:
    for attribute in ("obs", "obsm", "varm", "uns", "layers"):
        if not hasattr(adata, attribute):
            raise InputError(f"adata is a {type(adata).__name__}; give an anndata.AnnData")
    if basis not in adata.obsm:
        raise InputError(
            f"basis: obsm has no {basis!r}, but {_listed(adata.obsm)}; name one of these, or make "
            "it first, as by scanpy.pp.pca"
        )
    if adjusted_basis == basis:
        raise InputError(f"adjusted_basis is {basis!r}, the basis itself; give it another name")
    found = adata.obsm[basis]
    points = np.asarray(found.toarray() if hasattr(found, "toarray") else found)
    if points.ndim != 2 or points.dtype.kind not in "fiu":
        raise InputError(f"basis: obsm[{basis!r}] is not a matrix of numbers; name another")
    bad = ~np.isfinite(points).all(axis=1)
    if bad.any():
        raise InputError(
            f"basis: {int(bad.sum())} rows of obsm[{basis!r}] hold NaN or infinite values, the "
            f"first at {adata.obs_names[bad][0]!r}; remove them"
        )
    return points


def _column(adata: Any, name: str, argument: str) -> np.ndarray:
    if name not in adata.obs:
        raise InputError(
            f"{argument}: obs has no column {name!r}, but {_listed(adata.obs.columns)}; name one "
            "of these"
        )
    column = adata.obs[name]
    missing = np.asarray(column.isna())
    if missing.any():
        raise InputError(
            f"{argument}: obs[{name!r}] is missing in {int(missing.sum())} rows, the first "
            f"{adata.obs_names[missing][0]!r}; fill or remove them"
        )
    return np.asarray(column.astype(str), dtype=str)


def _others(batches: np.ndarray, reference: str, key: str) -> list[str]:
    names, counts = np.unique(batches, return_counts=True)
    if reference not in names:
        raise InputError(
            f"reference: obs[{key!r}] has no {reference!r}, but {_listed(names)}; name one of these"
        )
    if len(names) == 1:
        raise InputError(f"key: obs[{key!r}] has one batch only; there is nothing to integrate")
    single = names[counts == 1]
    if len(single):
        raise InputError(
            f"key: batch {str(single[0])!r} of obs[{key!r}] has one sample, which has no "
            "distribution; remove it or join it to another batch"
        )
    return [str(name) for name in names if name != reference]


def _check_classes(batches: np.ndarray, labels: np.ndarray, reference: str) -> None:
    known = np.unique(labels[batches == reference])
    strange = ~np.isin(labels, known)
    if strange.any():
        raise InputError(
            f"labels_key: {str(labels[strange][0])!r} in batch {str(batches[strange][0])!r} does "
            f"not occur in the reference, which has {_listed(known)}; remove these samples, or "
            "leave out labels_key"
        )


def _components(adata: Any, columns: int) -> np.ndarray:
    if adata.X is None:
        raise InputError("layer: adata has no X to correct; leave out layer")
    if "PCs" not in adata.varm:
        raise InputError(
            f'layer: varm has no "PCs", but {_listed(adata.varm)}; scanpy.pp.pca writes it, or '
            "leave out layer"
        )
    components = np.asarray(adata.varm["PCs"], np.float64)
    if components.shape[1] != columns:
        raise InputError(
            f'layer: varm["PCs"] has {components.shape[1]} components, the basis {columns}; give '
            "the basis that belongs to it"
        )
    return components


def _genes(values: Any, change: np.ndarray, components: np.ndarray) -> np.ndarray:
    """X + (Z' - Z) PCs^T, dense; rows that do not move come back to the last bit."""
    # of backed data, this reads them
    values = values[:]
    dense = values.toarray() if hasattr(values, "toarray") else np.asarray(values)
    genes = dense.astype(result_dtype(dense))
    rows = np.flatnonzero(change.any(axis=1))
    genes[rows] = genes[rows] + change[rows] @ components.T
    return genes


def _record(flows: dict[str, Flow], keys: dict[str, Any], seed: int) -> dict[str, Any]:
    """What ``uns`` keeps: text, numbers, arrays and None, so that h5ad and zarr can hold it."""
    from gparticles import __version__

    every = list(flows.values())
    return {
        "version": __version__,
        **keys,
        "seed": seed,
        "settings": every[0].settings,
        "batches": np.array(list(flows)),
        "outcomes": np.array([flow.outcome for flow in every]),
        "notes": np.array([" ".join(flow.notes) for flow in every]),
        "lipschitz": np.array([flow.lipschitz for flow in every]),
        "history": {name: _padded([f.history[name] for f in every]) for name in every[0].history},
    }


def _padded(rows: list[np.ndarray]) -> np.ndarray:
    """Shape (batches, steps); NaN after a flow that ended early."""
    table = np.full((len(rows), max(map(len, rows))), np.nan)
    for row, values in zip(table, rows, strict=True):
        row[: len(values)] = values
    return table
