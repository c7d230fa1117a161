"""
Which f?
========

The six divergences of the same two clouds, as one of them moves away: all are finite, and grow
like L times the distance in the end.
"""

import matplotlib.pyplot as plt
import numpy as np

import gparticles as gpa
from gparticles.data import gaussian

kinds = {
    "KL": gpa.KL(),
    "reverse KL": gpa.ReverseKL(),
    "alpha, a = 2": gpa.Alpha(2.0),
    "Jensen-Shannon": gpa.JensenShannon(),
    "squared Hellinger": gpa.SquaredHellinger(),
    "Wasserstein-1": gpa.Wasserstein1(),
}
p, q = gaussian(100, seed=1), gaussian(100, seed=0)
shifts = np.linspace(0, 4, 9)

figure, axes = plt.subplots(figsize=(6.5, 4.2), layout="constrained")
for (name, f), style in zip(kinds.items(), ("-", "--", "-.", ":", "-", "--"), strict=True):
    values = [
        gpa.divergence(p + np.array([shift, 0]), q, f=f, lipschitz=1.0).lower for shift in shifts
    ]
    axes.plot(shifts, values, style, label=name)
axes.set(xlabel="distance of the means", ylabel="divergence (nats)", title="Six f, L = 1")
axes.legend(frameon=False)
plt.show()

# %%
# None is 0 at distance 0: these are divergences of samples, and two samples of one law differ.
# Compare a divergence with that of two samples of the same law.
