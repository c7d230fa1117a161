"""
Cohorts whose classes have other shares
=======================================

A flow moves one law onto the other, shares of classes included. Weights or labels keep a class a
class; without them it can be estimated which samples correspond.
"""

# %%
# Nine tenths of the first cohort are cases, a third of the second. If nothing is said, controls
# become cases.

import matplotlib.pyplot as plt
import numpy as np

import gparticles as gpa
from gparticles.data import synthetic_expression

made = synthetic_expression((90, 90), genes=300, positive=(0.9, 0.33), effect=4.0, seed=0)
first, second = made.batches == "A", made.batches == "B"
target, source = made.values[first], made.values[second]
classes, target_classes = made.labels[second], made.labels[first]
weights = gpa.class_weights(classes, target_classes)


def error(overlap=None, **options):
    """How far the corrected genes are from the truth."""
    model = gpa.LatentGPA(latent_dim=10, overlap=overlap).fit(source, target, **options)
    return np.sqrt(np.mean((model.particles_ - made.truth[second]) ** 2))


errors = {
    "not corrected": np.sqrt(np.mean((source - made.truth[second]) ** 2)),
    "nothing said": error(),
    "overlap estimated": error(overlap=gpa.Overlap()),
    "weights": error(source_weights=weights),
    "labels": error(labels=classes, target_labels=target_classes),
}
figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
bars = axes.barh(list(errors), list(errors.values()), color="#0072B2")
axes.bar_label(bars, fmt="%.2f", padding=3)
axes.invert_yaxis()
axes.set(xlabel="root mean square error over all genes", title="Distance to the known truth")
plt.show()

# %%
# The estimate, which is the default, tells apart what stands apart, such as kinds of cells
# (:doc:`/integration-measured`). Here, where two classes of one disease overlap, it gains nothing,
# and only labels or weights do.
