"""
Batches in an AnnData object
============================

``gpa.integrate`` moves every batch onto a reference, in place: one embedding for all, and with a
layer the genes too.
"""

# %%
# A small object with two batches. In practice ``adata`` comes from ``anndata.read_h5ad``, and its
# principal components from scanpy; here both are made up.

import anndata
import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import PCA

import gparticles as gpa
from gparticles.data import synthetic_expression
from gparticles.evaluate.mixing import mixing

made = synthetic_expression((90, 70), genes=400, effect=3.0, seed=0)
adata = anndata.AnnData(made.values)
adata.obs["batch"] = made.batches
adata.obs["kind"] = np.where(made.labels == 1, "case", "control")
components = PCA(15, random_state=0).fit(made.values)
adata.obsm["X_pca"] = components.transform(made.values)
adata.varm["PCs"] = components.components_.T

# %%
# One call. Batch A stays as it is; B comes out in ``obsm["X_gpa"]``, and as genes in
# ``layers["corrected"]``. By default it is estimated which cells correspond, and a warning says
# where that is doubtful. Both batches hold the same kinds in the same shares here, so that there is
# nothing to estimate: ``overlap=None``.

gpa.integrate(adata, key="batch", reference="A", overlap=None, layer="corrected")
print(adata)

# %%

figure, panels = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
for axes, basis in zip(panels, ("X_pca", "X_gpa"), strict=True):
    for batch, colour in (("A", "#D55E00"), ("B", "#0072B2")):
        for kind, marker in (("case", "^"), ("control", "o")):
            chosen = ((adata.obs["batch"] == batch) & (adata.obs["kind"] == kind)).to_numpy()
            x, y = adata.obsm[basis][chosen, :2].T
            axes.scatter(x, y, s=16, c=colour, marker=marker, alpha=0.7, label=f"{batch}, {kind}")
    axes.set_title(basis)
panels[0].legend(frameon=False, fontsize=8)
plt.show()

# %%
# How well are the batches mixed, and are the kinds still apart? The ideal of the first is 1; the
# second should not fall.

for basis in ("X_pca", "X_gpa"):
    scores = mixing(adata.obsm[basis], adata.obs["batch"], adata.obs["kind"])
    mixed, apart = (scores[name]["value"] for name in ("neighbour_mixing", "label_silhouette"))
    print(f"{basis}: mixing {mixed:.2f}, silhouette of the kinds {apart:.2f}")

# %%
# On the command line: ``gpa integrate cells.h5ad --batch-key batch --reference A -o corrected.h5ad
# --layer corrected``.
