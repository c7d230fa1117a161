"""Batches of an AnnData object moved onto a reference batch, by scanpy's conventions."""

import warnings
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from gparticles.checks import check_count, check_labels
from gparticles.divergence import KL
from gparticles.errors import InputError
from gparticles.flow import Store
from gparticles.integration import composition
from gparticles.integration.basis import column_of, dense
from gparticles.integration.batches import Batches, Flows, bounds_of, check_batches, fit, moved_by
from gparticles.integration.genes import Components, changed, principal
from gparticles.latent import LatentBound, LatentFlow, move_latents
from gparticles.tables.table import listed


def integrate(
    adata: Any,
    key: str,
    *,
    reference: Any = None,
    basis: str = "X_pca",
    adjusted_basis: str = "X_gpa",
    labels_key: str | None = None,
    balance_key: str | None = None,
    layer: str | None = None,
    latent_dim: int | None = None,
    seed: int = 0,
    **settings: Any,
) -> None:
    """Moves every batch of an AnnData object onto a reference batch, in place.

    One affine map and one flow for each batch, from its rows of ``obsm[basis]`` to the reference's,
    whose rows stay as they are to the last bit. Batches may differ in composition: which samples
    correspond is estimated (``Overlap``), and those of a batch that correspond to nothing are moved
    by the mean move of the others. Batches join the reference one by one, those that spread most
    first, and the next ones move onto as many samples of these as well, so that classes which the
    reference lacks meet (not with labels, ``balance_key`` or ``overlap=None``). With
    ``reference=None`` all batches move, onto the pool of all of them, in which every batch was
    shifted onto what the others share with it, the mean shift being 0; with labels or
    ``balance_key``, every batch, with labels every class of it, so that its mean is the mean of the
    batches' means. Which of many batches it is at, it says by ``logging``, at INFO.

    Writes ``obsm[adjusted_basis]``, ``uns["gparticles"]`` (settings, version, outcomes, history,
    in ``composition`` what was estimated of the batches' compositions, and bounds of each batch's
    divergence from what it moved onto, in the basis, by ``gparticles.latent.latent_bound``) and, if
    asked, one layer: X + (Z' - Z) PCs^T, with Z and Z' the basis before and after and PCs =
    ``varm["PCs"]``, so that what the components do not hold stays as it is in X. Touches nothing
    else, and writes nothing if it refuses. An X that memory does not hold, of Dask's or backed, is
    read in blocks of rows, and the layer is then a ``dask.array`` that is not computed yet.

    Args:
        adata: an ``anndata.AnnData``, in memory, with an X of Dask's, or backed.
        key: the column of ``obs`` that names the batches.
        reference: the batch that stays; by default none does, and all move onto the pool of all.
        basis: the key in ``obsm`` of the representation to correct, shape (n, k).
        adjusted_basis: the key in ``obsm`` to write, in the dtype of the basis.
        labels_key: a column of ``obs`` with classes; each moves onto the same class, by one
            potential for each. Every class of a batch must occur in the reference. Samples whose
            label is missing (or a word such as "nan" or "NA", as in files) move with the class of
            most of their nearest labelled samples in their batch.
        balance_key: a column of ``obs`` with classes, by which samples of a batch are weighted so
            that its classes have the reference's proportions (``gpa.class_weights``); the flow
            does not see the classes. For batches whose proportions differ.
        layer: the key in ``layers`` to write, dense, shape (n, d). For a basis that is the PCA of X
            as it stands.
        latent_dim: where ``obsm`` has no such basis, it and ``varm["PCs"]`` are made first, of so
            many principal components of X; by default that is refused.
        seed: as in ``gparticles.transport``.
        settings: its other arguments, and ``align`` and ``overlap`` of
            ``gparticles.latent_transport``, the same for every batch. By default an ``Overlap``, a
            ``GaussianMap``, 50 steps and a step size of 0.1.

    Raises:
        InputError: anything that cannot be used, in one line that names the mend.

    Warns:
        UserWarning: classes that one batch alone has, and batches of which most samples have no
            counterpart or that a plain shift would serve better.
    """
    keys = Keys(
        key=key,
        reference=None if reference is None else str(check_labels([reference], 1, "reference")[0]),
        basis=basis,
        adjusted_basis=adjusted_basis,
        labels_key=labels_key,
        balance_key=balance_key,
        layer=layer,
    )
    made = None
    if latent_dim is not None and basis not in _obsm(adata):
        made = principal(adata, check_count(latent_dim, "latent_dim"), seed=seed)
    batches = read_batches(adata, keys, made)
    for line in check_batches(batches):
        warnings.warn(line, stacklevel=2)
    # the flows are not returned, so that neither pictures nor new points will ask for them
    lean = {"store": Store(potentials=False, frames=2)}
    flows, _ = move_batches(adata, keys, batches, made=made, seed=seed, **lean | settings)
    for line in composition.doubts(flows):
        warnings.warn(line, stacklevel=2)


@dataclass(frozen=True, kw_only=True)
class Keys:
    """Where things are in an AnnData object; the names are the arguments of ``integrate``."""

    key: str
    reference: str | None
    basis: str
    adjusted_basis: str
    labels_key: str | None
    balance_key: str | None
    layer: str | None


def read_batches(adata: Any, keys: Keys, made: Components | None = None) -> Batches:
    """The basis with each sample's batch and classes; ``check_batches`` does the rest.

    Args:
        adata: an ``anndata.AnnData``.
        keys: where things are in it.
        made: a basis that it does not have yet.

    Raises:
        InputError: what is not there, or is no basis.
    """
    points = _basis(adata, keys, made)
    names = column_of(adata, keys.key, "key (--batch-key)")
    missing = names == ""
    if missing.any():
        raise InputError(
            f"key: obs[{keys.key!r}] is missing in {int(missing.sum())} rows, the first "
            f"{adata.obs_names[missing][0]!r}; fill or remove them"
        )
    labels, balance = (
        None if name is None else column_of(adata, name, argument)
        for name, argument in (
            (keys.labels_key, "labels_key"),
            (keys.balance_key, "balance_key"),
        )
    )
    if keys.layer is not None and made is None:
        components_of(adata, points.shape[1])
    return Batches(
        points=points, names=names, reference=keys.reference, labels=labels, balance=balance
    )


def move_batches(
    adata: Any,
    keys: Keys,
    batches: Batches,
    *,
    made: Components | None = None,
    seed: int = 0,
    **settings: Any,
) -> tuple[Flows, dict[str, LatentBound]]:
    """Moves what ``read_batches`` read, and writes it; returns flows and bounds by batch."""
    batches = replace(batches, overlap=settings.pop("overlap", batches.overlap))
    flows = fit(batches, partial(move_latents, seed=seed, **settings))
    moved = moved_by(flows, batches)
    genes = None
    if keys.layer is not None:
        change = moved.astype(np.float64) - batches.points
        loadings = components_of(adata, moved.shape[1]) if made is None else made.components.T
        genes = changed(adata, change, loadings)
    bounds = bounds_of(flows, batches, f=settings.get("f") or KL())
    record = _record(flows, asdict(keys), seed) | {"latent_bound": _bounds(bounds)}
    record |= {"composition": composition.record(flows, moved, batches.names, seed=seed)}
    if made is not None:
        adata.obsm[keys.basis], adata.varm["PCs"] = made.points, made.components.T
    adata.obsm[keys.adjusted_basis] = moved
    if genes is not None:
        adata.layers[keys.layer] = genes
    adata.uns["gparticles"] = record
    return flows, bounds


def _bounds(bounds: dict[str, LatentBound]) -> dict[str, Any]:
    """One entry for each batch, NaN where it is not known."""
    names = ("before", "after", "halves", "lipschitz", "decoder_lipschitz")
    numbers = {
        name: np.array([getattr(bound, name) for bound in bounds.values()], np.float64)
        for name in names
    }
    return {**numbers, "sentences": np.array([bound.sentence for bound in bounds.values()])}


def _obsm(adata: Any) -> Any:
    for attribute in ("obs", "obsm", "varm", "uns", "layers"):
        if not hasattr(adata, attribute):
            raise InputError(f"adata is a {type(adata).__name__}; give an anndata.AnnData")
    return adata.obsm


def _basis(adata: Any, keys: Keys, made: Components | None) -> np.ndarray:
    obsm, basis = _obsm(adata), keys.basis
    if getattr(adata, "isbacked", False) and adata.is_view:
        raise InputError(
            "adata is a part of a file that is not in memory, which cannot be written to; give "
            "adata.to_memory()"
        )
    if made is None and (not isinstance(basis, str) or basis not in obsm):
        if not len(obsm):
            raise InputError(
                f"basis: obsm is empty, without {basis!r}; make it first, as by scanpy.pp.pca or "
                "with latent_dim"
            )
        raise InputError(
            f"basis: obsm has no {basis!r}, but {listed(list(obsm))}; name one of these, "
            "or make it first, as by scanpy.pp.pca or with latent_dim"
        )
    if keys.adjusted_basis == basis:
        raise InputError(f"adjusted_basis is {basis!r}, the basis itself; give it another name")
    points = dense(obsm[basis] if made is None else made.points, f"obsm[{basis!r}]")
    if points.ndim != 2 or points.dtype.kind not in "fiu":
        raise InputError(f"basis: obsm[{basis!r}] is not a matrix of numbers; name another")
    bad = ~np.isfinite(points).all(axis=1)
    if bad.any():
        raise InputError(
            f"basis: {int(bad.sum())} rows of obsm[{basis!r}] hold NaN or infinite values, the "
            f"first at {adata.obs_names[bad][0]!r}; remove them"
        )
    return points


def components_of(adata: Any, columns: int) -> np.ndarray:
    """``varm["PCs"]``, shape (genes, columns), float64.

    Raises:
        InputError: it is not there, or belongs to another basis.
    """
    if adata.X is None:
        raise InputError("layer: adata has no X to correct; leave out layer")
    if "PCs" not in adata.varm:
        raise InputError(
            f"layer: varm has no 'PCs', but {listed(list(adata.varm)) or 'none'}; scanpy.pp.pca "
            "writes it, or leave out layer"
        )
    components = np.asarray(adata.varm["PCs"], np.float64)
    if components.shape[1] != columns:
        raise InputError(
            f'layer: varm["PCs"] has {components.shape[1]} components, the basis {columns}; give '
            "the basis that belongs to it"
        )
    return components


def _record(flows: dict[str, LatentFlow], keys: dict[str, Any], seed: int) -> dict[str, Any]:
    """What ``uns`` keeps: text, numbers, arrays and None, so that h5ad and zarr can hold it."""
    from gparticles import __version__

    every = list(flows.values())
    return {
        "version": __version__,
        **keys,
        "seed": seed,
        "settings": _settings(every[0]),
        "batches": np.array(list(flows)),
        "outcomes": np.array([flow.outcome for flow in every]),
        "notes": np.array([" ".join(flow.notes) for flow in every]),
        "lipschitz": np.array([flow.latent.lipschitz for flow in every]),
        "history": {name: _padded([f.history[name] for f in every]) for name in every[0].history},
    }


def _settings(flow: LatentFlow) -> dict[str, Any]:
    # the whole move's: of the flow alone, bounds are not known
    return flow.latent.settings | {
        "align": repr(flow.alignment),
        "bounds": flow.bounds and list(flow.bounds),
    }


def _padded(rows: list[np.ndarray]) -> np.ndarray:
    """Shape (batches, steps); NaN after a flow that ended early."""
    table = np.full((len(rows), max(map(len, rows))), np.nan)
    for row, values in zip(table, rows, strict=True):
        row[: len(values)] = values
    return table
