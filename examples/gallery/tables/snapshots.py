"""
Cells at several times
======================

A population forks, and is seen at three times, never the same cell twice. ``gpa.trajectory`` makes
one velocity field of the snapshots.
"""

import matplotlib.pyplot as plt

import gparticles as gpa
from gparticles.data import branching

made = branching(100, times=(0, 12, 24), rate=0.1, push=0.05)
course = gpa.trajectory(made.points, made.times)

# %%
# The cells of the first snapshot at times between. Snapshots do not determine trajectories: this
# is a way that costs little, and the data cannot tell it from others (:doc:`/trajectories`).

times = (0.0, 6.0, 12.0, 18.0, 24.0)
figure, panels = plt.subplots(1, 5, figsize=(13, 3), layout="constrained", sharex=True, sharey=True)
for axes, time in zip(panels, times, strict=True):
    seen = made.points[made.times == time]
    axes.scatter(*seen[:, :2].T, s=8, c="#D55E00", alpha=0.6, linewidths=0)
    axes.scatter(*course.at(time)[:, :2].T, s=8, c="#0072B2", alpha=0.8, linewidths=0)
    axes.set_title(f"{time:g} h" + ("" if len(seen) else ", between snapshots"))
figure.suptitle("Blue: the first cells carried on. Orange: the snapshots")
plt.show()

# %%
# A snapshot that is left out tests where the population is, and not which cell went where.

for left in gpa.leave_out(made.points, made.times):
    nearness = {name: round(value, 2) for name, value in left.w2.items()}
    print(f"W2 to the snapshot at {left.time:g} h: {nearness}")

# %%
# Any cell can be carried from any time to any other, backwards too.

late = made.points[-5:]
print(course.carry(late, 24, 0)[:, :2].round(2))
