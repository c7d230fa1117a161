"""The divergence over L, between the Wasserstein-1 distance and the f-divergence."""

import time
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from scipy.spatial import cKDTree
from study import Found, Study

import gparticles as gpa
from gparticles.data import gaussian, swiss_roll
from gparticles.divergence import AbstractF
from gparticles.divergence.sweep import default_grid, f_divergence
from gparticles.experiment.provenance import stream
from gparticles.plots.style import GREY, tidy

ATOMS, POINTS, POINTS_OF_L = 100, 200, 20
TOLERANCE = 1e-4
FS: dict[str, AbstractF] = {
    "KL": gpa.KL(),
    "reverse KL": gpa.ReverseKL(),
    "alpha 2": gpa.Alpha(2.0),
    "alpha 0.5": gpa.Alpha(0.5),
    "Jensen-Shannon": gpa.JensenShannon(),
    "squared Hellinger": gpa.SquaredHellinger(),
}


class Curve(NamedTuple):
    """Bounds of D for ascending L, and what it tends to."""

    lipschitz: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    w1: float  # from above, data units
    d_f: float
    nearest: float  # mean distance from P to the nearest point of Q, data units

    @property
    def divergence(self) -> np.ndarray:
        """The middle of the bounds, nats."""
        return (self.lower + self.upper) / 2


def measure(seed: int, *, f: AbstractF) -> Found:
    """Two laws on the same points, and two clouds that have none in common."""
    began = time.perf_counter()
    atoms = swiss_roll(ATOMS, seed=stream(seed, "target"))
    masses = np.random.default_rng(seed).dirichlet(np.ones(ATOMS), size=2)
    weights = {"p_weights": masses[0], "q_weights": masses[1]}
    alike = over_l(atoms, atoms, f=f, **weights)
    source = gaussian(POINTS, dim=3, std=3.0, seed=stream(seed, "source"))
    apart = over_l(source, swiss_roll(POINTS, seed=stream(seed, "target")), f=f)
    found = {
        "w1_reached": alike.divergence[0] / (alike.lipschitz[0] * alike.w1),
        "d_f_reached": alike.divergence[-1] / alike.d_f,
        "d_f": alike.d_f,
        "halfway": halfway(alike),
        "w1_reached_apart": apart.divergence[0] / (apart.lipschitz[0] * apart.w1),
        "last_apart": apart.divergence[-1] / (apart.lipschitz[-1] * apart.nearest),
        "against": against(alike) + against(apart),
        "gap": max(((s.upper - s.lower) / s.upper).max() for s in (alike, apart)),
        "seconds": time.perf_counter() - began,
    }
    return Found(found, {"alike": alike, "apart": apart})


def over_l(p: np.ndarray, q: np.ndarray, *, f: AbstractF, **weights: Any) -> Curve:
    """Every L by itself: `gparticles.divergence.sweep` would let one value tighten another's."""
    w1 = gpa.divergence(p, q, f=gpa.Wasserstein1(), tolerance=TOLERANCE, **weights)
    pair = (weights.get("p_weights"), weights.get("q_weights"))
    usual = default_grid(p, q, w1.upper, weights=pair)
    slopes = np.geomspace(usual[0] / 10, usual[-1] * 5, POINTS_OF_L)
    found = [
        gpa.divergence(p, q, f=f, lipschitz=float(slope), tolerance=TOLERANCE, **weights)
        for slope in slopes
    ]
    lower, upper = (
        np.array(values) for values in zip(*((c.lower, c.upper) for c in found), strict=True)
    )
    d_f = f_divergence(p, q, f=f, **weights)
    return Curve(slopes, lower, upper, w1.upper, d_f, float(cKDTree(q).query(p)[0].mean()))


def halfway(found: Curve) -> float:
    """L W1 / D_f where D is half of D_f, by interpolation of the logarithms."""
    at = np.interp(0.5, found.divergence / found.d_f, np.log(found.lipschitz))
    return float(np.exp(at)) * found.w1 / found.d_f


def against(found: Curve) -> int:
    """How many values are certainly above min(L W1, D_f), or break what D and D/L must do."""
    slope, lower, upper = found.lipschitz, found.lower, found.upper
    sure = 1 + 1e-9
    above = lower > sure * np.minimum(slope * found.w1, found.d_f)
    falls = upper[1:] * sure < lower[:-1]
    rises = (lower / slope)[1:] > sure * (upper / slope)[:-1]
    return int(above.sum() + falls.sum() + rises.sum())


def draw(shown: dict[str, list[dict[str, Curve]]]) -> Figure:
    """D over L and D / L over L, for laws on the same points and for clouds apart."""
    page = Figure(figsize=(10, 7.6), layout="constrained")
    axes = page.subplots(2, 2, sharex="col")
    for column, (which, title) in enumerate(
        {"alike": "laws on the same points", "apart": "clouds without a common point"}.items()
    ):
        above, below = axes[:, column]
        for name, sweeps in shown.items():
            found = sweeps[0][which]
            line = above.loglog(found.lipschitz, found.divergence, marker=".", label=name)[0]
            below.semilogx(
                found.lipschitz, found.divergence / found.lipschitz / found.w1, marker="."
            )
            if np.isfinite(found.d_f):
                above.axhline(found.d_f, c=line.get_color(), lw=0.8, ls=":")
        last: Any = next(iter(shown.values()))[0][which]
        low = above.get_ylim()
        above.loglog(last.lipschitz, last.lipschitz * last.w1, c=GREY, ls="--", label="L W1")
        above.set(ylim=low, title=title, ylabel="D, nats")
        below.axhline(1, c=GREY, ls="--")
        if last.nearest > 0:
            below.axhline(last.nearest / last.w1, c=GREY, ls=":", label="nearest points")
            below.legend(frameon=False, fontsize=9)
        below.set(ylim=(0, 1.1), ylabel="D / (L W1)", xlabel="L, nats per data unit")
        for pair in (above, below):
            tidy(pair, grid=True)
    axes[0, 0].legend(frameon=False, fontsize=9)
    return page


def values(r: Any) -> dict[str, Any]:
    def every(score: str) -> list[float]:
        return [v for row in r.rows for v in r.values(row, score)]

    halves, far = [r.of(row, "halfway") for row in r.rows], every("last_apart")
    broken = int(sum(every("against")))
    return {
        "gap": max(every("gap")),
        "w1_least": min(every("w1_reached")),
        "d_f_least": min(every("d_f_reached")),
        "broken": f"{broken} values" if broken else "no value",
        "halves": {0: min(halves), 1: max(halves)},
        "far": {0: min(far), 1: max(far)},
    }


EXPERIMENT = Study({name: partial(measure, f=f) for name, f in FS.items()}, draw)
