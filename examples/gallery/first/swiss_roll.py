"""
A Swiss roll from 200 points
============================

2000 particles learn the Swiss roll, a rolled-up sheet in three dimensions, from 200 of its points.
"""

# %%
# The source is a wide Gaussian. Nothing is set but the seed: units, step size, network and number
# of steps are the defaults.

import matplotlib.pyplot as plt
import numpy as np

import gparticles as gpa
from gparticles.data import gaussian, swiss_roll
from gparticles.evaluate.wasserstein import w2
from gparticles.plots import scatter

target = swiss_roll(200, seed=0)
source = gaussian(2000, dim=3, std=3.0, seed=1)
flow = gpa.transport(source, target, seed=0)

figure, axes = plt.subplots(figsize=(6, 5.5), subplot_kw={"projection": "3d"})
axes.view_init(elev=9, azim=-80)
scatter(axes, flow.particles, target, names=("x1", "x2", "x3"))
plt.show()

# %%
# More particles need no other fit: new points of the source ride the stored potentials.

more = flow(gaussian(1000, dim=3, std=3.0, seed=2))

# %%
# Is that any good? At these sizes two samples of one distribution are far apart too, so the
# distance stands beside that of other fresh points, and beside what costs nothing: the 200 points
# drawn again.

unseen, fresh = swiss_roll(1000, seed=3), swiss_roll(1000, seed=4)
again = target[np.random.default_rng(5).integers(len(target), size=1000)]
for name, cloud in (("new particles", more), ("targets resampled", again), ("fresh", fresh)):
    print(f"W2 to 1000 unseen points: {w2(cloud, unseen).value:.2f} ({name})")
