"""The divergence of two samples with a proof of its accuracy: a lower and an upper bound."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from jax.sharding import Mesh
from numpy.typing import ArrayLike

from gparticles import notebook
from gparticles.checks import check_number, check_points
from gparticles.compiled import make_room
from gparticles.devices import mesh_of
from gparticles.divergence import interior_point
from gparticles.divergence.bounds import Lower, Upper, balanced, lower_bound, upper_bound
from gparticles.divergence.f_divergences import KL, AbstractF
from gparticles.divergence.ground import Ground, check_clouds
from gparticles.divergence.plans import AbstractPlan, DensePlan, SoftPlan
from gparticles.divergence.sinkhorn import mean_cost
from gparticles.divergence.stages import Candidate, iterates
from gparticles.errors import InputError

# costs of the largest problem that is solved to many digits: some 23 float64 arrays of this size,
# 0.8 GB
EXACT_ENTRIES = 2**22
# of L times the diameter: what counts as zero, at the default tolerance
ZERO_SHARE = 1e-6
DEFAULT_TOLERANCE = 1e-3
# below this gap float32 is at its end, and a quadratically convergent method is faster anyway
SINKHORN_GAP = 1e-5
# iterates without a gain of a tenth after which Sinkhorn is given up
PATIENCE = 10


@dataclass(frozen=True, eq=False, repr=False)
class LipschitzExtension:
    """phi(x) = min_j (psi_j + L |x - y_j|): L-Lipschitz on the whole space (McShane 1934).

    Call it with points of shape (k, *event), data units; it returns shape (k,), nats, in float64.
    Its additive constant is such that E_Q f*'(f'(1) + phi) = 1.
    """

    ground: Ground
    psi: np.ndarray
    event: tuple[int, ...]

    @property
    def lipschitz(self) -> float:
        """L in nats per data unit."""
        return self.ground.lipschitz

    def __call__(self, points: ArrayLike) -> np.ndarray:
        return self._ground_of(points).c_transform(self.psi)

    def gradient(self, points: ArrayLike) -> np.ndarray:
        """Its gradient at points (k, *event), nats per data unit; a mean of several where none."""
        ground = self._ground_of(points)
        shares = SoftPlan(ground, self.psi, max(ground.span, 1.0) * np.finfo(float).eps)
        return (self.lipschitz * shares.pull(np.ones(len(self.psi)))).reshape(-1, *self.event)

    def _ground_of(self, points: ArrayLike) -> Ground:
        array = check_points(points, "points")
        if array.shape[1:] != self.event:
            raise InputError(
                f"points have shape {array.shape[1:]}, the clouds' {self.event}; "
                "give the same columns"
            )
        flat = array.reshape(len(array), -1).astype(np.float64)
        return self.ground.at(self.ground.to_unit(flat))

    def __repr__(self) -> str:
        return f"LipschitzExtension(of {len(self.psi)} values, L = {self.lipschitz:g})"


@dataclass(frozen=True, eq=False, repr=False)
class Certificate:
    """The divergence D_f^L(P|Q) of two samples, between two proven bounds.

    Attributes:
        lower, upper: lower <= D <= upper, nats.
        converged: whether the gap is at most the tolerance asked for, or ``upper - lower`` is at
            most a millionth of L times the clouds' diameter.
        potential: the L-Lipschitz function that proves the lower bound, callable at any points.
        density_ratio: eta / q of the intermediate measure that proves the upper bound, shape (n,);
            0 at targets of weight 0, where it may have no mass.
    """

    lower: float
    upper: float
    converged: bool
    tolerance: float
    f: AbstractF
    lipschitz: float
    potential: LipschitzExtension
    density_ratio: np.ndarray
    plan: AbstractPlan
    points: np.ndarray
    rows: np.ndarray

    @property
    def gap(self) -> float:
        """(upper - lower) / upper, and 0 where both are 0."""
        return (self.upper - self.lower) / self.upper if self.upper > 0 else 0.0

    @cached_property
    def velocity(self) -> np.ndarray:
        """-(L / p_i) sum_j pi_ij (x_i - y_j) / |x_i - y_j|, shape (m, *event), nats per data unit.

        Of the plan that proves the upper bound; never longer than L. Points of weight 0 move down
        the potential.
        """
        event = self.points.shape[1:]
        velocity = np.empty((len(self.points), int(np.prod(event))))
        velocity[self.rows] = -self.lipschitz * self.plan.pull(np.ones(len(self.potential.psi)))
        others = np.setdiff1d(np.arange(len(self.points)), self.rows)
        if len(others):
            gradient = self.potential.gradient(self.points[others])
            velocity[others] = -gradient.reshape(len(others), -1)
        return velocity.reshape(self.points.shape)

    def _repr_html_(self) -> str:
        return notebook.html(self, "certificate_html")

    def __repr__(self) -> str:
        ended = "converged" if self.converged else f"not converged to {self.tolerance:g}"
        return (
            f"Certificate({self.lower:.7g} <= D <= {self.upper:.7g} nats, "
            f"gap {self.gap:.1e}, {ended})"
        )


def divergence(
    p: ArrayLike,
    q: ArrayLike,
    *,
    f: AbstractF | None = None,
    lipschitz: float = 1.0,
    p_weights: ArrayLike | None = None,
    q_weights: ArrayLike | None = None,
    tolerance: float = DEFAULT_TOLERANCE,
    devices: int | str | Mesh | None = None,
) -> Certificate:
    """The Lipschitz-regularised f-divergence of two weighted samples, with a certificate.

    D_f^L(P|Q) = sup over L-Lipschitz phi of {E_P phi - inf_nu (nu + E_Q f*(phi - nu))}
               = inf over eta of {D_f(eta|Q) + L W1(P, eta)}

    (Dupuis and Mao 2022, ESAIM: COCV 28; Birrell et al. 2022, J. Mach. Learn. Res. 23(39)). Exact
    on the samples: nothing is trained, and no point is left out. Data are never rescaled.

    Args:
        p: points of P, shape (m, *event).
        q: points of Q, shape (n, *event).
        f: the divergence; ``KL()`` by default.
        lipschitz: L, nats per data unit.
        p_weights, q_weights: shapes (m,) and (n,), not negative; equal by default.
        tolerance: the gap (upper - lower) / upper to reach. Small clouds reach 1e-8.
        devices: over which passes over all pairs split their rows, as ``transport`` takes them;
            of this process. Iterations on the pairs that matter stay on its processor.

    Returns:
        A ``Certificate``. Where the tolerance is not reached its ``converged`` is False, and a
        warning names the gap.

    Raises:
        InputError: points, weights, L or tolerance that cannot be used, or several devices.

    >>> import numpy as np
    >>> divergence(np.zeros((1, 2)), np.array([[3.0, 4.0]]), lipschitz=2.0).upper
    10.0
    """
    f = KL() if f is None else f
    if not isinstance(f, AbstractF):
        raise InputError(f"f is {f!r}: give an object, such as gpa.KL()")
    tolerance = check_number(tolerance, "tolerance")
    mesh = _own_mesh(devices)
    make_room()
    ground, rows, columns = check_clouds(p, q, lipschitz, (p_weights, q_weights))
    ground = replace(ground, mesh=mesh)
    lower, upper = search(f, ground, tolerance)
    points = np.asarray(p)
    ratio = np.zeros(len(np.asarray(q)))
    ratio[columns] = upper.ratio
    width = upper.value - lower.value
    certificate = Certificate(
        lower=float(lower.value),
        upper=float(upper.value),
        converged=bool(width <= max(tolerance * upper.value, ZERO_SHARE * ground.span)),
        tolerance=tolerance,
        f=f,
        lipschitz=ground.lipschitz,
        potential=LipschitzExtension(ground, lower.psi, points.shape[1:]),
        density_ratio=ratio,
        plan=upper.plan.released(),
        points=points,
        rows=rows,
    )
    if not certificate.converged:
        warnings.warn(
            f"the gap reached is {certificate.gap:.2g}, not the tolerance {tolerance:g}: the "
            "bounds hold, the value between them is not known more closely",
            stacklevel=2,
        )
    return certificate


def _own_mesh(devices: Any) -> Mesh | None:
    mesh = mesh_of(devices)
    if mesh is not None and mesh.is_multi_process:
        raise InputError(
            "devices: a certificate is made in one process, and these are of several; leave "
            "devices out, or give a jax.sharding.Mesh of jax.local_devices()"
        )
    return mesh


def search(
    f: AbstractF, ground: Ground, tolerance: float, *, psi: np.ndarray | None = None
) -> tuple[Lower, Upper]:
    """The best bounds of all candidates, until they are as near as wanted.

    Args:
        psi: where small clouds begin, shape (n,), nats; an optimum nearby saves half the steps.
    """
    if ground.span == 0:
        # all points are one: every plan costs nothing
        nothing = np.zeros(len(ground.q))
        return Lower(0.0, nothing), Upper(0.0, nothing + 1, SoftPlan(ground, nothing, 1.0))
    zero = ZERO_SHARE * min(1.0, tolerance / DEFAULT_TOLERANCE) * ground.span
    lower: Lower | None = None
    upper: Upper | None = None
    for candidate in _candidates(f, ground, psi):
        if candidate.bounds is None and candidate.gap > tolerance:
            continue
        below, above = candidate.bounds or (
            lower_bound(f, ground, candidate.psi),
            upper_bound(f, ground, candidate.plan),
        )
        lower = below if lower is None or below.value > lower.value else lower
        upper = above if upper is None or above.value < upper.value else upper
        width = upper.value - lower.value
        # a narrow gap around a value that is not zero is no reason to stop: L may be large
        if width <= tolerance * upper.value or upper.value <= zero:
            break
    if lower is None or upper is None:
        raise RuntimeError("no candidate was examined")
    # two roundings of one number may cross by their last digits
    return lower._replace(value=min(lower.value, upper.value)), upper


def _candidates(f: AbstractF, ground: Ground, psi: np.ndarray | None) -> Iterator[Candidate]:
    psi = np.zeros(len(ground.q)) if psi is None else psi
    exact = len(ground.p) * len(ground.q) <= EXACT_ENTRIES
    if not ground.is_small:
        best = None
        for candidate in _promising(f, ground, give_up_at=SINKHORN_GAP if exact else 0.0):
            best = candidate if best is None or candidate.gap < best.gap else best
            yield candidate
        if best is None:
            best = Candidate(psi, SoftPlan(ground, psi, mean_cost(ground)), 0.0)
        psi = balanced(f, best.psi, ground.q)
        if best.bounds is None:
            yield best._replace(gap=0.0)
    if exact:
        for at in interior_point.iterates(f, ground, psi):
            yield Candidate(at.psi, DensePlan(ground, at.plan), 0.0)


def _promising(f: AbstractF, ground: Ground, *, give_up_at: float) -> Iterator[Candidate]:
    """Iterates of Sinkhorn's iteration for as long as they improve."""
    best, since = float("inf"), 0
    for candidate in iterates(f, ground):
        yield candidate
        since = 0 if candidate.gap < 0.9 * best else since + 1
        best = min(best, candidate.gap)
        if since > PATIENCE or best <= give_up_at:
            return
