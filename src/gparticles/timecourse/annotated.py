"""Time courses in an AnnData object, by scanpy's conventions."""

from typing import Any

import numpy as np

from gparticles.checks import dense, plain_array
from gparticles.errors import InputError
from gparticles.timecourse.clock import read_times
from gparticles.timecourse.course import Trajectory, late_classes, trajectory
from gparticles.timecourse.curves import Columns, Curves, curves

RECORD, GROWTH = "gpa_trajectory", "gpa_growth"


def integrate_times(
    adata: Any,
    key: str,
    *,
    basis: str = "X_pca",
    velocity_basis: str = "X_gpa_velocity",
    fates_key: str | None = None,
    seed: int = 0,
    **settings: Any,
) -> Trajectory:
    """One velocity field through the snapshots of an AnnData object, written into it.

    Writes ``obsm[velocity_basis]``, each cell's velocity at its own time, per unit of the times;
    ``obs["gpa_growth"]``, its descendants beside the mean of its snapshot (NaN in the last);
    ``uns["gpa_trajectory"]`` (settings, version, times, what the field leaves unexplained); and,
    where asked, ``obsm["X_gpa_fates"]``, a column for each late class, whose names are in ``uns``.
    Touches nothing else, and writes nothing if it refuses.

    Args:
        adata: an ``anndata.AnnData``.
        key: the column of ``obs`` with the times: numbers, or text such as "12h" or "day 2".
        basis: the key in ``obsm`` of the representation, shape (n, d).
        velocity_basis: the key in ``obsm`` to write.
        fates_key: a column of ``obs`` with classes, of which those of the last time count.
        seed, settings: as for ``gparticles.trajectory``.

    Returns:
        The trajectory, for ``gene_curves`` and everything else that can be asked of it.

    Raises:
        InputError: anything that cannot be used, in one line that names the mend.
    """
    if not hasattr(adata, "obsm"):
        raise InputError(f"adata is a {type(adata).__name__}; give an anndata.AnnData")
    points = entry_of(adata, "obsm", basis)
    times = column_of(adata, key, "key")
    labels = None if fates_key is None else column_of(adata, fates_key, "fates_key")
    if labels is not None:
        clock, _ = read_times(times, len(times))
        late_classes(labels, clock == clock.max())
    course = trajectory(points, times, seed=seed, **settings)
    fates = None if labels is None else course.fates(labels)
    velocity = np.empty(np.shape(points), course.dtype)
    for snapshot in course.snapshots:
        velocity[snapshot.rows] = course.velocity(snapshot.points, snapshot.time)
    adata.obsm[velocity_basis] = velocity
    adata.obs[GROWTH] = course.growth
    adata.uns[RECORD] = _record(course, key, basis)
    if fates is not None:
        adata.obsm["X_gpa_fates"] = fates.probabilities
        adata.uns[RECORD]["fates"] = fates.classes.astype(str)
    return course


def gene_curves(
    adata: Any, course: Trajectory, genes: Any, *, group: Any = None, times: Any = None
) -> Curves:
    """Expression of genes over continuous time, for a group of cells, with a band over cells.

    x(t) = x + (z(t) - z) PCs^T with PCs = ``varm["PCs"]``, for a course in the PCA of X as it
    stands: what the components do not hold of a cell stays with it.

    Args:
        adata: that the course was made of.
        course: from ``integrate_times``.
        genes: their names.
        group: a mask or row numbers of cells; those of the first snapshot by default.
        times: at which; evenly over the course by default.

    Raises:
        InputError: no such gene, no components, or those of another basis.
    """
    names = [genes] if isinstance(genes, str) else [str(gene) for gene in genes]
    if not names:
        raise InputError("genes: give the name of one or more")
    counts = adata.var_names.value_counts()
    for name in names:
        if counts.get(name, 0) == 0:
            raise InputError(f"genes: var_names have no {name!r}; name some of theirs")
        if counts[name] > 1:
            raise InputError(f"genes: {counts[name]} genes are called {name!r}; rename them")
    if adata.X is None:
        raise InputError("genes: adata has no X, which holds their expression; give it")
    count = sum(len(snapshot.rows) for snapshot in course.snapshots)
    if adata.n_obs != count:
        raise InputError(
            f"course: is of {count} cells, adata of {adata.n_obs}; give the one that it was made of"
        )
    components = entry_of(adata, "varm", "PCs")
    width = course.snapshots[0].points.shape[1]
    if components.shape[1] != width:
        raise InputError(
            f'genes: varm["PCs"] has {components.shape[1]} components, the course {width} columns; '
            "make the course in the basis that belongs to them"
        )
    index = adata.var_names.get_indexer(names)
    values = dense(adata.X[:, index]).astype(np.float64)
    loadings = components[index].astype(np.float64)
    return curves(course, Columns(tuple(names), values, loadings), group=group, times=times)


def entry_of(adata: Any, where: str, key: str) -> np.ndarray:
    """``obsm[key]`` or ``varm[key]`` as an array."""
    held = getattr(adata, where)
    if key not in held:
        others = f", but {', '.join(held)}" if len(held) else ""
        choice = "name one of these (--basis), or " if others and where == "obsm" else ""
        mend = f"{choice}make it by scanpy.pp.pca"
        raise InputError(f"{where} has no {key!r}{others}; {mend}")
    return plain_array(held[key], f"{where}[{key!r}]")


def column_of(adata: Any, key: str, argument: str) -> Any:
    """``obs[key]``."""
    if key not in adata.obs:
        raise InputError(
            f"{argument}: obs has no {key!r}, but {', '.join(map(str, adata.obs)) or 'none'}; "
            "name one of these"
        )
    return adata.obs[key].to_numpy()


def _record(course: Trajectory, key: str, basis: str) -> dict[str, Any]:
    from gparticles import __version__

    return {
        "version": __version__,
        "key": key,
        "basis": basis,
        "times": course.times,
        "unit": course.unit,
        "unexplained": course.unexplained,
        "divergence": np.stack([leg.divergence for leg in course.legs]),
        "settings": course.settings,
    }
