"""
A class for every particle
==========================

With labels there is one potential for each class, on shared features, and every particle moves
onto the points of its own class.
"""

import matplotlib.pyplot as plt
import numpy as np

import gparticles as gpa
from gparticles.data import gaussian, two_moons_labelled

target, moons = two_moons_labelled(200, seed=0)
source = gaussian(600, seed=1)
labels = np.arange(600) % 2
flow = gpa.transport(source, target, labels=labels, target_labels=moons, steps=400, seed=0)

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained", sharex=True)
for axes, cloud, classes, title in (
    (left, target, moons, "target: 200 labelled points"),
    (right, flow.particles, labels, "600 particles, by their label"),
):
    for label, colour in enumerate(("#0072B2", "#D55E00")):
        axes.scatter(
            *cloud[classes == label].T, s=8, c=colour, linewidths=0, label=f"class {label}"
        )
    axes.set_title(title)
left.legend(frameon=False)
plt.show()

# %%
# New points need a label too, and follow the potential of their class.

more = flow(gaussian(4, seed=2), labels=[0, 0, 1, 1])
print(np.round(more, 2))
