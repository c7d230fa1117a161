"""How strongly columns go together, whatever their kinds: one matrix for numbers and kinds."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

# of the largest singular value of a column's coordinates; less is rounding
_NEGLIGIBLE = 1e-9


def associations(cells: Sequence[np.ndarray]) -> np.ndarray:
    """The matrix of pairwise associations of columns, shape (k, k), between -1 and 1.

    With U and V orthonormal bases of two columns' centred coordinates (ranks of numbers, or
    indicators of kinds), |U^T V| / sqrt(min(dim U, dim V)) in the Frobenius norm: Spearman's
    correlation of two numbers, with its sign; the correlation ratio of ranks for a number and
    kinds; Cramer's V of two columns of kinds. Constant columns have none, 0.

    Args:
        cells: columns of one length, of numbers (NaN where there is none) or of text.
    """
    bases = [_basis(column) for column in cells]
    matrix = np.eye(len(bases))
    for i, one in enumerate(bases):
        for j, other in enumerate(bases[:i]):
            product, dim = one.T @ other, min(one.shape[1], other.shape[1])
            strength = min(float(np.linalg.norm(product)) / np.sqrt(max(dim, 1)), 1.0)
            # only two numbers have a direction
            numbers = cells[i].dtype.kind == cells[j].dtype.kind == "f"
            sign = -1.0 if numbers and product.sum() < 0 else 1.0
            matrix[i, j] = matrix[j, i] = sign * strength
    return matrix


def _basis(column: np.ndarray) -> np.ndarray:
    """Orthonormal columns that span what the centred column spans, shape (n, r)."""
    if column.dtype.kind == "f":
        known = np.isfinite(column)
        ranks = np.zeros(len(column))
        # an empty cell is at the middle, where it says nothing
        ranks[known] = rankdata(column[known]) - (known.sum() + 1) / 2
        length = float(np.linalg.norm(ranks))
        return (ranks / length)[:, None] if length > 0 else np.zeros((len(column), 0))
    indicators = (column[:, None] == np.unique(column)).astype(np.float64)
    left, sizes, _ = np.linalg.svd(indicators - indicators.mean(axis=0), full_matrices=False)
    return left[:, sizes > _NEGLIGIBLE * max(sizes.max(initial=0.0), 1.0)]


class DifferingPair(NamedTuple):
    """Two columns, by their positions, and their associations in two tables."""

    first: int
    second: int
    real: float
    new: float


def differing_pairs(real: np.ndarray, new: np.ndarray, *, most: int = 6) -> list[DifferingPair]:
    """The pairs of columns whose associations differ most, the largest difference first."""
    rows, columns = np.triu_indices(len(real), 1)
    order = np.argsort(-np.abs(real - new)[rows, columns], kind="stable")[:most]
    return [
        DifferingPair(int(i), int(j), float(real[i, j]), float(new[i, j]))
        for i, j in zip(rows[order], columns[order], strict=True)
    ]
