"""
An f of your own
================

The triangular discrimination of Le Cam, f(x) = (x - 1)^2 / (x + 1), in forty lines: the flow and
the certified divergence take it as they take their own.
"""

# %%
# f is written once, for NumPy (certificates) and JAX (fitting); ``library`` says which of them an
# argument belongs to. The excess is s = y - f'(1), here y itself, since f'(1) = 0. From f'(x) = 1
# - 4 / (x + 1)^2 = y follow x = 2 / (1 - y)^(1/2) - 1 and f*(y) = 3 - y - 4 (1 - y)^(1/2) where x
# >= 0, that is for y >= -3; below that the best x is 0, and f*(y) = -f(0) = -1.

import math

import matplotlib.pyplot as plt
import numpy as np

import gparticles as gpa
from gparticles.data import gaussian, two_moons
from gparticles.divergence.abstract_f import AbstractF, as_values, library, where_inside
from gparticles.plots import scatter


class LeCam(AbstractF):
    """Triangular discrimination: f(x) = (x - 1)^2 / (x + 1)."""

    @property
    def slope_at_one(self):
        return 0.0

    @property
    def domain(self):
        return 1.0

    def __call__(self, x):
        x = as_values(x)
        return where_inside(x >= 0, x, lambda t: (t - 1) ** 2 / (t + 1), math.inf)

    def derivative(self, x):
        return 1 - 4 / (as_values(x) + 1) ** 2

    def curvature(self, x):
        return 8 / (as_values(x) + 1) ** 3

    def conjugate(self, y):
        return self.excess_conjugate(as_values(y))

    def excess_conjugate(self, s):
        inner = where_inside(s < 1, 1 - library(s).maximum(s, -3.0), lambda t: t, math.nan)
        # 3 - s - 4 (1 - s)^(1/2) without cancellation near s = 0
        root = inner**0.5
        value = (1 - inner) * (3 - root) / (1 + root)
        return library(s).where(s < 1, value, math.inf)

    def excess_derivative(self, s):
        ratio = where_inside(s < 1, 1 - s, lambda t: 2 / t**0.5 - 1, math.inf)
        return library(s).maximum(ratio, 0.0)

    def excess_curvature(self, s):
        curvature = where_inside(s < 1, 1 - s, lambda t: t**-1.5, math.inf)
        return library(s).where(s > -3, curvature, 0.0)

    def excess_at(self, log_ratio):
        # 1 - 4 / (x + 1)^2 = (x - 1)(x + 3) / (x + 1)^2
        xp = library(log_ratio)
        x = xp.exp(log_ratio)
        return xp.expm1(log_ratio) * (x + 3) / (x + 1) ** 2


# %%
# Does it fit together? The conjugate's definition says so: f*(y) = sup over x of x y - f(x).

f, x = LeCam(), np.linspace(0, 60, 600_001)
for y in (-5.0, -1.0, 0.0, 0.5, 0.9):
    print(f"f*({y:+.1f}) = {float(f.conjugate(y)):+.5f}, by search {np.max(x * y - f(x)):+.5f}")

# %%
# The divergence lies between its bounds, and particles move.

p, q = gaussian(300, seed=1), two_moons(200, seed=0)
print(gpa.divergence(p, q, f=f, lipschitz=2.0))
flow = gpa.transport(p, q, f=f, steps=300)

figure, axes = plt.subplots(figsize=(5.5, 4), layout="constrained")
scatter(axes, flow.particles, q)
axes.set_title("Particles moved by an f of our own")
plt.show()
