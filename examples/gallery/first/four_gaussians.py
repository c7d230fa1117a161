"""
Four modes from one
===================

600 points of one Gaussian learn a mixture of four from 200 of its points.
"""

# %%
# No particle crosses a gap that it need not cross: each finds the mode that lacks mass. The strip
# shows the particles (blue) on their way to the target (orange).

import matplotlib.pyplot as plt
import numpy as np

import gparticles as gpa
from gparticles import plots
from gparticles.data import gaussian, gaussian_mixture_grid

target = gaussian_mixture_grid(200, seed=0)
source = gaussian(600, seed=1)
flow = gpa.transport(source, target, steps=400, seed=0)

chosen = np.searchsorted(flow.trajectory_steps, [0, 20, 60, 400])
figure, panels = plt.subplots(1, 4, figsize=(12, 3.2), layout="constrained")
plots.strip(panels, flow.trajectory[chosen], flow.trajectory_steps[chosen], target=target)
figure.suptitle("Particles on their way to four modes")
plt.show()

# %%
# How many particles did each mode get? The target's own shares are not exactly a quarter either.

for name, cloud in (("target", target), ("particles", flow.particles)):
    quadrant = 2 * (cloud[:, 0] > 0) + (cloud[:, 1] > 0)
    print(name, np.round(np.bincount(quadrant, minlength=4) / len(cloud), 3))
