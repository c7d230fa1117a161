"""Ways to new rows of a table that studies/tables.py compares: frame in, frame out.

Those of MATRIX are given the same codec as gparticles (normal scores, indicators, and back), so
that units, grids and ranges do not decide between them; the packages of OTHERS get the frame, or
numbers where they take nothing else.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from gparticles.choosing import DEFAULT
from gparticles.choosing.simple import NEIGHBOURS, SIMPLE
from gparticles.evaluate.pairwise import squared_distances
from gparticles.synthesizer import Synthesizer
from gparticles.tables.codec import TableCodec

Method = Callable[..., Any]


def through_codec(make: Callable[..., np.ndarray]) -> Method:
    """A method of points, shape (n, k), for frames."""

    def method(frame: Any, count: int, *, seed: int) -> Any:
        codec = TableCodec.fit(frame)
        points = codec.encode(frame, seed=seed)
        return codec.decode(np.asarray(make(points, count, seed=seed), np.float64))

    return method


def chosen(frame: Any, count: int, *, seed: int) -> Any:
    """What a user gets: the way that held-out rows choose."""
    return Synthesizer(seed=seed).fit(frame).sample(count)


def default(frame: Any, count: int, *, seed: int) -> Any:
    """The fixed default, without a choice."""
    return Synthesizer(seed=seed, potential=DEFAULT).fit(frame).sample(count)


def manifold_parzen(points: np.ndarray, count: int, *, seed: int) -> np.ndarray:
    """Rows drawn again with Gaussian noise of the covariance of their neighbours.

    Vincent and Bengio 2003, with hard neighbourhoods of 2 k rows and no noise besides.
    """
    generator = np.random.default_rng(seed)
    squared = squared_distances(points, points)
    near = np.argsort(squared, axis=1)[:, 1 : 2 * NEIGHBOURS + 1]
    drawn = generator.integers(len(points), size=count)
    steps = points[near[drawn]] - points[drawn][:, None]
    noise = generator.standard_normal((count, near.shape[1])) / np.sqrt(near.shape[1])
    return points[drawn] + np.einsum("nk,nkd->nd", noise, steps)


def closed_form_diffusion(points: np.ndarray, count: int, *, seed: int) -> np.ndarray:
    """The smoothed score of the rows themselves, followed from noise.

    Scarvelis, Saez de Ocariz Borde and Solomon 2023 (arXiv 2310.12395): the velocity is the mean
    of the optimal one at M = 2 places that differ by noise of 0.3 spreads, so that new rows end as
    means of two rows, and are no copies.
    """
    draws, steps, smoothing = 2, 50, 0.3
    generator = np.random.default_rng(seed)
    middle, spread = points.mean(axis=0), points.std(axis=0)
    units = np.where(spread > 0, spread, 1.0)
    rows = (points - middle) / units
    at = generator.standard_normal((count, points.shape[1]))
    noise = generator.standard_normal((draws, *at.shape)) * smoothing
    for step in range(steps):
        t = step / steps
        velocity = np.zeros_like(at)
        for shift in noise:
            squared = squared_distances(at + shift, t * rows)
            exponents = -squared / (2 * (1 - t) ** 2)
            shares = np.exp(exponents - exponents.max(axis=1, keepdims=True))
            shares /= shares.sum(axis=1, keepdims=True)
            velocity += (shares @ rows - at) / (1 - t) / draws
        at = at + velocity / steps
    return middle + units * at


MATRIX: dict[str, Callable[..., np.ndarray]] = {
    **SIMPLE,
    "manifold Parzen": manifold_parzen,
    "closed-form diffusion": closed_form_diffusion,
}


def smote_nc(frame: Any, count: int, *, seed: int) -> Any:
    """imbalanced-learn's SMOTE, or SMOTENC where there are kinds, with all rows in one class."""
    import pandas
    from imblearn.over_sampling import SMOTE, SMOTENC

    filled, kinds = _filled(frame)
    # it makes rows of one class until the classes are as given, and asks for another class
    rows = pandas.concat([filled, filled.iloc[:1]], ignore_index=True)
    classes = np.array([1] * len(filled) + [0])
    wanted = {"sampling_strategy": {1: len(filled) + count, 0: 1}, "random_state": seed}
    if not kinds:
        made, origin = SMOTE(**wanted).fit_resample(rows, classes)
    else:
        made, origin = SMOTENC(kinds, **wanted).fit_resample(rows, classes)
    new = made[origin == 1].iloc[len(filled) :]
    return new.reset_index(drop=True)[list(frame.columns)]


def tvae(frame: Any, count: int, *, seed: int) -> Any:
    return _ctgan("TVAE", frame, count, seed)


def ctgan(frame: Any, count: int, *, seed: int) -> Any:
    return _ctgan("CTGAN", frame, count, seed)


def _ctgan(name: str, frame: Any, count: int, seed: int) -> Any:
    import ctgan as package
    import torch

    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the package draws from it
    filled, kinds = _filled(frame)
    model = getattr(package, name)(enable_gpu=False)
    model.fit(filled, kinds)
    return model.sample(count)


def gaussian_copulas(frame: Any, count: int, *, seed: int) -> Any:
    """The package copulas, which takes numbers only."""
    from copulas.multivariate import GaussianMultivariate

    model = GaussianMultivariate(random_state=seed)
    model.fit(_numbers_only(frame))
    return model.sample(count)


def forest_diffusion(frame: Any, count: int, *, seed: int) -> Any:
    """ForestDiffusion with 10 noise levels and 20 copies, which is less than its defaults."""

    def make(rows: np.ndarray, kinds: list[int]) -> np.ndarray:
        from ForestDiffusion import ForestDiffusionModel

        model = ForestDiffusionModel(
            rows, n_t=10, duplicate_K=20, cat_indexes=kinds, int_indexes=[], n_jobs=1, seed=seed
        )
        return model.generate(batch_size=count)

    return _by_codes(frame, make)


def _filled(frame: Any) -> tuple[Any, list[str]]:
    """Without missing cells, which most packages refuse: a kind of its own, or the median."""
    kinds = [c for c in frame.columns if not _is_number(frame[c])]
    columns = {
        c: frame[c].astype(str).where(frame[c].notna(), "missing")
        if c in kinds
        else frame[c].astype(float).fillna(frame[c].astype(float).median())
        for c in frame.columns
    }
    return type(frame)(columns), kinds


def _is_number(series: Any) -> bool:
    return series.dtype.kind in "iuf"


def _numbers_only(frame: Any) -> Any:
    filled, kinds = _filled(frame)
    if kinds:
        raise ValueError("it takes numbers only")
    return filled


def _by_codes(frame: Any, make: Callable[..., np.ndarray]) -> Any:
    """A method of numbers, some of which are codes of kinds, for frames."""
    filled, kinds = _filled(frame)
    levels = {c: sorted(filled[c].unique()) for c in kinds}
    coded = filled.assign(**{c: filled[c].map(levels[c].index).astype(float) for c in kinds})
    made = make(coded.to_numpy(float), [list(frame.columns).index(c) for c in kinds])
    new = type(frame)(np.asarray(made, float), columns=frame.columns)
    for c in kinds:
        codes = np.clip(np.rint(np.nan_to_num(new[c])), 0, len(levels[c]) - 1).astype(int)
        new[c] = [levels[c][code] for code in codes]
    return new


OTHERS: dict[str, Method] = {
    "SMOTE-NC (imbalanced-learn)": smote_nc,
    "TVAE": tvae,
    "copulas": gaussian_copulas,
    "ForestDiffusion, small": forest_diffusion,
    "CTGAN": ctgan,
}
OURS: dict[str, Method] = {"gparticles, chosen": chosen, "gparticles, default": default}
METHODS: dict[str, Method] = {
    **OURS,
    **{name: through_codec(make) for name, make in MATRIX.items()},
    **OTHERS,
}
"""By name; each takes (frame, count, *, seed)."""
