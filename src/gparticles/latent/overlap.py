"""Which part of a cloud has a counterpart in another one, found together with the map between."""

import dataclasses

import equinox as eqx
import numpy as np
from scipy.spatial import KDTree

from gparticles.checks import check_number
from gparticles.errors import InputError
from gparticles.latent.alignment import GaussianMap
from gparticles.latent.classes import Grouped

# samples of each cloud that the plan is made of, and the fewest that say anything
POINTS, FEWEST = 600, 10
# the squared distance to a neighbour within a batch is the unit of costs: to the tenth, or that at
# this share of the samples
NEIGHBOUR, NEIGHBOURHOOD = 10, 0.05
# the factor of the plan's entropy in that unit; results hardly depend on it
SMOOTHING = 0.1
# rounds in which the map is a shift, and those in which it is affine
SHIFTS, AFFINE = 15, 10
# what a batch effect stretches or shrinks a direction by at most, as far as the plan is found
GAIN = 1.4
# iterations of Sinkhorn's algorithm in a round, which begins where the last round ended
ITERATIONS, LAST_ITERATIONS = 30, 100
# of what most samples keep: below, a sample has no counterpart
LONELY = 0.1
# and after the shift, to have a say in the affine map
NEAR = 0.25
# rows whose distances are formed at once
_BLOCK = 512
# where exponentials end
_FARTHEST = 500.0


class Overlap(eqx.Module):
    """Estimates which samples of two clouds correspond, where their compositions may differ.

    The plan pi >= 0 between the source, moved by a map T, and the target is that of

        min over pi of <|T x - y|^2, pi> / lambda + KL(pi 1 | p) + KL(pi^T 1 | q),

    smoothed by an entropy: a divergence in which both marginals may be reweighted, as in unbalanced
    optimal transport (Chizat, Peyré, Schmitzer and Vialard 2018). Mass that would travel much
    farther than sqrt(lambda) is left out, at a price of log(1 / share). T is the `GaussianMap` of
    what the plan keeps, at first its shift alone; plan and map are found in turn, once from where
    the clouds are and once from where their means coincide. The start that ends lower is kept, the
    squared length of the shift counted in.

    Args:
        reach: lambda, in squared distances of a sample to a neighbour within its batch, the
            twentieth part of the batch or ten samples away.
        distance_price: of the squared shift over the clouds' variance, in the same unit as costs:
            of two places where a cloud fits about as well, the nearer one is taken.

    Attributes:
        plan: the fitted `Plan`. None before ``fit``, which returns a copy that has it, and where
            there are fewer than ten samples or they coincide, which tells nothing.

    Raises:
        InputError: a number is not above 0.
    """

    reach: float = 0.7
    distance_price: float = 0.1
    plan: "Plan | None" = eqx.field(default=None, kw_only=True)

    def __check_init__(self) -> None:
        check_number(self.reach, "reach")
        check_number(self.distance_price, "distance_price")

    def fit(self, source: Grouped, target: Grouped, *, seed: int = 0) -> "Overlap":
        """The overlap of two clouds of latents without classes; changes nothing in place.

        Args:
            source, target: samples of weight 0 have no say.
            seed: chooses samples where there are many.
        """
        clouds = _few(source, seed), _few(target, seed)
        unit = 0.0
        if min(len(cloud.points) for cloud in clouds) >= FEWEST:
            unit = float(np.mean([_spacing(cloud.points) for cloud in clouds]))
        if not unit > 0:
            return dataclasses.replace(self, plan=None)
        starts = np.zeros(source.points.shape[1]), _gap(*clouds)
        plans = [self._alternated(clouds, unit, start) for start in starts]
        spread = np.mean([cloud.points.var(axis=0).sum() for cloud in clouds])
        costs = [p.objective + self.distance_price * (p.shift @ p.shift) / spread for p in plans]
        return dataclasses.replace(self, plan=plans[int(np.argmin(costs))])

    def __call__(self, latents: np.ndarray) -> np.ndarray:
        """How much is kept of samples like the source's, (n, k) -> (n,): about 1 of most of them.

        Raises:
            InputError: not fitted.
        """
        if self.plan is None:
            raise InputError("Overlap: not fitted; call fit, which returns the fitted one")
        return self.plan.of_source(latents)

    def _alternated(
        self, clouds: tuple[Grouped, Grouped], unit: float, start: np.ndarray
    ) -> "Plan":
        source, scales = clouds[0], (SMOOTHING * unit, self.reach * unit)
        moved, potential = source.points + start, np.zeros(len(clouds[1].points))
        counted = kept = clouds
        for turn in range(SHIFTS + AFFINE):
            plan = _solved(counted, moved, scales, potential=potential, iterations=ITERATIONS)
            if turn == SHIFTS:
                # what a shift brings near nothing must not be bent onto something
                counted = plan.near(clouds)
            potential, kept = plan.potentials[1], plan.kept(counted)
            if turn < SHIFTS:
                moved = source.points + _gap(*kept)
            else:
                moved = _gentle(kept)(source.points, source.index)
        alignment = _gentle(kept)
        plan = _solved(clouds, moved, scales, potential=potential, iterations=LAST_ITERATIONS)
        kept = plan.kept(clouds)
        return dataclasses.replace(
            plan,
            alignment=alignment,
            shift=kept[0].weights @ (moved - source.points),
            objective=plan.objective / unit,
        )

    def __repr__(self) -> str:
        return f"Overlap(reach={self.reach:g}, distance_price={self.distance_price:g})"


class Plan(eqx.Module):
    """A plan between a moved cloud and another, by its potentials, which extend it to new samples.

    Attributes:
        clouds: the moved source and the target that it was found for, shapes (m, k) and (n, k).
        weights: theirs, shapes (m,) and (n,), summing to one.
        potentials: minus the logarithms of the factors that the plan's kernel gets, (m,) and (n,).
        levels: what is kept, as a density, of most samples of source and target.
        smoothing, price: the entropy's factor and lambda, squared latent units.
        objective: of the dual problem, in units of the squared distance to a neighbour.
        alignment: T.
        shift: mean of T x - x over what is kept, shape (k,), latent units.
    """

    clouds: tuple[np.ndarray, np.ndarray]
    weights: tuple[np.ndarray, np.ndarray]
    potentials: tuple[np.ndarray, np.ndarray]
    ratios: tuple[np.ndarray, np.ndarray]
    levels: tuple[float, float]
    smoothing: float
    price: float
    objective: float
    alignment: GaussianMap | None = None
    shift: np.ndarray = eqx.field(default_factory=lambda: np.zeros(0))

    def kept(self, clouds: tuple[Grouped, Grouped]) -> tuple[Grouped, Grouped]:
        """Both clouds with the weights of the plan's marginals, each summing to one."""
        source, target = (
            dataclasses.replace(cloud, weights=normalised(cloud.weights * ratio))
            for cloud, ratio in zip(clouds, self.ratios, strict=True)
        )
        return source, target

    def near(self, clouds: tuple[Grouped, Grouped]) -> tuple[Grouped, Grouped]:
        """Both clouds, without weight where there is no counterpart."""
        source, target = (
            dataclasses.replace(cloud, weights=normalised(cloud.weights * (ratio >= NEAR * level)))
            for cloud, ratio, level in zip(clouds, self.ratios, self.levels, strict=True)
        )
        return source, target

    def of_source(self, latents: np.ndarray) -> np.ndarray:
        """How much is kept of samples like the source's, shape (k,): about 1 of most of them."""
        assert self.alignment is not None
        moved = self.alignment(latents, np.zeros(len(latents), np.int32))
        return self._density(moved, 1) / self.levels[0]

    def of_target(self, latents: np.ndarray) -> np.ndarray:
        """The same of samples like the target's."""
        return self._density(latents, 0) / self.levels[1]

    def cost(self, moved: np.ndarray) -> float:
        """The objective, in squared distances to a neighbour, of a cloud where it was moved to."""
        target = one_class(self.clouds[1], self.weights[1])
        pair = one_class(moved, np.ones(len(moved))), target
        start = np.zeros(len(target.points))
        scales, many = (self.smoothing, self.price), LAST_ITERATIONS
        solved = _solved(pair, moved, scales, potential=start, iterations=many)
        return float(solved.objective * SMOOTHING / self.smoothing)

    def _density(self, points: np.ndarray, other: int) -> np.ndarray:
        """The marginal's density: (K b)^(e / (lambda + e)), with b the other side's factors."""
        factors = self.weights[other] * np.exp(-self.potentials[other])
        blocks = (points[begin : begin + _BLOCK] for begin in range(0, len(points), _BLOCK))
        sums = [
            _kernel(_squares(rows, self.clouds[other]), self.smoothing) @ factors for rows in blocks
        ]
        share = self.smoothing / (self.price + self.smoothing)
        return np.maximum(np.concatenate(sums), 1e-280) ** share


def one_class(points: np.ndarray, weights: np.ndarray) -> Grouped:
    """Points without classes, of weights that sum to one."""
    return Grouped(points, normalised(weights), np.zeros(len(points), np.int32), 1)


def _solved(
    clouds: tuple[Grouped, Grouped],
    moved: np.ndarray,
    scales: tuple[float, float],
    *,
    potential: np.ndarray,
    iterations: int,
) -> Plan:
    """Sinkhorn's algorithm with both marginals relaxed, from the target's potential."""
    source, target = clouds
    (p, q), (smoothing, price) = (source.weights, target.weights), scales
    kernel = _kernel(_squares(moved, target.points), smoothing)
    power, log_b = price / (price + smoothing), -potential
    log_a = np.zeros(len(p))
    for _ in range(iterations):
        log_a = -power * np.log(np.maximum(kernel @ (q * np.exp(log_b)), 1e-280))
        log_b = -power * np.log(np.maximum((p * np.exp(log_a)) @ kernel, 1e-280))
    log_a = -power * np.log(np.maximum(kernel @ (q * np.exp(log_b)), 1e-280))
    # of these factors, a marginal's density is exp(-log a e / lambda)
    ratios = np.exp(-log_a * smoothing / price), np.exp(-log_b * smoothing / price)
    costs = [price * w @ (1 - ratio) for w, ratio in zip((p, q), ratios, strict=True)]
    return Plan(
        clouds=(moved, target.points),
        weights=(p, q),
        potentials=(-log_a, -log_b),
        ratios=ratios,
        levels=(_level(ratios[0]), _level(ratios[1])),
        smoothing=smoothing,
        price=price,
        objective=float(sum(costs) + smoothing * (1 - p @ ratios[0])),
    )


def _level(ratio: np.ndarray) -> float:
    return float(np.quantile(ratio, 0.9))


def _gentle(kept: tuple[Grouped, Grouped]) -> GaussianMap:
    """The Gaussian map, its gains within `GAIN`: beyond, one class would be bent onto another."""
    fitted = GaussianMap().fit(*kept)
    assert fitted.matrix is not None
    values, vectors = np.linalg.eigh(fitted.matrix)
    values = np.clip(values, 1 / GAIN, GAIN)
    return dataclasses.replace(fitted, matrix=(vectors * values) @ vectors.T)


def normalised(weights: np.ndarray) -> np.ndarray:
    """Weights that sum to one."""
    return weights / weights.sum()


def _gap(source: Grouped, target: Grouped) -> np.ndarray:
    return target.weights @ target.points - source.weights @ source.points


def _few(cloud: Grouped, seed: int) -> Grouped:
    """At most `POINTS` samples that have weight, in float64."""
    rows = chosen(cloud.weights, POINTS, seed=seed)
    return one_class(np.asarray(cloud.points[rows], np.float64), cloud.weights[rows])


def chosen(weights: np.ndarray, most: int, *, seed: int) -> np.ndarray:
    """At most so many indices of samples that have weight."""
    rows = np.flatnonzero(weights > 0)
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
    return rows


def _spacing(points: np.ndarray) -> float:
    """The median squared distance to a sample's neighbour."""
    k = min(max(NEIGHBOUR, int(NEIGHBOURHOOD * len(points))), len(points) - 1)
    return float(np.median(np.asarray(KDTree(points).query(points, k=k + 1)[0])[:, -1] ** 2))


def _squares(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    # about one of them, so that a common offset costs no digits
    middle = others[0]
    one, other = points - middle, others - middle
    squares = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)
    squares -= 2 * one @ other.T
    return np.maximum(squares, 0.0, out=squares)


def _kernel(squares: np.ndarray, smoothing: float) -> np.ndarray:
    """exp(-squares / smoothing), in the place of the squares: these are millions."""
    squares /= -smoothing
    return np.exp(np.maximum(squares, -_FARTHEST, out=squares), out=squares)
