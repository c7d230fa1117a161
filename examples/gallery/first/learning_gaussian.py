"""
Learning a Gaussian
===================

The first example of the method's authors: 200 points of N((10, 10), 0.25 I) learn N(0, I) in the
plane from 200 points of it.
"""

# %%
# The two clouds lie far apart, so that the ratio of their densities is of no use. Under a
# Lipschitz bound the particles move all the same, each at a speed of at most L.

import matplotlib.pyplot as plt
import numpy as np

import gparticles as gpa
from gparticles import plots
from gparticles.data import gaussian
from gparticles.evaluate.wasserstein import w2

source = gaussian(200, mean=10.0, std=0.5, seed=1)
target = gaussian(200, seed=0)
flow = gpa.transport(source, target, f=gpa.KL(), lipschitz=1.0, steps=500, seed=0)

# %%
# Where they go, and how fast
# ---------------------------
#
# At first phi is a ramp, and everything moves at full speed. Near the target it becomes a valley.

figure, rows = plt.subplots(2, 2, figsize=(10, 8), layout="constrained")
for row, step in zip(rows, (0, 60), strict=True):
    plots.speed_field(row[0], flow, step=step)
    plots.level_sets(row[1], flow, step=step)
plt.show()

# %%
# The divergence falls
# --------------------
#
# Along the exact flow the divergence falls at a rate of twice the kinetic energy. Drawn is the
# value that the network of each step reaches: a lower bound, which follows the divergence as well
# as the fit keeps up.

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
plots.history_curve(left, flow.history["time"], flow.history["divergence"])
left.set_title("divergence (nats)")
plots.scatter(right, flow.particles, target)
plt.show()

# %%
# Has it learned the Gaussian?
# ----------------------------
#
# The particles should be as near to unseen points as other unseen points are.

unseen, fresh = gaussian(200, seed=2), gaussian(200, seed=3)
for name, cloud in (("source", source), ("particles", flow.particles), ("fresh points", fresh)):
    print(f"W2 of the {name} to unseen points: {w2(cloud, unseen).value:.2f}")
mean, spread = flow.particles.mean(axis=0), flow.particles.std(axis=0)
print("mean", np.round(mean, 2), "standard deviation", np.round(spread, 2))
