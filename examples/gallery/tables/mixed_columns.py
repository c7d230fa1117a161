"""
A table of mixed columns
========================

344 penguins were measured: species, island, sex, bills in millimetres, bodies in grams, with gaps.
Here are 500 more.
"""

# %%
# ``gpa.Synthesizer`` takes a DataFrame as it is. What comes out has the same columns, kinds,
# categories, grids and ranges. ``potential`` is left at one way here, so that the example takes
# seconds; by default the way is chosen.

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

import gparticles as gpa

# as a script, as a page of this site, and as a notebook in the folder of penguins.csv
here = Path(globals().get("__file__", "penguins.csv")).resolve()
path = next(p for p in (folder / "penguins.csv" for folder in here.parents) if p.exists())
penguins = pd.read_csv(path)
synthesizer = gpa.Synthesizer(seed=0, potential="network").fit(penguins)
new = synthesizer.sample(500)
print(new.head())

# %%
# What the columns were taken for, and which of them are computed from others.

for column, kind in synthesizer.report_["columns"].items():
    print(f"{column}: {kind}")

# %%

figure, panels = plt.subplots(
    1, 2, figsize=(9, 3.8), layout="constrained", sharex=True, sharey=True
)
for axes, frame, title in zip(panels, (penguins, new), ("measured", "new"), strict=True):
    for (species, rows), colour in zip(
        frame.groupby("species"), ("#0072B2", "#D55E00", "#666666"), strict=True
    ):
        axes.scatter(rows["bill_length_mm"], rows["body_mass_g"], s=10, c=colour, label=species)
    axes.set(title=title, xlabel="bill length (mm)")
panels[0].set_ylabel("body mass (g)")
panels[0].legend(frameon=False)
plt.show()

# %%
# Rows that satisfy conditions, and as many of each species.

heavy = synthesizer.sample(50, where={"species": "Adelie", "body_mass_g": (4000, None)})
print(heavy["body_mass_g"].min(), heavy["species"].unique())
print(synthesizer.sample(90, balance="species")["species"].value_counts().to_dict())

# %%
# Where a choice says that a simple way wins, its rows are a call away.

print(gpa.simple_rows(penguins, 3, way="CART", seed=0))
