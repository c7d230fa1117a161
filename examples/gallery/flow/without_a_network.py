"""
The flow without a network
==========================

A network that is fitted along the way adds errors of its own. On a few points the optimal
potential can be computed instead, and the flow's laws show: the divergence never rises, and what
it loses is the kinetic energy.
"""

import matplotlib.pyplot as plt
import numpy as np

import gparticles as gpa
from gparticles import plots
from gparticles.data import gaussian
from gparticles.evaluate.wasserstein import w2

source, target = gaussian(60, mean=3.0, seed=1), gaussian(50, seed=0)


def run(f, lipschitz, **settings):
    """150 steps; smoothing over L is the length over which targets are blurred."""
    smoothing = settings.pop("blur", 1.0) * lipschitz
    potential = gpa.ExactPotential(smoothing=smoothing)
    return gpa.transport(
        source, target, f=f, lipschitz=lipschitz, potential=potential, **({"steps": 150} | settings)
    )


flow = run(gpa.KL(), 0.1)

# %%
# It never rises, and where it ends
# ---------------------------------
#
# With smoothing above 0 the history holds the smoothed divergence, which is not zero where the
# clouds coincide; with smoothing 0 a proven upper bound of the divergence itself. Neither rises.
# But the targets are points, and a particle that has arrived stays there while the next target is
# dearer, L times the way, than what its target is overfull: with a large L most particles end on
# few targets.

flows = {
    (str(f), lipschitz, blur): run(f, lipschitz, blur=blur)
    for f, lipschitz in ((gpa.KL(), 1.0), (gpa.KL(), 0.1), (gpa.Wasserstein1(), 1.0))
    for blur in (1.0, 0.0)
}
for (f, lipschitz, blur), one in flows.items():
    curve = one.history["divergence"]
    nearest = np.linalg.norm(one.particles[:, None] - target, axis=2).argmin(axis=1)
    print(
        f"{f}, L {lipschitz:g}, smoothing {blur * lipschitz:g}: "
        f"D {curve[0]:.2f} to {curve[-1]:.2f} nats, {np.sum(np.diff(curve) > 0)} rises, "
        f"{len(np.unique(nearest))} of 50 targets, W2 {w2(one.particles, target).value:.2f}"
    )

# %%

figure, panels = plt.subplots(2, 3, figsize=(9, 6), layout="constrained")
for axes, (name, one) in zip(panels.T.ravel(), flows.items(), strict=True):
    plots.scatter(axes, one.particles, target)
    axes.set_title(f"{name[0]}, L {name[1]:g}, blur {name[2]:g}")
plt.show()

# %%
# What it loses is the kinetic energy
# -----------------------------------
#
# -dD/dt = E \|v\|^2, twice the kinetic energy, as steps get small.

slow = run(gpa.KL(), 0.1, steps=20, step_size=1e-2)
lost = -np.diff(slow.history["divergence"]) / np.diff(slow.history["time"])
ratio = lost / (2 * slow.history["kinetic_energy"][:-1])
print(f"loss over twice the kinetic energy: {ratio.min():.3f} to {ratio.max():.3f}")

# %%
# New points follow
# -----------------
#
# The smoothed velocity is a function of the point, so that points it has not seen can ride. The
# source itself arrives at the particles, to the last bit.

new = gaussian(200, mean=3.0, seed=2)
moved = flow(new)
same = np.array_equal(flow(source), flow.particles)
print("the source arrives at the particles:", same)
before, after = (w2(points, target).value for points in (new, moved))
print(f"W2 of new points to the target: {before:.2f}, and {after:.2f} once they have ridden")
