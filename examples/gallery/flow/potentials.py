"""
Potentials to choose from
=========================

What moves the particles is a network whose slope is bounded by its layers. They differ in how
sharp and how smooth they are.
"""

# %%
# ``LipschitzMLP`` combines layers and activations freely; ``tight_mlp`` and ``smooth_mlp`` are two
# usual choices, and ``soft_mlp`` is bounded by a penalty only, so that nothing about it is
# certified.

import matplotlib.pyplot as plt

import gparticles as gpa
from gparticles.data import gaussian, swiss_roll
from gparticles.evaluate.wasserstein import w2

target, unseen = swiss_roll(150, seed=0), swiss_roll(400, seed=1)
source = gaussian(400, dim=3, std=3.0, seed=2)
potentials = {
    "default": None,
    "tight": gpa.tight_mlp(3, width=32),
    "smooth": gpa.smooth_mlp(3, width=32),
    "soft": gpa.soft_mlp(3, width=32),
    "spectral, ELU": gpa.LipschitzMLP(
        3, width=32, depth=3, layer=gpa.Spectral, activation=gpa.activations.ELU()
    ),
}

size = {"figsize": (11, 3), "sharex": True, "sharey": True, "layout": "constrained"}
figure, panels = plt.subplots(1, len(potentials), **size)
for axes, (name, potential) in zip(panels, potentials.items(), strict=True):
    flow = gpa.transport(source, target, potential=potential, steps=300)
    print(f"{name}: {'certified' if flow.certified else 'not certified'}")
    axes.scatter(*target[:, [0, 2]].T, s=5, c="#D55E00", linewidths=0)
    axes.scatter(*flow.particles[:, [0, 2]].T, s=5, c="#0072B2", linewidths=0)
    axes.set(title=f"{name}: {w2(flow.particles, unseen).value:.2f}", aspect="equal")
plt.show()

# %%
# Particles are blue, the targets that they learn from orange; the numbers are W2 to unseen points.
# One seed says little about which is best; :doc:`/experiments/tight-or-smooth` has more.
