"""What the studies of heavy tails share: a run's scores on both samples, and curves of its tail."""

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from measure import Found
from study import COMMON

from gparticles.evaluate.distances import energy_distance
from gparticles.evaluate.tails import ccdf_error, norms, tail_log_error
from gparticles.experiment.arguments import arguments
from gparticles.experiment.inputs import Inputs, gather
from gparticles.experiment.recipes import check, read_recipe, with_overrides
from gparticles.flow import transport
from gparticles.plots.style import GREY, tidy

# of each cloud, for the energy distance
ENERGY_POINTS = 2000


class Shown(NamedTuple):
    """What pictures need: points of each cloud, shape (m, d), data units."""

    particles: np.ndarray
    target: np.ndarray
    held_out: np.ndarray


def inputs_of(recipe: str, overrides: Sequence[str], seed: int) -> tuple[Any, Inputs]:
    """The configuration and its clouds, with as many held-out points as there are targets."""
    settings = (*COMMON, *overrides, f"seed={seed}")
    config = check(with_overrides(read_recipe(recipe), settings))
    return config, gather(config, max_held_out=10**6)


def run(recipe: str, overrides: Sequence[str], seed: int) -> Found:
    """One run of a recipe, judged on the sample it was fitted to and on a held-out one."""
    config, inputs = inputs_of(recipe, overrides, seed)
    began = time.perf_counter()
    flow = transport(**arguments(config, inputs))
    seconds = time.perf_counter() - began
    found = scores(flow.particles, inputs)
    about = {"failed": float("failed" in flow.outcome), "seconds": seconds}
    return Found(found | about, shown(flow.particles, inputs))


def fresh(recipe: str, seed: int) -> Found:
    """Points of the target's law in the particles' place."""
    _, inputs = inputs_of(recipe, (), seed)
    drawn = another(inputs)
    return Found(scores(drawn, inputs), shown(drawn, inputs))


def another(inputs: Inputs) -> np.ndarray:
    """A fresh sample of the particles' number."""
    if inputs.fresh is None:
        raise ValueError("the target has no sampler")
    return inputs.fresh(len(inputs.source))


def shown(particles: np.ndarray, inputs: Inputs) -> Shown:
    """The clouds, for pictures."""
    if inputs.held_out is None:
        raise ValueError("nothing is held out")
    return Shown(particles, inputs.target, inputs.held_out)


def scores(particles: np.ndarray, inputs: Inputs) -> dict[str, float]:
    """Tail errors on the training and on the held-out sample, distances from the target's median.

    ``beyond`` is the share of particles beyond the radius that a tenth of the targets exceeds,
    ``log_radius`` the W1 distance of the logarithms of the held-out norms, which needs no moment.
    """
    clouds = shown(particles, inputs)
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


def draw_tails(
    axes: Axes, curves: dict[str, tuple[np.ndarray, np.ndarray, dict[str, Any]]]
) -> None:
    """Shares of points beyond a distance from a centre, both axes logarithmic.

    Args:
        axes: to draw on.
        curves: by their names, points, that centre, and keywords of ``Axes.plot``.
    """
    for name, (points, centre, look) in curves.items():
        r = np.sort(norms(points, centre))
        axes.plot(r, 1 - np.arange(len(r)) / len(r), label=name, **look)
    axes.set(xscale="log", yscale="log", xlabel="r", ylabel="share of points beyond r")
    axes.xaxis.label.set_color(GREY)
    tidy(axes, grid=True)
