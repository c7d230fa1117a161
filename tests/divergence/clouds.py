"""Random weighted clouds, and the divergence between them by formulas of the tests' own."""

from typing import NamedTuple

import numpy as np
from hypothesis import Phase, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.spatial.distance import cdist

import gparticles as gpa

# the same examples every time, and no deadline: the first call may compile
few = settings(
    derandomize=True, deadline=None, max_examples=4, database=None, phases=[Phase.generate]
)


class Clouds(NamedTuple):
    x: np.ndarray
    y: np.ndarray
    p: np.ndarray
    q: np.ndarray
    lipschitz: float

    def certify(self, f, **changes):
        """The certificate of these clouds, or of these with some things changed."""
        tolerance = changes.pop("tolerance", 1e-8)
        x, y, p, q, lipschitz = self._replace(**changes)
        return gpa.divergence(
            x, y, f=f, lipschitz=lipschitz, p_weights=p, q_weights=q, tolerance=tolerance
        )

    def value(self, f, **changes):
        found = self.certify(f, **changes)
        assert 0 <= found.lower <= found.upper
        return (found.lower + found.upper) / 2

    @property
    def costs(self):
        return self.lipschitz * cdist(self.x, self.y)


def weights(rng, n, *, kind):
    """Equal, random, or random with some zeros."""
    if kind == "equal":
        return np.full(n, 1 / n)
    drawn = rng.exponential(size=n) + 0.05
    if kind == "zeros":
        drawn *= rng.random(n) < 0.7
        drawn[rng.integers(n)] = 1.0
    return drawn / drawn.sum()


def make(seed, *, sizes=(6, 5), d=2, lipschitz=1.0, kind="equal", repeated=False):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(sizes[0], d))
    y = 1.5 * rng.normal(size=(sizes[1], d)) + 0.7
    if repeated:
        x, y = (a[rng.integers(0, len(a), len(a))] for a in (x, y))
    p, q = (weights(rng, size, kind=kind) for size in sizes)
    return Clouds(x, y, p, q, lipschitz)


@st.composite
def clouds(draw, *, repeated=True, kinds=("equal", "random", "zeros")):
    """Clouds of 1 to 9 points in 1 to 4 dimensions, L from 0.1 to 10."""
    return make(
        draw(st.integers(0, 2**20)),
        sizes=(draw(st.integers(1, 9)), draw(st.integers(1, 9))),
        d=draw(st.integers(1, 4)),
        lipschitz=10 ** draw(st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0])),
        kind=draw(st.sampled_from(kinds)),
        repeated=repeated and draw(st.booleans()),
    )


def w1(x, y, costs=None, p=None, q=None):
    """W1 of two clouds by the network simplex of POT."""
    import ot

    p = np.full(len(x), 1 / len(x)) if p is None else p
    q = np.full(len(y), 1 / len(y)) if q is None else q
    return float(ot.emd2(p, q, cdist(x, y) if costs is None else costs))


def shift(f, values, q):
    """nu with E_Q f*'(phi - nu) = 1, by bisection in float64 on the points of positive weight."""
    values, q = values[q > 0], q[q > 0]
    if isinstance(f, gpa.Wasserstein1):
        return 0.0

    def excess(nu):
        return q @ np.minimum(f.conjugate_derivative(values - nu), 1e100) - 1

    # at the low end all ratios are at least 1, at the high end at most 1
    low, high = values.min() - f.slope_at_one, values.max() - f.slope_at_one
    return low if low == high else brentq(excess, low - 1e-12, high + 1e-12, xtol=1e-14)


def dual_value(f, at_p, at_q, p, q):
    """E_P phi - inf_nu (nu + E_Q f*(phi - nu)), whatever phi is."""
    nu = shift(f, at_q, q)
    used = q > 0
    return p @ at_p - nu - q[used] @ f.conjugate(at_q[used] - nu)


def energy(c, p):
    """Half the mean squared speed."""
    return float(p @ np.sum(np.reshape(c.velocity, (len(p), -1)) ** 2, axis=1)) / 2
