"""Two files whose points are compared: their numbers, and weights where they have some."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gparticles.errors import InputError
from gparticles.tables import Table, check_same_columns, load

# between the spreads of two columns; beyond it the one hardly counts beside the other
UNEVEN = 10.0
# of the largest value of a column; what varies less is constant
ROUNDING = 1e-12


@dataclass(frozen=True, eq=False, kw_only=True)
class TwoSamples:
    """The points of two files, shapes (m, *event) and (n, *event), with their weights or None."""

    p: np.ndarray
    q: np.ndarray
    p_weights: np.ndarray | None
    q_weights: np.ndarray | None
    names: tuple[str, str]
    warnings: tuple[str, ...]

    @property
    def weights(self) -> dict[str, Any]:
        """As keywords of ``gpa.divergence``."""
        return {"p_weights": self.p_weights, "q_weights": self.q_weights}


def read_two_samples(
    paths: tuple[Path, Path],
    *,
    id_column: str | None = None,
    label_column: str | None = None,
    weights_column: str | None = None,
) -> TwoSamples:
    """Reads two files and checks that their rows mean the same.

    Args:
        paths: of P and of Q.
        id_column, label_column: not part of the points.
        weights_column: nor this; in one file or in both, by its header or its number from 1.

    Raises:
        InputError: what ``gparticles.data.load`` refuses, different columns, or weights that are
            in neither file or nothing but weights in one.
    """
    read = [load(path, id_column=id_column, label_column=label_column) for path in paths]
    parts = [_without_weights(table, weights_column) for table in read]
    (first, one), (second, other) = parts
    if weights_column is not None and one is None and other is None:
        raise InputError(
            f"neither {first.name} nor {second.name} has a column {weights_column!r}; "
            "name it as in the header, or count from 1 where there is none"
        )
    check_same_columns(first, second)
    warnings = (*first.warnings, *second.warnings, *_uneven(first, second))
    return TwoSamples(
        p=first.values,
        q=second.values,
        p_weights=one,
        q_weights=other,
        names=(Path(first.name).name, Path(second.name).name),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _without_weights(table: Table, column: str | None) -> tuple[Table, np.ndarray | None]:
    at = None if column is None or table.values.ndim != 2 else _position(table, column)
    if at is None:
        return table, None
    if table.values.shape[1] == 1:
        raise InputError(f"{table.name}: holds weights only; give the points' columns too")
    columns = table.columns
    if columns is not None:
        columns = (*columns[:at], *columns[at + 1 :])
    weights = table.values[:, at].astype(np.float64)
    return replace(table, values=np.delete(table.values, at, axis=1), columns=columns), weights


def _position(table: Table, column: str) -> int | None:
    if table.columns is not None:
        return table.columns.index(column) if column in table.columns else None
    if column.isdecimal() and 1 <= int(column) <= table.values.shape[1]:
        return int(column) - 1
    return None


def _uneven(first: Table, second: Table) -> Sequence[str]:
    """A line where the spreads of the columns differ so much that some hardly count."""
    if first.values.ndim != 2:
        return ()
    both = np.concatenate([first.values, second.values]).astype(np.float64)
    spreads = both.std(axis=0)
    # a constant that has no exact binary form spreads by rounding
    moving = np.flatnonzero(np.ptp(both, axis=0) > ROUNDING * np.abs(both).max(axis=0))
    if len(moving) < 2:
        return ()
    least, most = moving[spreads[moving].argmin()], moving[spreads[moving].argmax()]
    factor = spreads[most] / spreads[least]
    if not factor > UNEVEN:
        return ()
    names = first.columns or second.columns
    wide, narrow = (f'"{names[k]}"' if names else str(k + 1) for k in (most, least))
    return (
        f"column {wide} spreads {factor:.3g} times as far as column {narrow} and decides the "
        "distances, since nothing is rescaled; divide the columns by units of their own, the same "
        "in both files, if that is not meant",
    )
