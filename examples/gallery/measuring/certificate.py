"""
A divergence with a proof
=========================

``gpa.divergence`` computes the divergence of two samples exactly, with a lower and an upper bound,
and says where the first has mass that the second lacks.
"""

import matplotlib.pyplot as plt
import numpy as np

import gparticles as gpa
from gparticles.data import gaussian, two_moons

p, q = gaussian(300, std=0.8, seed=1), two_moons(300, seed=0)
certificate = gpa.divergence(p, q, f=gpa.KL(), lipschitz=5.0)
print(certificate)

# %%
# The potential, a function of points, is high where P has too much mass. Its arrows say where the
# mass would go; on the points of Q, ``density_ratio`` says how much each of them is worth to P.

box = np.linspace(-2.6, 2.6, 80)
grid = np.stack(np.meshgrid(box, box), axis=-1).reshape(-1, 2)
phi = certificate.potential(grid).reshape(80, 80)

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
image = left.contourf(box, box, phi, levels=20, cmap="cividis")
figure.colorbar(image, ax=left, label="phi (nats)")
left.quiver(*p[::3].T, *certificate.velocity[::3].T, color="white", width=0.004)
left.set_title("phi, and the pull on the points of P")
points = right.scatter(*q.T, c=certificate.density_ratio, s=14, cmap="cividis")
figure.colorbar(points, ax=right, label="eta / q")
right.set_title("density ratio on the points of Q")
plt.show()

# %%
# A network finds a part of it, and says a lower bound that its values prove.

estimate = gpa.estimate_divergence(p, q, f=gpa.KL(), lipschitz=5.0, steps=300)
print(f"a network reaches {estimate.value:.3f} and proves {estimate.lower:.3f} nats")
