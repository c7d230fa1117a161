"""2000 particles learn the Swiss roll from 200 points: python examples/swiss_roll.py.

Writes swiss_roll.npz (the particles) and swiss_roll.png into the current folder.
"""

import time

import numpy as np
from matplotlib.figure import Figure

import gparticles as gpa
from gparticles.data import gaussian, swiss_roll
from gparticles.evaluate.wasserstein import w2
from gparticles.plots import scatter


def main() -> None:
    target = swiss_roll(200, seed=0)
    source = gaussian(2000, dim=3, std=3.0, seed=1)

    began = time.perf_counter()
    flow = gpa.transport(source, target, f=gpa.KL(), lipschitz=1.0, steps=1000, seed=0)
    print(f"{flow} in {time.perf_counter() - began:.1f} s")

    # more particles, without another fit: they ride the stored potentials
    more = flow(gaussian(1000, dim=3, std=3.0, seed=2))

    # at these sizes two clouds of one distribution are far apart too: compare with that
    unseen, fresh = swiss_roll(1000, seed=3), swiss_roll(1000, seed=4)
    again = target[np.random.default_rng(5).integers(len(target), size=1000)]
    for name, cloud in (("new particles", more), ("targets resampled", again), ("fresh", fresh)):
        print(f"W2 to 1000 unseen points: {w2(cloud, unseen).value:.2f} ({name})")

    np.savez("swiss_roll.npz", X=flow.particles, more=more)
    figure = Figure(figsize=(6, 5.5))
    axes = figure.add_subplot(projection="3d")
    axes.view_init(elev=9, azim=-80)
    scatter(axes, flow.particles, target, names=("x1", "x2", "x3"))
    figure.savefig("swiss_roll.png", dpi=150)
    print("wrote swiss_roll.npz and swiss_roll.png")


if __name__ == "__main__":
    main()
