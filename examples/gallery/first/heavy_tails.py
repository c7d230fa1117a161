"""
Heavy tails: distances by their logarithms
==========================================

Student's t with one and a half degrees of freedom has no variance. ``scale="log"`` brings its tail
near.
"""

# %%
# No particle is faster than L, so that a point a thousand spreads away is out of reach in the
# usual units. ``scale="log"`` counts distances from the centre by their logarithms; all else is
# the same.

import matplotlib.pyplot as plt
import numpy as np

import gparticles as gpa
from gparticles.data import gaussian, student_t

target = student_t(1000, dof=1.5, seed=0)
source = gaussian(1000, seed=1)
flows = {scale: gpa.transport(source, target, scale=scale, steps=400) for scale in ("auto", "log")}

figure, axes = plt.subplots(figsize=(6.5, 4.2), layout="constrained")
clouds = {"target": target} | {f'scale="{name}"': flow.particles for name, flow in flows.items()}
for (name, cloud), colour in zip(clouds.items(), ("#D55E00", "#666666", "#0072B2"), strict=True):
    radius = np.sort(np.linalg.norm(cloud, axis=1))
    axes.loglog(radius, 1 - np.arange(len(radius)) / len(radius), color=colour, label=name)
axes.set(xlabel="distance r from the centre", ylabel="share of points beyond r", xlim=(0.1, None))
axes.set_title("How far the tails reach")
axes.legend(frameon=False)
plt.show()

# %%
# The tail in numbers: the distance that one point in a hundred exceeds.

for name, cloud in clouds.items():
    print(f"{name}: {np.quantile(np.linalg.norm(cloud, axis=1), 0.99):.1f}")
