"""From few targets: does the flow with a network or the one without make better samples?"""

import time
from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from peer_data import Sample
from peer_data import draw as drawn
from study import Found, Study, scores_of

import gparticles as gpa
from gparticles.evaluate.floors import resampled
from gparticles.experiment.provenance import stream

SHOWN, W2_POINTS = 12, 2000
BEST = "exact, W1"
DATA = {"digits": "digits, 64-D", "mnist-latent": "MNIST, 50-D", "swiss-roll": "Swiss roll, 3-D"}
# a dozen steps of one working unit at most, each no longer than to where its targets pull
FEW = {"lipschitz": 1.0, "steps": 12, "step_size": 1.0}
WAYS: dict[str, dict[str, Any]] = {
    # what `transport` does by itself
    "network": {},
    BEST: FEW | {"f": gpa.Wasserstein1(), "potential": gpa.ExactPotential(1.2)},
    "exact, W1, smoother": FEW | {"f": gpa.Wasserstein1(), "potential": gpa.ExactPotential(2.0)},
    "exact, KL": FEW | {"f": gpa.KL(), "potential": gpa.ExactPotential(1.2)},
}


def judge(points: np.ndarray, sample: Sample) -> dict[str, float]:
    return scores_of(points, sample.target, sample.held_out, w2_points=W2_POINTS)


def measure(seed: int, *, data: str, way: str) -> Found:
    """One flow; the first seed's compiles."""
    sample = drawn(data, seed)
    began = time.perf_counter()
    particles = gpa.transport(sample.source, sample.target, seed=seed, **WAYS[way]).particles
    seconds = time.perf_counter() - began
    return Found(judge(particles, sample) | {"seconds": seconds}, particles[:SHOWN])


def fresh(seed: int, *, data: str) -> Found:
    """New points of the target's law, the floor of every score."""
    sample = drawn(data, seed)
    return Found(judge(sample.fresh, sample), sample.held_out[:SHOWN])


def again(seed: int, *, data: str) -> Found:
    """The targets drawn again."""
    sample = drawn(data, seed)
    points = resampled(sample.target, len(sample.source), seed=stream(seed, "resampled"))
    return Found(judge(points, sample), sample.target[:SHOWN])


FLOORS = {"*fresh points*": fresh, "*targets drawn again*": again}


def draw(shown: dict[str, list[np.ndarray]]) -> Figure:
    """Digits of the first seed: unseen ones, and what each way made of the same beginnings."""
    digits = DATA["digits"]
    lines = {"unseen digits": shown[f"{digits}: *fresh points*"][0]}
    lines |= {way: shown[f"{digits}: {way}"][0] for way in WAYS}
    page = Figure(figsize=(9, 0.8 * len(lines)), layout="constrained")
    for row, (axes, (name, images)) in enumerate(
        zip(page.subplots(len(lines), 1), lines.items(), strict=True)
    ):
        strip = np.hstack([np.pad(image.reshape(8, 8), 1) for image in images])
        axes.imshow(strip, cmap="gray", vmin=0, vmax=1)
        axes.set(xticks=[], yticks=[])
        axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
        axes.set_zorder(-row)
    return page


def values(r: Any) -> dict[str, Any]:
    # the fastest seed, since the first one compiles
    ours, theirs = (min(r.values(f"{DATA['digits']}: {w}", "seconds")) for w in (BEST, "network"))
    copies = max(r.of(f"{data}: {BEST}", "copy_rate") for data in DATA.values())
    return {"seconds": ours, "slower": theirs / ours, "copies": copies}


EXPERIMENT = Study(
    {
        f"{title}: {way}": partial(measure, data=data, way=way)
        for data, title in DATA.items()
        for way in WAYS
    }
    | {
        f"{title}: {floor}": partial(measured, data=data)
        for data, title in DATA.items()
        for floor, measured in FLOORS.items()
    },
    draw,
)
