"""
Two cohorts of one disease
==========================

Two laboratories measure the same 500 genes, each in its own way. One cohort is moved onto the
other, and comes back as genes.
"""

# %%
# The data are made up, so that the truth is known: ``truth`` is what the first laboratory would
# have measured. Both cohorts have two classes, in the same shares.

import matplotlib.pyplot as plt
import numpy as np

import gparticles as gpa
from gparticles.data import synthetic_expression

made = synthetic_expression((80, 60), genes=500, effect=3.0, seed=0)
first, second = made.batches == "A", made.batches == "B"
target, source = made.values[first], made.values[second]

model = gpa.LatentGPA(latent_dim=10).fit(source, target)
corrected = model.particles_
print(corrected.shape, model.flow_.outcome)

# %%
# Seen by the two first principal components of the first cohort, the laboratories come together
# and the classes stay apart.

view = gpa.PCA(latent_dim=2).fit(target)
figure, panels = plt.subplots(
    1, 2, figsize=(9, 3.8), layout="constrained", sharex=True, sharey=True
)
for axes, cloud, title in zip(panels, (source, corrected), ("before", "after"), strict=True):
    for name, points, labels, colour in (
        ("laboratory A", target, made.labels[first], "#D55E00"),
        ("laboratory B", cloud, made.labels[second], "#0072B2"),
    ):
        x, y = np.asarray(view.encode(points)).T
        for label, marker in enumerate("o^"):
            axes.scatter(
                *(v[labels == label] for v in (x, y)),
                s=16,
                c=colour,
                marker=marker,
                linewidths=0,
                alpha=0.7,
                label=f"{name}, class {label}",
            )
    axes.set_title(title)
panels[0].legend(frameon=False, fontsize=8)
plt.show()

# %%
# Genes, and not only components: how far every gene is from what the first laboratory would have
# measured.

for name, cloud in (("before", source), ("after", corrected)):
    error = np.sqrt(np.mean((cloud - made.truth[second]) ** 2))
    print(f"root mean square error over all genes, {name}: {error:.2f}")

# %%
# Later samples of the second laboratory ride the same flow.

later = model.transform(source[:5])
print(later.shape)
