"""
Integrators
===========

Particles step by Euler's rule unless you say otherwise. Finer rules cost more evaluations of the
velocity for every step.
"""

import matplotlib.pyplot as plt

import gparticles as gpa
from gparticles.data import gaussian, gaussian_mixture_circle
from gparticles.evaluate.wasserstein import w2

target, unseen = gaussian_mixture_circle(200, seed=0), gaussian_mixture_circle(300, seed=1)
source = gaussian(300, seed=2)
rules = {
    "Euler": (gpa.Euler(), 240),
    "Euler, cooling down": (gpa.Euler(), 240),
    "Heun": (gpa.Heun(), 120),
    "RK4": (gpa.RK4(), 60),
    "Adams-Bashforth 2": (gpa.AdamsBashforth(2), 240),
    "Adams-Bashforth-Moulton 2": (gpa.AdamsBashforthMoulton(2), 120),
}

# %%
# Every run may evaluate the velocity 240 times, so that a rule with two evaluations takes half the
# steps, each twice as long.

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
for name, (rule, steps) in rules.items():
    size = gpa.Cooldown(0.3) if "cooling" in name else None
    flow = gpa.transport(source, target, integrator=rule, steps=steps, step_size=size, fit_steps=3)
    distance = w2(flow.particles, unseen).value
    way = flow.history["time"], flow.history["divergence"]
    axes.plot(*way, linewidth=1.2, label=f"{name}: {distance:.2f}")
axes.set(xlabel="time", ylabel="divergence, nats", title="At equal cost, one seed")
axes.legend(title="W2 to unseen points", frameon=False)
plt.show()

# %%
# :doc:`/experiments/integrators` has more seeds and step sizes: none is better than Euler at equal
# cost.
