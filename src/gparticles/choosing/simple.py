"""Ways to new rows that fit no potential: what a flow has to beat before it is worth its time."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gparticles.checks import check_count, check_seed
from gparticles.data import fitted_gaussian
from gparticles.errors import InputError
from gparticles.evaluate.floors import choose_bandwidth, resampled, smoothed
from gparticles.evaluate.pairwise import squared_distances
from gparticles.tables.codec import TableCodec

NEIGHBOURS = 5
# rows of a leaf, as in synthpop
LEAF = 5


def smoothed_bootstrap(rows: np.ndarray, count: int, *, seed: int = 0) -> np.ndarray:
    """Rows drawn again with the Gaussian noise under which left-out rows are likeliest."""
    bandwidth = choose_bandwidth(rows, seed=seed).value
    return smoothed(rows, count, bandwidth=bandwidth, seed=seed)


def smote(rows: np.ndarray, count: int, *, seed: int = 0) -> np.ndarray:
    """Points between a row and one of its five nearest neighbours, at a uniform share of the way.

    Chawla, Bowyer, Hall and Kegelmeyer 2002, with every row in the place of a minority's.
    """
    generator = np.random.default_rng(seed)
    squared = squared_distances(rows, rows)
    np.fill_diagonal(squared, np.inf)
    near = np.argsort(squared, axis=1, kind="stable")[:, : min(NEIGHBOURS, len(rows) - 1)]
    first = generator.integers(len(rows), size=count)
    second = near[first, generator.integers(near.shape[1], size=count)]
    share = generator.random((count, 1))
    return rows[first] + share * (rows[second] - rows[first])


def gaussian_copula(rows: np.ndarray, count: int, *, seed: int = 0) -> np.ndarray:
    """The Gaussian of the rows' mean and covariance.

    Where columns are normal scores, as a codec of tables gives them, this is the Gaussian copula
    with the columns' own distributions.
    """
    return np.asarray(fitted_gaussian(rows, count, seed=seed), np.float64)


def cart(rows: np.ndarray, count: int, *, seed: int = 0) -> np.ndarray:
    """Column after column from a regression tree on those before, drawn from the leaf's rows.

    Synthpop's method (Reiter 2005; Nowok, Raab and Dibben 2016): the first column is drawn again,
    and every value of the others is that of a row which the tree sends to the same leaf.
    """
    from sklearn.tree import DecisionTreeRegressor

    generator = np.random.default_rng(seed)
    made = np.empty((count, rows.shape[1]))
    made[:, 0] = generator.choice(rows[:, 0], size=count)
    for column in range(1, rows.shape[1]):
        tree = DecisionTreeRegressor(min_samples_leaf=LEAF, random_state=seed % 2**32)
        known = tree.fit(rows[:, :column], rows[:, column]).apply(rows[:, :column])
        made[:, column] = _from_leaves(
            known, rows[:, column], tree.apply(made[:, :column]), generator
        )
    return made


def _from_leaves(
    known: np.ndarray, values: np.ndarray, leaves: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """One of the values whose leaf is the same, for each of the leaves."""
    drawn = np.empty(len(leaves))
    for leaf in np.unique(leaves):
        members = leaves == leaf
        drawn[members] = generator.choice(values[known == leaf], size=int(members.sum()))
    return drawn


def simple_rows(
    frame: Any,
    n: int,
    *,
    way: str,
    columns: Mapping[Any, Any] | None = None,
    ranges: Mapping[Any, Any] | None = None,
    seed: int = 0,
) -> Any:
    """n new rows of a table by one of the simple ways, where a choice says that it wins.

    Args:
        frame: rows to learn from, a DataFrame.
        n: how many.
        way: a name of ``SIMPLE``.
        columns, ranges: as for ``gparticles.Synthesizer``.
        seed: of everything random.

    Returns:
        A DataFrame of the same columns and dtypes, on the same grids and within the same ranges.

    Raises:
        InputError: no such way, or a table that cannot be used.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"size": [1.5, 2.5, 2.1, 1.8] * 3, "kind": ["a", "b", "b", "a"] * 3})
    >>> simple_rows(frame, 5, way="CART").shape
    (5, 2)
    """
    n = check_count(n, "n")
    check_seed(seed)
    if way not in SIMPLE:
        raise InputError(f"way is {way!r}: use one of {', '.join(map(repr, SIMPLE))}")
    # of a column of classes too: none of these ways has a part for each
    kinds = {
        name: "categorical" if kind == "label" else kind for name, kind in (columns or {}).items()
    }
    codec = TableCodec.fit(frame, columns=kinds, ranges=ranges)
    made = SIMPLE[way](codec.encode(frame, seed=seed), n, seed=seed)
    return codec.numbered(codec.decode(np.asarray(made, np.float64)))


SIMPLE: dict[str, Callable[..., np.ndarray]] = {
    "resampling": resampled,
    "smoothed bootstrap": smoothed_bootstrap,
    "SMOTE": smote,
    "Gaussian copula": gaussian_copula,
    "CART": cart,
}
"""The simple ways by their names; each takes (rows, count, *, seed)."""
