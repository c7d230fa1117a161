"""
Cohorts whose classes have other shares
=======================================

Without labels a flow moves one law onto the other, shares of classes included. Weights or labels
keep a class a class.
"""

# %%
# Nine tenths of the first cohort are cases, a third of the second. Moved without a word, controls
# would become cases.

import matplotlib.pyplot as plt
import numpy as np

import gparticles as gpa
from gparticles.data import synthetic_expression

made = synthetic_expression((90, 90), genes=300, positive=(0.9, 0.33), effect=4.0, seed=0)
first, second = made.batches == "A", made.batches == "B"
target, source = made.values[first], made.values[second]
classes, target_classes = made.labels[second], made.labels[first]
weights = gpa.class_weights(classes, target_classes)


def error(**options):
    """How far the corrected genes are from the truth."""
    model = gpa.LatentGPA(latent_dim=10).fit(source, target, **options)
    return np.sqrt(np.mean((model.particles_ - made.truth[second]) ** 2))


errors = {
    "not corrected": np.sqrt(np.mean((source - made.truth[second]) ** 2)),
    "no labels": error(),
    "weights": error(source_weights=weights),
    "labels": error(labels=classes, target_labels=target_classes),
}
figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
bars = axes.barh(list(errors), list(errors.values()), color="#0072B2")
axes.bar_label(bars, fmt="%.2f", padding=3)
axes.invert_yaxis()
axes.set(xlabel="root mean square error over all genes", title="Distance to the known truth")
plt.show()
