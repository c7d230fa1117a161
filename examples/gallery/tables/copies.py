"""
When does it begin to copy?
===========================

A flow that runs long enough ends on the target's own points. Points that were kept from the fit
say when that begins.
"""

# %%
# The tight potential is the sharpest, and the first to copy. ``nearest_ratio`` is the particles'
# median distance to the nearest target over that of held-out points: about 1 is fresh, 0 is
# copied.

import matplotlib.pyplot as plt

import gparticles as gpa
from gparticles.data import gaussian, swiss_roll
from gparticles.evaluate.metrics import evaluate
from gparticles.evaluate.registry import REGISTRY

target, held_out = swiss_roll(100, seed=0), swiss_roll(400, seed=1)
source = gaussian(400, dim=3, std=3.0, seed=2)
store = gpa.Store(frames=20, potentials=False)
flow = gpa.transport(source, target, potential=gpa.tight_mlp(3, width=32), steps=800, store=store)

asked = [metric for metric in REGISTRY if metric.name in ("w2", "nearest_ratio")]
scores = [evaluate(frame, held_out, target=target, metrics=asked) for frame in flow.trajectory[1:]]
steps = flow.trajectory_steps[1:]

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
for axes, name, title in (
    (left, "w2", "W2 to held-out points"),
    (right, "nearest_ratio", "nearest ratio: 1 is fresh, 0 is copied"),
):
    axes.plot(
        steps, [score[name]["value"] for score in scores], "o-", color="#0072B2", markersize=3
    )
    axes.set(title=title, xlabel="step", ylim=(0, None))
plt.show()

# %%
# ``gpa.HeldOut()`` ends a flow by the divergence to a part of the target that it keeps from the
# fit, and returns the particles of the best step.

stopped = gpa.transport(
    source, target, potential=gpa.tight_mlp(3, width=32), steps=800, stop=gpa.HeldOut(patience=100)
)
print(stopped.outcome)
ratio = evaluate(stopped.particles, held_out, target=target, metrics=asked)["nearest_ratio"]
print(f"nearest ratio when stopped: {ratio['value']:.2f}")
print(f"nearest ratio after all 800 steps: {scores[-1]['nearest_ratio']['value']:.2f}")
