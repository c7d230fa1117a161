"""
L is a speed limit
==================

A particle moves down the slope of phi, and no slope exceeds L: whatever the data, no particle is
faster.
"""

# %%
# Both flows see the same clouds, in raw units (``scale=1.0``), so that speeds can be compared with
# L.

import matplotlib.pyplot as plt

import gparticles as gpa
from gparticles.data import gaussian

source, target = gaussian(300, mean=6.0, seed=1), gaussian(200, seed=0)
options = {"scale": 1.0, "step_size": 0.05, "steps": 400}
flows = {L: gpa.transport(source, target, lipschitz=L, **options) for L in (1.0, 3.0)}

figure, axes = plt.subplots(figsize=(6.5, 4), layout="constrained")
for (lipschitz, flow), colour in zip(flows.items(), ("#0072B2", "#D55E00"), strict=True):
    time = flow.history["time"]
    axes.plot(
        time, flow.history["max_speed"], color=colour, label=f"fastest particle, L = {lipschitz:g}"
    )
    axes.plot(time, flow.history["mean_speed"], ":", color=colour, label="mean over particles")
    axes.axhline(lipschitz, color=colour, linewidth=0.7)
axes.set(xlabel="time", ylabel="speed (nats per data unit)", title="No particle is faster than L")
axes.legend(frameon=False, fontsize=9)
plt.show()

# %%
# A bounded speed means that far targets take time: the distance over L, at least. It also means
# that nothing explodes where the clouds do not overlap.

for lipschitz, flow in flows.items():
    fastest = float(flow.history["max_speed"].max())
    mean = flow.particles.mean()
    print(f"L = {lipschitz:g}: fastest particle {fastest:.3f}, mean at the end {mean:.2f}")
