"""
The holes of a Sierpinski carpet
================================

Particles learn a fractal from 1000 of its points. Are its holes empty?
"""

# %%
# The source is a Gaussian fitted to the points, a sixth of which lies in the hole in the middle.
# The largest holes are learnt; the smallest are smaller than the distance between the points.

import matplotlib.pyplot as plt

import gparticles as gpa
from gparticles.data import fitted_gaussian, in_sierpinski_holes, sierpinski
from gparticles.plots import scatter

target = sierpinski(1000, seed=0)
source = fitted_gaussian(target, 1000, seed=1)
flow = gpa.transport(source, target, steps=400, seed=0)

figure, axes = plt.subplots(figsize=(5.5, 5.5), layout="constrained")
scatter(axes, flow.particles, target)
axes.set_title("Particles and the carpet's points")
plt.show()

# %%
# ``level=1`` asks for the one hole in the middle, ``level=2`` for the eight around it as well.

for level in (1, 2, 3):
    before, after = (in_sierpinski_holes(x, level=level).mean() for x in (source, flow.particles))
    print(
        f"in holes down to level {level}: {before:.3f} of the source, {after:.3f} of the particles"
    )
