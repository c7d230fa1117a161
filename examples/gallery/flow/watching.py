"""
Watching, stopping and going on
===============================

A callback sees the flow several times a second, a rule may end it, a checkpoint lets it go on.
"""

import tempfile

import matplotlib.pyplot as plt

import gparticles as gpa
from gparticles.data import gaussian, two_moons
from gparticles.plots import history_curve

source, target = gaussian(300, seed=1), two_moons(200, seed=0)

# %%
# Something true that a callback returns ends the flow. Here it only looks.

seen = []
flow = gpa.transport(source, target, steps=300, callbacks=[lambda p: seen.append(p.step)])
print(flow.outcome, "; looked at", seen[:1], "and", seen[-1:])

# %%
# ``KineticEnergy`` ends a flow whose particles have come to rest, ``HeldOut`` one that no longer
# improves on points it has not seen.

figure, axes = plt.subplots(figsize=(6.5, 4), layout="constrained")
for rule in (gpa.KineticEnergy(fraction=0.02), gpa.HeldOut(patience=100)):
    stopped = gpa.transport(source, target, steps=600, stop=rule)
    print(f"{type(rule).__name__}: {stopped.outcome}")
history_curve(axes, flow.history["time"], flow.history["kinetic_energy"])
axes.set(title="Kinetic energy of the particles", ylabel="nats squared per working unit squared")
plt.show()

# %%
# With a checkpoint the same call goes on where an interrupted one was, and ends at the same bits.

with tempfile.TemporaryDirectory() as folder:
    kept = gpa.Checkpoint(folder, seconds=1, resume=True)
    first = gpa.transport(source, target, steps=300, checkpoint=kept)
print("the same particles:", (first.particles == flow.particles).all())

# %%
# The history is kept in any case, and so is the flow itself.

with tempfile.TemporaryDirectory() as folder:
    flow.save(f"{folder}/moons")
    print(gpa.load_flow(f"{folder}/moons"))
