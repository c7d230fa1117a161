"""The basis of an integrated h5ad, kept so that later samples can be brought into it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gparticles.checks import dense, known_labels
from gparticles.errors import InputError
from gparticles.flow.saving import read_arrays, read_record, write_arrays, write_record
from gparticles.integration.genes import mean_and_largest
from gparticles.tables.table import listed, without_missing

RECORD = "basis.json"
# rows by which it is seen whether the basis is a projection of X, and by how much it may differ
_ROWS, _SLACK = 200, 1e-3
# of X, that are looked at at once
_ENTRIES = 2**24


@dataclass(frozen=True, kw_only=True)
class GeneProjection:
    """z = (x - c) W of the genes that count: what a PCA's basis is of X.

    Attributes:
        genes: their names.
        centre, loadings: c (genes,) and W (genes, k), data units.
        largest: value of X, by which another scale is noticed.
    """

    genes: tuple[str, ...]
    centre: np.ndarray
    loadings: np.ndarray
    largest: float

    def __call__(self, adata: Any, name: object) -> np.ndarray:
        """The basis of other samples, shape (n, k), whatever the order of their genes.

        Raises:
            InputError: a gene that counts is not among theirs, or twice; no X, or NaN in it.
        """
        if adata.X is None:
            raise InputError(f"{name}: has no X to bring into the components; give it")
        lacking = sorted(set(self.genes) - set(adata.var_names))
        if lacking:
            raise InputError(
                f"{name}: var_names lack {len(lacking)} of the {len(self.genes)} genes that the "
                f"components need, {listed(lacking)}; give them, named as in the first file"
            )
        index = adata.var_names.get_indexer_for(self.genes)
        if len(index) > len(self.genes):
            twice = adata.var_names[adata.var_names.duplicated()]
            named = next(gene for gene in self.genes if gene in set(twice))
            raise InputError(f"{name}: two genes are called {named!r}; rename or average them")
        rows = max(1, _ENTRIES // len(self.genes))
        parts = (adata.X[begin : begin + rows] for begin in range(0, adata.n_obs, rows))
        points = [(dense(part)[:, index] - self.centre) @ self.loadings for part in parts]
        return self._finite(np.concatenate(points), adata, name)

    def _finite(self, points: np.ndarray, adata: Any, name: object) -> np.ndarray:
        bad = ~np.isfinite(points).all(axis=1)
        if bad.any():
            raise InputError(
                f"{name}: X of {int(bad.sum())} samples holds NaN or infinite values, the first of "
                f"{adata.obs_names[bad][0]!r}; fill or remove them"
            )
        return points


@dataclass(frozen=True, kw_only=True)
class Basis:
    """Where a flow of an h5ad began.

    Attributes:
        keys: of ``gparticles.integration.annotated.Keys``, by name.
        size: its columns.
        projection: from genes to it; None where it is none of X, as ``why`` says.
    """

    keys: dict[str, Any]
    size: int
    projection: GeneProjection | None
    why: str = ""

    def save(self, folder: Path) -> None:
        """Writes ``basis.json`` and ``basis.safetensors`` into a folder."""
        record: dict[str, Any] = {"keys": self.keys, "size": self.size, "why": self.why}
        if self.projection is not None:
            p = self.projection
            arrays = {"centre": p.centre, "loadings": p.loadings}
            checksum = write_arrays(folder / "basis.safetensors", arrays)
            kept = {"genes": p.genes, "largest": p.largest, "checksum": checksum}
            record |= {"projection": kept}
        write_record(folder / RECORD, record)


def load_basis(folder: Path) -> Basis:
    """Reads what ``Basis.save`` wrote.

    Raises:
        InputError: it is missing or damaged.
    """
    record = read_record(folder / RECORD)
    try:
        projection, kept = None, record.get("projection")
        if kept is not None:
            arrays = read_arrays(folder / "basis.safetensors", kept["checksum"])
            projection = GeneProjection(
                genes=tuple(kept["genes"]),
                centre=arrays["centre"],
                loadings=arrays["loadings"],
                largest=kept["largest"],
            )
        known = {name: record[name] for name in ("keys", "size", "why")}
        return Basis(projection=projection, **known)
    except (KeyError, TypeError) as error:
        raise InputError(f"{folder}: damaged {RECORD} ({error}); integrate again") from None


def basis_of(adata: Any, keys: dict[str, Any]) -> Basis:
    """The basis of an integrated object; with the projection that made it, where X still shows it.

    Args:
        adata: an ``anndata.AnnData``.
        keys: the arguments of ``gparticles.integrate`` that name places.
    """
    points = dense(adata.obsm[keys["basis"]]).astype(np.float64)
    projection, why = _projection(adata, points)
    return Basis(keys=keys, size=points.shape[1], projection=projection, why=why)


def _projection(adata: Any, points: np.ndarray) -> tuple[GeneProjection | None, str]:
    if adata.X is None or "PCs" not in adata.varm:
        return None, "the first file has no X or no PCs in varm"
    loadings = dense(adata.varm["PCs"]).astype(np.float64)
    if loadings.shape[1] != points.shape[1]:
        return None, "the PCs in varm of the first file are not those of the basis"
    rows = np.unique(np.linspace(0, len(points) - 1, _ROWS).astype(int))
    values = dense(adata.X[rows]).astype(np.float64)
    mean, largest = mean_and_largest(adata)
    slack = _SLACK * points.std()
    for centre in (mean, np.zeros_like(mean)):
        if np.abs((values - centre) @ loadings - points[rows]).max() <= slack:
            used = np.flatnonzero(loadings.any(axis=1))
            genes = adata.var_names[used]
            if genes.has_duplicates:
                twice = genes[genes.duplicated()][0]
                return None, f"two genes of the first file are called {twice!r}"
            named = tuple(map(str, genes))
            return GeneProjection(
                genes=named, centre=centre[used], loadings=loadings[used], largest=largest
            ), ""
    return None, "the basis is not the projection of the first file's X onto its PCs"


def column_of(adata: Any, name: str, what: str) -> np.ndarray:
    """A column of ``obs`` as text, "" where it is missing, shape (n,).

    Missing are also words that stand for it in files, such as "nan" and "NA", since whoever made
    text of a column made words of its gaps.

    Raises:
        InputError: there is no such column; those that there are get listed.
    """
    columns = list(adata.obs.columns)
    if name not in columns:
        several = "join them into one column and name it"
        mend = several if isinstance(name, list) else "name one of these"
        raise InputError(f"{what}: obs has no column {name!r}, but {listed(columns)}; {mend}")
    if columns.count(name) > 1:
        raise InputError(f"{what}: several columns of obs are called {name!r}; rename them")
    column = adata.obs[name]
    labels, known = known_labels(np.asarray(column), len(column), what)
    # whole numbers beside gaps are floats there
    text = labels if np.asarray(column).dtype.kind == "f" else np.asarray(column.astype(str))
    # few different ones, however many cells there are
    values, index = np.unique(np.where(known, text.astype(str), ""), return_inverse=True)
    return without_missing(values)[index]
