"""
What the potential looks like
=============================

On a line the potential can be drawn. It rises where P has more mass than Q, and nowhere faster
than L.
"""

import matplotlib.pyplot as plt
import numpy as np

import gparticles as gpa
from gparticles.data import gaussian

p, q = gaussian(200, dim=1, mean=1.5, seed=1), gaussian(200, dim=1, seed=0)
line = np.linspace(-4, 6, 400)[:, None]

figure, panels = plt.subplots(1, 3, figsize=(12, 3.4), layout="constrained")
for axes, lipschitz in zip(panels, (0.5, 2.0, 10.0), strict=True):
    certificate = gpa.divergence(p, q, f=gpa.KL(), lipschitz=lipschitz)
    phi = certificate.potential(line)
    axes.plot(line, phi - phi.mean(), color="#0072B2")
    # the potential that no bound holds back is the logarithm of the ratio of the densities
    axes.plot(line, 1.5 * line - 1.5**2 / 2 - phi.mean(), color="#666666", linestyle=":")
    axes.set(title=f"L = {lipschitz:g}, D = {certificate.lower:.2f} nats", xlabel="x")
panels[0].set_ylabel("phi (nats)")
plt.show()

# %%
# With L = 0.5 the bound decides nearly everywhere, and phi is a ramp: the divergence is close to L
# times the Wasserstein-1 distance. With L = 2 the potential follows the logarithm of the ratio of
# the densities (dotted), whose slope is 1.5 here. With L = 10 it bends to every single point: the
# samples are told apart and not their laws.
#
# A network may be any function of bounded slope. ``lipschitz_bound`` computes from its weights a
# number that its slope never exceeds.

for name, network in (("tight", gpa.tight_mlp(1)), ("smooth", gpa.smooth_mlp(1))):
    estimate = gpa.estimate_divergence(p, q, lipschitz=2.0, potential=network, steps=300)
    slope = estimate.potential.lipschitz_bound()
    print(f"{name}: {estimate.value:.3f} nats, slope at most {slope:.6f}")
