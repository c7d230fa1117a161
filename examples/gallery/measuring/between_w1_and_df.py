"""
L lies between W1 and the f-divergence
======================================

For small L the divergence over L is the Wasserstein-1 distance; for large L the divergence is the
f-divergence, infinite where P has mass and Q has none.
"""

# %%
# ``sweep`` computes the divergence for many L at once, with bounds for each. The two samples share
# most of their points, so that the f-divergence is finite: as L grows the curve settles at it.

import matplotlib.pyplot as plt
import numpy as np

import gparticles as gpa
from gparticles.data import gaussian
from gparticles.divergence.sweep import sweep
from gparticles.plots import divergence_sweep

q = gaussian(150, seed=0)
p = q[np.concatenate([np.arange(100), np.random.default_rng(1).integers(0, 50, 50)])]
shared = sweep(p, q, f=gpa.KL(), lipschitz=np.geomspace(1e-2, 1e3, 16))
print(f"W1 = {shared.w1:.4f}, D_f = {shared.d_f:.4f} nats")

figure, axes = plt.subplots(figsize=(6.5, 4.2), layout="constrained")
divergence_sweep(axes, shared.as_dict())
plt.show()

# %%
# Two samples of a law share no point. Then D_f is infinite, and only a bound on the slope makes
# the number finite: this is why the flow has an L.

apart = sweep(gaussian(150, mean=1.0, seed=2), q, f=gpa.KL(), lipschitz=np.geomspace(1e-2, 1e3, 16))
print(f"W1 = {apart.w1:.4f}, D_f = {apart.d_f}")
for slope, value in zip(apart.lipschitz[::3], apart.divergence[::3], strict=True):
    print(f"L = {slope:8.2f}: D = {value:.4g} nats, D / L = {value / slope:.4g}")
