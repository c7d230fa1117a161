"""Flows of arrays and tables that Dask holds in blocks: nothing is computed until it is asked for.

A flow is a function of blocks of rows, so a cluster, a queue and a retry are Dask's to give.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from gparticles.errors import InputError

Move = Callable[..., np.ndarray]


def is_lazy(points: Any) -> bool:
    """Whether it is an array or a table of Dask's."""
    return type(points).__module__.partition(".")[0] in ("dask", "dask_expr")


def over_blocks(move: Move, points: Any, labels: Any = None) -> Any:
    """What moves points, applied to every block of rows when Dask computes the result.

    Args:
        move: takes points (k, *event) and, where there are labels, these; a pickle goes to workers.
        points: a ``dask.array`` (n, *event), or a ``dask.dataframe`` of numeric columns.
        labels: a ``dask.array`` (n,) in the same blocks, or an array; None for a flow without.

    Returns:
        The same kind of collection, with the same blocks, columns and index.

    Raises:
        InputError: a table with labels, or labels in other blocks.
    """
    import dask.array as da

    if hasattr(points, "map_partitions") and not isinstance(points, da.Array):
        if labels is not None:
            raise InputError(
                "labels: give a dask.array of the numeric columns with them, such as "
                "frame[columns].to_dask_array(lengths=True)"
            )
        return points.map_partitions(_move_table, move, meta=_float_columns(points._meta))
    # a row is one point: only the first axis may be cut
    whole: Any = dict.fromkeys(range(1, points.ndim), -1)
    rows = points.rechunk(whole)
    kind = rows.dtype if rows.dtype.kind == "f" else np.dtype(np.float64)
    meta = np.empty((0,) * rows.ndim, kind)
    if labels is None:
        return rows.map_blocks(_move_block, move=move, dtype=kind, meta=meta)
    labels = labels if is_lazy(labels) else da.from_array(np.asarray(labels), chunks=rows.chunks[0])
    if labels.chunks[0] != rows.chunks[0]:
        raise InputError("labels: are cut into other blocks than points; rechunk one of them")
    aligned = labels.reshape(-1, *[1] * (rows.ndim - 1))
    return da.map_blocks(_move_block, rows, aligned, move=move, dtype=kind, meta=meta)


def in_parts(make: Callable[..., Any], n: int, parts: int, *, form: Any) -> Any:
    """A ``dask.dataframe`` of n new rows, each part of which is made when Dask computes it.

    Args:
        make: takes how many rows come before, how many there are and the part's number, and returns
            a frame with the index that these have; a pickle goes to workers.
        n: rows.
        parts: of which none is empty.
        form: a frame without rows, of the same columns and dtypes.

    Raises:
        InputError: Dask is not installed.
    """
    try:
        import dask.dataframe as dd
    except ImportError:
        raise InputError(
            "partitions: dask is not installed; pip install 'gparticles[dask]', or leave it out"
        ) from None
    bounds = np.linspace(0, n, min(parts, n) + 1).astype(int).tolist()
    sizes = np.diff(bounds).tolist()
    divisions = (*bounds[:-1], n - 1)
    settings: Any = {"meta": form, "divisions": divisions}
    return dd.from_map(make, bounds[:-1], sizes, range(len(sizes)), **settings)


def _move_block(block: np.ndarray, labels: np.ndarray | None = None, *, move: Move) -> np.ndarray:
    if len(block) == 0:
        return block
    return move(block) if labels is None else move(block, labels.reshape(-1))


def _float_columns(frame: Any) -> Any:
    return frame.astype({c: np.float64 for c, kind in frame.dtypes.items() if kind.kind != "f"})


def _move_table(frame: Any, move: Move) -> Any:
    form = _float_columns(frame)
    if len(frame) == 0:
        return form
    result: Any = move(frame)
    # what is moved by names comes back in its own order
    values = result[list(frame.columns)].to_numpy() if hasattr(result, "columns") else result
    return type(frame)(values, index=frame.index, columns=frame.columns).astype(form.dtypes)
