"""How a flow ended, in words: what happened, the likely cause, the remedy."""

import math

import jax
import jax.numpy as jnp

from gparticles.divergence import KL
from gparticles.flow.preparation import Prepared
from gparticles.flow.stepping import State
from gparticles.flow.stopping import HeldOut


def describe(prepared: Prepared, steps: int, state: State, said: str | None) -> str:
    """One sentence on the end of a flow that returned ``steps`` of the steps it took."""
    stop, taken = prepared.problem.stop, int(state.step)
    if said is None and bool(state.stopped) and stop is not None:
        said = f"stopped: {stop.reason()}"
    said = f"took all {taken} steps" if said is None else f"{said} (step {taken})"
    if isinstance(stop, HeldOut) and steps < taken:
        said += f"; the particles are those of step {steps}, the best on the held-out targets"
    return said


def failure(prepared: Prepared, step: int, state: State) -> str:
    """What became non-finite at a step, why that may be, and what helps."""
    finite = all(bool(jnp.all(jnp.isfinite(p))) for p in jax.tree.leaves(state.fit.parameters))
    what = "particles" if finite else "the potential"
    return f"failed at step {step}: {what} became non-finite; {_remedy(prepared)}"


def _remedy(prepared: Prepared) -> str:
    rule = prepared.problem.rule
    if math.isinf(prepared.lipschitz):
        return "without a Lipschitz bound velocities are unbounded: give a finite lipschitz"
    if rule.reverse and math.isfinite(rule.f.domain):
        return "particles may have left the domain of f*: use KL or a smaller step_size"
    if prepared.settings.optimizer is not None:
        return "the fit may have diverged: lower the optimizer's learning rate"
    if isinstance(rule.f, KL):
        return "heavy tails may be the cause: use f=Alpha(2.0), or a smaller step_size"
    return "use a smaller step_size or lipschitz"
