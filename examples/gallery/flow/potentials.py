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

scores = {}
for name, potential in potentials.items():
    flow = gpa.transport(source, target, potential=potential, steps=300)
    scores[name] = w2(flow.particles, unseen).value
    print(f"{name}: {'certified' if flow.certified else 'not certified'}")

figure, axes = plt.subplots(figsize=(7, 2.8), layout="constrained")
bars = axes.barh(list(scores), list(scores.values()), color="#0072B2")
axes.bar_label(bars, fmt="%.2f", padding=3)
axes.invert_yaxis()
axes.set(xlabel="W2 to unseen points", title="300 steps, one seed")
plt.show()

# %%
# One seed says little about which is best; :doc:`/experiments/tight-or-smooth` has more.
