"""
Beside a GAN
============

A GAN has the same potential, there called critic, and moves the weights of a generator where the
flow moves particles.
"""

# %%
# The three critics differ in how they keep their slope in bounds: by construction, by clipped
# weights, by a penalty. A few hundred steps are few for a GAN, and :doc:`/gan` has longer runs.

import matplotlib.pyplot as plt

import gparticles as gpa
from gparticles.data import gaussian, two_moons
from gparticles.evaluate.wasserstein import w2
from gparticles.plots import scatter

target, unseen = two_moons(200, seed=0), two_moons(400, seed=1)
critics = {
    "Lipschitz": gpa.LipschitzCritic(f=gpa.KL()),
    "clipped": gpa.ClippedCritic(),
    "penalised": gpa.PenalisedCritic(),
}
clouds = {"flow": gpa.transport(gaussian(400, seed=2), target, steps=400).particles}
for name, critic in critics.items():
    gan = gpa.train_gan(target, critic=critic, steps=200, seed=0)
    clouds[f"GAN, {name} critic"] = gan.sample(400, seed=1)

figure, panels = plt.subplots(1, 4, figsize=(13, 3.4), layout="constrained")
for axes, (name, cloud) in zip(panels, clouds.items(), strict=True):
    scatter(axes, cloud, target)
    axes.set_title(f"{name}: W2 {w2(cloud, unseen).value:.2f}")
plt.show()
