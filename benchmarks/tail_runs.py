"""What the studies of heavy tails share: a run's scores on both samples, and curves of its tail."""

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from study import Found, flow_of, inputs_of

from gparticles.evaluate.distances import energy_distance
from gparticles.evaluate.tails import ccdf_error, norms, tail_log_error
from gparticles.experiment.inputs import Inputs
from gparticles.plots.style import GREY, TARGET, tidy

# all: as many held-out points as there are targets
EVERY = 10**6
# of each cloud, for the energy distance
ENERGY_POINTS = 2000


class Shown(NamedTuple):
    """What pictures need: points of each cloud, shape (m, d), data units."""

    particles: np.ndarray
    target: np.ndarray
    held_out: np.ndarray


def tail_run(recipe: str, overrides: tuple[str, ...], seed: int) -> Found:
    """One run of a recipe, judged on the sample it was fitted to and on a held-out one."""
    config, inputs = inputs_of(recipe, overrides, seed, most=EVERY)
    flow, ran = flow_of(config, inputs)
    return judged(flow.particles, inputs, **ran)


def fresh(recipe: str, seed: int) -> Found:
    """Points of the target's law in the particles' place."""
    _, inputs = inputs_of(recipe, (), seed, most=EVERY)
    if inputs.fresh is None:
        raise ValueError("the target has no sampler")
    return judged(inputs.fresh(len(inputs.source)), inputs)


def judged(points: np.ndarray, inputs: Inputs, **about: float) -> Found:
    """Scores of a cloud, with more of how it came about, and what pictures need."""
    if inputs.held_out is None:
        raise ValueError("nothing is held out")
    return Found(scores(points, inputs) | about, Shown(points, inputs.target, inputs.held_out))


def scores(particles: np.ndarray, inputs: Inputs) -> dict[str, float]:
    """Tail errors on the training and on the held-out sample, distances from the target's median.

    ``beyond`` is the share of particles beyond the radius that a tenth of the targets exceeds,
    ``log_radius`` the W1 distance of the logarithms of the held-out norms, which needs no moment.
    """
    assert inputs.held_out is not None
    clouds = Shown(particles, inputs.target, inputs.held_out)
    if not np.isfinite(particles).all():
        return {}
    centre = np.median(inputs.target, axis=0)
    x, train, held_out = (norms(cloud, centre) for cloud in clouds)
    return {
        "l1_train": ccdf_error(x, train),
        "log_train": tail_log_error(x, train),
        "l1": ccdf_error(x, held_out),
        "log": tail_log_error(x, held_out),
        "log_radius": ccdf_error(np.log(x), np.log(held_out)),
        "energy": energy_distance(*(c[:ENERGY_POINTS] for c in (particles, clouds.held_out))),
        "beyond": float((x > np.quantile(train, 0.9)).mean()),
        "largest": float(x.max()),
        "target_largest": float(train.max()),
        "nearest": float(x.min()),
    }


def draw_tails(axes: Axes, title: str, clouds: dict[str, tuple[Shown, str]]) -> None:
    """Shares of points beyond a distance from the targets' median, both axes logarithmic.

    Args:
        axes: to draw on.
        title: what they are of.
        clouds: those of runs on one target and their colours, by their names.
    """
    one = next(iter(clouds.values()))[0]
    centre = np.median(one.target, axis=0)
    curves: dict[str, tuple[np.ndarray, dict[str, Any]]] = {
        "target": (one.target, {"color": TARGET, "lw": 2.5}),
        "held out": (one.held_out, {"color": GREY, "lw": 1.5, "ls": ":"}),
    }
    for name, (cloud, colour) in clouds.items():
        curves[name] = (cloud.particles, {"color": colour, "lw": 1.3})
    for name, (points, style) in curves.items():
        r = np.sort(norms(points, centre))
        axes.plot(r, 1 - np.arange(len(r)) / len(r), label=name, **style)
    axes.set(xscale="log", yscale="log", xlabel="r", ylabel="share of points beyond r")
    axes.set(title=title, xlim=(0.1, None))
    axes.xaxis.label.set_color(GREY)
    tidy(axes, grid=True)
