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

scores = {}
for name, (rule, steps) in rules.items():
    size = gpa.Cooldown(0.3) if "cooling" in name else None
    flow = gpa.transport(source, target, integrator=rule, steps=steps, step_size=size, fit_steps=3)
    scores[name] = w2(flow.particles, unseen).value

figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
bars = axes.barh(list(scores), list(scores.values()), color="#0072B2")
axes.bar_label(bars, fmt="%.2f", padding=3)
axes.invert_yaxis()
axes.set(xlabel="W2 to unseen points", title="At equal cost, one seed")
plt.show()

# %%
# :doc:`/experiments/integrators` has more seeds and step sizes: none is better than Euler at equal
# cost.
