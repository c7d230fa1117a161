"""X of an AnnData object: whole, or of Dask's or in a file, of which blocks of rows are read."""

from typing import Any, NamedTuple

import numpy as np

from gparticles.checks import check_points, dense
from gparticles.errors import InputError
from gparticles.flow.lazily import is_lazy
from gparticles.flow.solution import result_dtype
from gparticles.latent import PCA

# entries of a dense X in float64 that is decomposed whole: 2 GiB
MAX_ENTRIES = 2**28
# entries of a block that is read from a file
BLOCK_ENTRIES = 2**22
# genes whose covariances are held, a few matrices of 200 MiB at once
MOST_GENES = 5000


class Components(NamedTuple):
    """Principal components of X: of the cells, float32 (n, k), and of the genes, (k, genes)."""

    points: np.ndarray
    components: np.ndarray


def is_whole(adata: Any) -> bool:
    """Whether X is in memory."""
    return not (getattr(adata, "isbacked", False) or is_lazy(adata.X))


def lazily(values: Any) -> Any:
    """A ``dask.array`` of dense blocks of whole rows, of which nothing is read yet.

    Raises:
        InputError: Dask is not installed, or rows of the file are not together.
    """
    try:
        import dask.array as da
    except ImportError:
        raise InputError(
            "an X that memory does not hold needs dask, which is not installed; "
            "pip install 'gparticles[dask]', or read X into memory"
        ) from None
    if getattr(values, "format", "csr") != "csr":
        raise InputError(
            "X is stored by genes (csc), of which no rows can be read alone; store it as csr"
        )
    form: Any = {"meta": np.empty((0, 0), values.dtype)}
    if is_lazy(values):
        whole: Any = {1: -1}
        return values.rechunk(whole).map_blocks(dense, dtype=values.dtype, **form)
    form["chunks"] = (max(1, BLOCK_ENTRIES // values.shape[1]), -1)
    return da.from_array(_Rows(values), name=False, lock=True, **form)


class _Rows:
    """A matrix of which rows come dense."""

    ndim = 2

    def __init__(self, values: Any):
        self.values, self.shape, self.dtype = values, tuple(values.shape), values.dtype

    def __getitem__(self, index: Any) -> np.ndarray:
        return dense(self.values[index])


def mean_and_largest(adata: Any) -> tuple[np.ndarray, float]:
    """The genes' means, float64, and the largest value of X."""
    values = adata.X
    if is_whole(adata):
        mean = np.asarray(values.mean(axis=0, dtype=np.float64)).ravel()
        return mean, float(values.max())
    from dask.base import compute

    rows = lazily(values)
    mean, largest = compute(rows.mean(axis=0, dtype=np.float64), rows.max())
    return mean, float(largest)


def largest_by_batch(adata: Any, names: np.ndarray) -> dict[str, float]:
    """The largest value of X in every batch."""
    batches = {str(name): names == name for name in np.unique(names)}
    if is_whole(adata):
        return {name: float(adata.X[rows].max()) for name, rows in batches.items()}
    largest = lazily(adata.X).max(axis=1).compute()
    return {name: float(largest[rows].max()) for name, rows in batches.items()}


def principal(adata: Any, count: int, *, seed: int = 0) -> Components:
    """So many principal components of X, or as many as there are.

    An X that memory does not hold is read three times, for the genes' means, their covariances and
    the components of the cells.

    Raises:
        InputError: NaN in X, or more genes than covariances can be held of.
    """
    if is_whole(adata) and adata.n_obs * adata.n_vars <= MAX_ENTRIES:
        values = check_points(dense(adata.X), "X")
        codec = PCA(count).fit(values, seed=seed)
        assert codec.components is not None
        return Components(codec.encode(values).astype(np.float32), codec.components)
    if adata.n_vars > MOST_GENES:
        raise InputError(
            f"basis: X has {adata.n_vars} genes, and of an X that memory does not hold at most "
            f"{MOST_GENES} can be decomposed; keep those of scanpy.pp.highly_variable_genes, or "
            "name a basis"
        )
    genes = lazily(adata.X).astype(np.float64)
    centre = genes.mean(axis=0).compute()
    if not np.isfinite(centre).all():
        gene = adata.var_names[~np.isfinite(centre)][0]
        raise InputError(f"X holds NaN or infinite values of gene {str(gene)!r}; fill or remove it")
    rows = genes - centre
    components = _leading((rows.T @ rows).compute(), min(count, adata.n_obs - 1, adata.n_vars))
    return Components((rows @ components.T).compute().astype(np.float32), components)


def _leading(squares: np.ndarray, count: int) -> np.ndarray:
    """Eigenvectors of the largest eigenvalues, in rows, signed as those of scikit-learn."""
    from scipy.linalg import eigh

    size = len(squares)
    components = eigh(squares, subset_by_index=[size - count, size - 1])[1].T[::-1]
    # constant genes stay out of all of them, rounding included
    components = components * (squares.diagonal() > 0)
    longest = np.abs(components).argmax(axis=1)[:, None]
    return components * np.sign(np.take_along_axis(components, longest, axis=1))


def changed(adata: Any, change: np.ndarray, components: np.ndarray) -> Any:
    """X + (Z' - Z) PCs^T, dense; where memory does not hold X, a ``dask.array`` not computed yet.

    Args:
        adata: with its X.
        change: Z' - Z, shape (n, k).
        components: PCs, shape (genes, k).
    """
    if is_whole(adata):
        return changed_rows(dense(adata.X), change, components=components)
    import dask.array as da

    rows = lazily(adata.X)
    chunks: Any = (rows.chunks[0], -1)
    moves = da.from_array(change, chunks=chunks)
    kind = result_dtype(rows)
    form: Any = {"dtype": kind, "meta": np.empty((0, 0), kind), "chunks": rows.chunks}
    return da.map_blocks(changed_rows, rows, moves, components=components, **form)


def changed_rows(held: np.ndarray, change: np.ndarray, *, components: np.ndarray) -> np.ndarray:
    """The same of rows in memory; those that do not move come back to the last bit."""
    genes = held.astype(result_dtype(held))
    rows = np.flatnonzero(change.any(axis=1))
    genes[rows] = genes[rows] + change[rows] @ components.T
    return genes
