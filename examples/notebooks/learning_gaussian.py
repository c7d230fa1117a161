# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Learning a Gaussian
#
# The first example of the reference implementation of H. Gu, P. Birmpa, Y. Pantazis,
# L. Rey-Bellet and M. A. Katsoulakis: 200 points of N((10, 10), 0.25 I) learn N(0, I) in the plane
# from 200 points of it. Both clouds are far apart, so that the ratio of their densities is of no
# use; under a Lipschitz bound the particles still move, each at a speed of L at most.

# %%
import numpy as np
from matplotlib.figure import Figure

import gparticles as gpa
from gparticles import plots
from gparticles.data import gaussian
from gparticles.evaluate.wasserstein import w2

source = gaussian(200, mean=10.0, std=0.5, seed=1)
target = gaussian(200, seed=0)
flow = gpa.transport(source, target, f=gpa.KL(), lipschitz=1.0, steps=500, seed=0)
flow  # noqa: B018

# %% [markdown]
# ## Where they go, and how fast
#
# At first phi is a ramp, and everything moves at full speed. Near the target it becomes a valley.

# %%
figure = Figure(figsize=(10, 8), layout="constrained")
for row, step in zip(figure.subplots(2, 2), (0, 60), strict=True):
    plots.speed_field(row[0], flow, step=step)
    plots.level_sets(row[1], flow, step=step)
figure  # noqa: B018

# %% [markdown]
# ## The divergence falls
#
# Along the exact flow D_L falls at a rate of twice the kinetic energy. Drawn is the value that the
# network of each step reaches: a lower bound, which follows D_L as well as the fit keeps up.

# %%
figure = Figure(figsize=(9, 3.4), layout="constrained")
left, right = figure.subplots(1, 2)
plots.history_curve(left, flow.history["time"], flow.history["divergence"])
left.set_title("divergence (nats)")
plots.scatter(right, flow.particles, target)
figure  # noqa: B018

# %% [markdown]
# ## Has it learned the Gaussian?
#
# The particles should be as near to unseen points as other unseen points are.

# %%
unseen, fresh = gaussian(200, seed=2), gaussian(200, seed=3)
for name, cloud in (("source", source), ("particles", flow.particles), ("fresh points", fresh)):
    print(f"W2 of the {name} to unseen points: {w2(cloud, unseen).value:.2f}")
mean, spread = flow.particles.mean(axis=0), flow.particles.std(axis=0)
print("mean", np.round(mean, 2), "standard deviation", np.round(spread, 2))
