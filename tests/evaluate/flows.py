"""Flows made by hand, of particles whose way is known."""

import numpy as np

from gparticles import Flow
from gparticles.flow.scaling import Scaling


def made(trajectory, *, outcome=None, energy=None, held_out=None):
    """A flow whose frames are one step apart; shape (frames, m, *event)."""
    trajectory = np.asarray(trajectory, float)
    steps = len(trajectory) - 1
    falling = np.exp(-np.linspace(0, 8, steps))
    history = {
        "time": 0.5 * np.arange(steps),
        "divergence": falling,
        "kinetic_energy": falling if energy is None else np.asarray(energy, float),
    }
    if held_out is not None:
        history["held_out"] = np.asarray(held_out, float)
    return Flow(
        particles=trajectory[-1],
        history=history,
        trajectory=trajectory,
        trajectory_steps=np.arange(len(trajectory)),
        outcome=outcome or f"took all {steps} steps",
        notes=("a note <i>",),
        lipschitz=1.0,
        certified=True,
        classes=None,
        scaling=Scaling(np.zeros(trajectory.shape[2:]), np.array(1.0), 10.0),
        bounds=None,
        settings={},
    )


def walk(*shape, frames=6, seed=0):
    """Particles of a shape (m, *event) on straight ways from noise to noise further off."""
    generator = np.random.default_rng(seed)
    start, end = generator.random(shape), generator.random(shape) + 2
    share = np.linspace(0, 1, frames).reshape(-1, *[1] * len(shape))
    return (1 - share) * start + share * end
