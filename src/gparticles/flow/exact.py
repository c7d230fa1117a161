"""The flow without a network: what the user asks for, and what its steps tell.

Deterministic, and for small data: every step solves the dual problem of the particles where they
are. With smoothing e > 0 the velocity is a softmax function of the point, so new points can ride;
with e = 0 it is that of an exact plan, whose rows split, so they cannot.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox as eqx
import numpy as np

from gparticles.checks import check_number
from gparticles.divergence import KL, AbstractF
from gparticles.errors import InputError
from gparticles.flow.integrators import Euler
from gparticles.flow.recording import Store
from gparticles.flow.stopping import AbstractStop, HeldOut


class ExactPotential(eqx.Module):
    """Asks ``transport`` for the flow without a network.

    Targets are points: with a large L, particles that have reached one stay there although others
    are empty, since going on costs L times the way. A smaller L reaches more of them.

    Attributes:
        smoothing: e of the entropic smoothing, nats; the potential then is
            -e log sum_j q_j exp(-(psi_j + L |x - y_j|) / e), and the smoothed divergence never
            increases along the flow. 0 for the exact plan: then the certified upper bound never
            increases, and new points cannot ride.
    """

    smoothing: float = eqx.field(static=True, default=1.0)

    def __post_init__(self) -> None:
        given = self.smoothing
        number = isinstance(given, (int, float, np.integer, np.floating))
        if isinstance(given, bool) or not number or not 0 <= given < math.inf:
            raise InputError(
                f"smoothing is {given!r}: it must be a finite number of nats, 0 or above"
            )
        self.smoothing = float(given)


class Cloud(NamedTuple):
    """The fixed side of the problem in working units, float64."""

    targets: np.ndarray
    source_weights: np.ndarray
    target_weights: np.ndarray


class Report(NamedTuple):
    """What a step tells of the particles before it moved them."""

    divergence: float
    kinetic_energy: float
    mean_speed: float
    max_speed: float


@dataclass(frozen=True)
class Wishes:
    """The arguments of ``transport`` that a flow without a network can use."""

    f: AbstractF
    lipschitz: float
    smoothing: float
    steps: int | None
    step_size: Any
    bounds: Any
    scale: Any
    stop: AbstractStop | None
    store: Store
    seed: int


_NEEDS_A_NETWORK = {
    "reverse": "moves along D(source|target) only",
    "fit_steps": "fits no network",
    "optimizer": "fits no network",
    "batch_size": "needs all points at once",
    "labels": "knows no classes; run one flow per class",
    "target_labels": "knows no classes; run one flow per class",
    "checkpoint": "keeps no checkpoint",
}


def wishes_of(given: Mapping[str, Any]) -> Wishes:
    """The arguments of ``transport``, by name, that a flow without a network can use.

    Raises:
        InputError: one that needs a network is given, or one cannot be used.
    """
    for name, reason in _NEEDS_A_NETWORK.items():
        if given[name] is not None and given[name] is not False:
            raise InputError(f"{name}: ExactPotential {reason}; leave {name} out")
    if not isinstance(given["integrator"], (Euler, type(None))):
        raise InputError(
            "integrator: ExactPotential takes Euler steps that are cut where they would "
            "overshoot; leave integrator out"
        )
    if isinstance(given["stop"], HeldOut):
        raise InputError("stop: ExactPotential holds nothing out; use gpa.KineticEnergy()")
    f, lipschitz = given["f"], given["lipschitz"]
    wishes = Wishes(
        f=KL() if f is None else f,
        lipschitz=1.0 if lipschitz is None else check_number(lipschitz, "lipschitz"),
        smoothing=float(given["potential"].smoothing),
        store=Store() if given["store"] is None else given["store"],
        **{name: given[name] for name in ("steps", "step_size", "bounds", "scale", "stop", "seed")},
    )
    kinds = {"f": (AbstractF, "gpa.KL()"), "stop": (AbstractStop, "gpa.KineticEnergy()")}
    for name, (kind, example) in {**kinds, "store": (Store, "gpa.Store()")}.items():
        value = getattr(wishes, name)
        if value is not None and not isinstance(value, kind):
            raise InputError(f"{name} is {value!r}: give an object, such as {example}")
    return wishes
