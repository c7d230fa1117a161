"""``gpa transform`` of an h5ad: later samples along a flow of ``gpa integrate``."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from gparticles.checks import check_points
from gparticles.errors import InputError
from gparticles.experiment.folder import RunFolder
from gparticles.integration.annotated import components_of
from gparticles.integration.basis import RECORD, Basis, column_of, dense, load_basis
from gparticles.integration.genes import changed, mean_and_largest
from gparticles.integration.h5ad import opened_h5ad, write_h5ad
from gparticles.outputs import whole
from gparticles.tables.cohorts import scale_warnings
from gparticles.tables.table import listed


def transform_h5ad(
    folder: RunFolder, path: Path, out: Path, *, label_column: str | None = None
) -> Path:
    """Carries an h5ad's samples along the flow of a batch that they are like, and writes another.

    The basis is that of the integration: X is projected onto the components that were kept with
    the flow. Where none were, ``obsm`` must hold the basis. What is written is as of
    ``gparticles.integrate``: ``obsm``, ``uns["gparticles"]`` and the layer, if that had one.

    Args:
        folder: of a flow of ``gpa integrate`` of an h5ad.
        path: the samples' file.
        out: where to, an .h5ad.
        label_column: of ``obs``; for a flow with labels that of the integration by default.

    Raises:
        InputError: another kind of flow, a basis, genes or labels that are not there.
    """
    flow = folder.flow()
    if not (folder.path / "flow" / RECORD).exists():
        raise InputError(
            f"{folder}: its flow moves tables, not an h5ad; write X with its genes' names as a csv"
        )
    if out.suffix.lower() != ".h5ad":
        raise InputError(f"{out}: an .h5ad comes out as one; let its name end in .h5ad")
    basis = load_basis(folder.path / "flow")
    keys = basis.keys
    adata = opened_h5ad(path)
    points = _points(adata, basis, path)
    labels = None
    if flow.classes is not None:
        name = label_column or keys["labels_key"]
        labels = column_of(adata, name, f"{path}, --label-column")
    moved = flow(points, labels)
    change = moved.astype(np.float64) - points
    if keys["layer"] is not None:
        adata.layers[keys["layer"]] = _genes(adata, basis, change)
    adata.obsm[keys["adjusted_basis"]] = moved
    adata.uns["gparticles"] = _record(folder, keys)
    with whole(out) as temporary:
        write_h5ad(adata, temporary, keys)
    return out


def _record(folder: RunFolder, keys: dict[str, Any]) -> dict[str, Any]:
    from gparticles import __version__

    return {"version": __version__, "flow": str(folder), **keys}


def _points(adata: Any, basis: Basis, path: Path) -> np.ndarray:
    name = basis.keys["basis"]
    if basis.projection is not None:
        points = basis.projection(adata, path).astype(np.float32)
        if name in adata.obsm and not _alike(dense(adata.obsm[name]), points):
            warnings.warn(
                f"{path}: obsm[{name!r}] is not in the components of the integration, which "
                "were made from X and take its place",
                stacklevel=2,
            )
        ours, theirs = basis.projection.largest, mean_and_largest(adata)[1]
        for line in scale_warnings({"the integrated file": ours, str(path): theirs}):
            warnings.warn(line, stacklevel=2)
        adata.obsm[name] = points
        return points
    if name not in adata.obsm:
        raise InputError(
            f"{path}: obsm has no {name!r}, but {listed(list(adata.obsm)) or 'nothing'}, and it "
            f"cannot be made from X, since {basis.why}; bring the samples into it as the first ones"
        )
    points = check_points(dense(adata.obsm[name]), f"{path}, obsm[{name!r}]")
    if points.shape[1:] != (basis.size,):
        raise InputError(
            f"{path}: obsm[{name!r}] has shape {points.shape}, the flow's basis {basis.size} "
            "columns; bring the samples into it as the first ones"
        )
    warnings.warn(
        f"{path}: obsm[{name!r}] is taken as it is; it must be in the coordinates of the "
        "integration, and not a basis of these samples' own",
        stacklevel=2,
    )
    return points


def _alike(theirs: np.ndarray, ours: np.ndarray) -> bool:
    return theirs.shape == ours.shape and bool(
        np.abs(theirs - ours).max() <= 1e-2 * max(float(ours.std()), 1e-12)
    )


def _genes(adata: Any, basis: Basis, change: np.ndarray) -> np.ndarray:
    if basis.projection is None:
        return changed(adata, change, components_of(adata, basis.size))
    loadings = np.zeros((adata.n_vars, basis.size))
    index = adata.var_names.get_indexer_for(basis.projection.genes)
    loadings[index] = basis.projection.loadings
    return changed(adata, change, loadings)
