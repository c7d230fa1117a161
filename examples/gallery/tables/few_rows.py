"""
From 200 rows to 5000
=====================

``examples/few.csv`` has 200 rows of four measurements. A fifth of them is kept out of sight, to
judge by; the rest is what 5000 new rows are made from.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import gparticles as gpa
from gparticles.data import fitted_gaussian
from gparticles.evaluate.metrics import evaluate
from gparticles.plots import scatter
from gparticles.tables import load

# as a script, as a page of this site, and as a notebook in the folder of few.csv
here = Path(globals().get("__file__", "few.csv")).resolve()
table = load(next(p / "few.csv" for p in here.parents if (p / "few.csv").exists()))
print(len(table.values), "rows of", ", ".join(table.columns))

# %%
# The source is a Gaussian with the rows' mean and covariance. ``scale="columns"`` measures every
# column in its own unit, since a radius and a smoothness have nothing in common. The default of
# 1000 steps would bring the particles closer to the rows; 400 leave some air between them.

order = np.random.default_rng(0).permutation(len(table.values))
held_out, target = table.values[order[:40]], table.values[order[40:]]
source = fitted_gaussian(target, 5000, seed=1)
flow = gpa.transport(source, target, scale="columns", steps=400, seed=0)

figure, axes = plt.subplots(figsize=(6, 4.5), layout="constrained")
scatter(axes, flow.particles[:, :2], target[:, :2], names=table.columns[:2])
plt.show()

# %%
# Is it any good? Every number stands beside its floors: what resampling the 160 rows would give,
# and what these with noise would.

metrics = evaluate(flow.particles, held_out, target=target, each_column=True)
for name in ("w2", "nearest_ratio", "coverage"):
    print(f"{name}: {metrics[name]['value']:.3g}. {metrics[name]['sentence']}")

# %%
# More rows cost nothing: new points of the source ride the stored flow.

more = flow(fitted_gaussian(target, 1000, seed=2))
print(more.shape, "more rows; means", np.round(more.mean(axis=0), 3))
print("means of the rows that were kept out", np.round(held_out.mean(axis=0), 3))

# %%
# On the command line: ``gpa run --target examples/few.csv -n 5000 --validation 0.2``, which also
# writes the rows to a file and a report to look at.
