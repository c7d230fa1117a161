"""Dissipation: what the divergence loses along a run, beside the energy of the velocity."""

import time
from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from study import Found, Study

import gparticles as gpa
from gparticles.data import gaussian, swiss_roll
from gparticles.experiment.provenance import stream
from gparticles.plots.style import PARTICLES, TARGET, tidy

PARTICLE_COUNT, TARGET_COUNT, FRAMES = 250, 200, 101
TOLERANCE = 1e-6
# the kinetic energy is called low below this share of its first value
LOW = 0.01
SHORT = 0.1  # a fifth of the default step, in working units squared per nat
ROWS: dict[str, dict[str, Any]] = {
    "default potential": {"steps": 1000},
    "tight potential": {"steps": 1000, "tight": True},
    "default potential, a fifth of the step": {"steps": 2000, "step_size": SHORT},
    "tight potential, a fifth of the step": {"steps": 2000, "step_size": SHORT, "tight": True},
    "no network": {"steps": 50, "exact": True},
    "no network, a fifth of the step": {"steps": 200, "step_size": SHORT, "exact": True},
}


def measure(seed: int, *, tight: bool = False, exact: bool = False, **settings: Any) -> Found:
    """One run; the certified divergence of its frames from all targets."""
    source = gaussian(PARTICLE_COUNT, dim=3, std=3.0, seed=stream(seed, "source"))
    target = swiss_roll(TARGET_COUNT, seed=stream(seed, "target"))
    if tight:
        settings["potential"] = gpa.tight_mlp(3, width=32, seed=seed)
    if exact:
        settings["potential"] = gpa.ExactPotential(smoothing=0)
    began = time.perf_counter()
    store = gpa.Store(potentials=False, frames=FRAMES)
    flow = gpa.transport(source, target, store=store, seed=seed, **settings)
    seconds = time.perf_counter() - began
    curves = along(flow, target)
    fresh = certified(
        swiss_roll(PARTICLE_COUNT, seed=stream(seed, "fresh")), target, flow.lipschitz
    )
    floors = {"fresh": {"end": fresh[0]}}
    return Found(scores(curves, flow) | {"seconds": seconds}, curves, floors)


def certified(points: np.ndarray, target: np.ndarray, lipschitz: float) -> tuple[float, float]:
    """The middle and half the distance of the bounds, nats."""
    found = gpa.divergence(points, target, lipschitz=lipschitz, tolerance=TOLERANCE)
    return (found.lower + found.upper) / 2, (found.upper - found.lower) / 2


def along(flow: gpa.Flow, target: np.ndarray) -> dict[str, np.ndarray]:
    """Divergence at the frames; between frames, its rate and the mean of E |v|^2 over time."""
    at, history = flow.trajectory_steps, flow.history
    values, errors = zip(
        *(certified(frame, target, flow.lipschitz) for frame in flow.trajectory), strict=True
    )
    divergence, step = np.array(values), float(history["time"][1])
    lost = 2.0 * step * np.concatenate([[0.0], np.cumsum(history["kinetic_energy"], dtype=float)])
    widths = step * np.diff(at)
    return {
        "time": step * at,
        "divergence": divergence,
        "error": np.array(errors),
        # what the divergence would be if it lost E |v|^2
        "predicted": divergence[0] - lost[at],
        "rate": -np.diff(divergence) / widths,
        "energy": np.diff(lost[at]) / widths,
        "own": history["divergence"],
        "kinetic": history["kinetic_energy"],
        "step": at,
    }


def scores(curves: dict[str, np.ndarray], flow: gpa.Flow) -> dict[str, float]:
    """The table's numbers."""
    values, predicted = curves["divergence"], curves["predicted"]
    rises = np.diff(values) > curves["error"][1:] + curves["error"][:-1]
    low = first_below(curves["kinetic"], LOW * curves["kinetic"][0])
    then = np.interp(low, curves["step"], values)
    own = curves["own"]
    own_end = np.median(own[-max(1, len(own) // 20) :])
    half = first_below(values, (values[0] + values[-1]) / 2)
    return {
        "start": values[0],
        "end": values[-1],
        "early": (values[0] - values[half]) / (values[0] - predicted[half]),
        "late": (values[half] - values[-1]) / (predicted[half] - predicted[-1]),
        "rises": rises.mean(),
        "own_end": own_end,
        "low_at": low / (len(curves["kinetic"]) - 1),
        "came_after": (then - values[-1]) / (values[0] - values[-1]),
        "own_after": (own[low] - own_end) / (own[0] - own_end),
        "top_speed": flow.history["max_speed"].max(),
    }


def first_below(values: np.ndarray, bound: float) -> int:
    """The first index with a value below, or the last of all."""
    below = np.flatnonzero(values < bound)
    return int(below[0]) if len(below) else len(values) - 1


def draw(shown: dict[str, list[dict[str, np.ndarray]]]) -> Figure:
    """Above the divergence and what the energy predicts, below the two rates."""
    names = list(ROWS)[2:]
    page = Figure(figsize=(4.2 * len(names), 6.4), layout="constrained")
    axes = page.subplots(2, len(names), sharex="col")
    for (above, below), name in zip(axes.T, names, strict=True):
        curves = shown[name][0]
        above.plot(curves["time"], curves["divergence"], c=PARTICLES, label="certified D")
        above.plot(
            curves["time"], curves["predicted"], c=TARGET, ls="--", label="D(0) less the energy"
        )
        above.set(title=name.replace(", ", ",\n"), ylabel="nats")
        middle = (curves["time"][1:] + curves["time"][:-1]) / 2
        below.plot(middle, np.abs(curves["rate"]), c=PARTICLES, label="|dD/dt|")
        below.plot(middle, curves["energy"], c=TARGET, ls="--", label="E |v|^2")
        below.set(yscale="log", ylim=(1e-5, 2), xlabel="time, working units squared per nat")
        below.set_ylabel("nats per unit of time")
        for pair in (above, below):
            tidy(pair, grid=True)
            pair.legend(frameon=False, fontsize=9)
    return page


def values(r: Any) -> dict[str, Any]:
    low = r.values("tight potential, a fifth of the step", "low_at")
    return {
        "fastest": max(v for row in r.rows for v in r.values(row, "top_speed")),
        "own": max(r.of(row, "own_after") for row in list(ROWS)[:4]),
        "never": sum(at == 1 for at in low),
        "runs": len(low),
    }


EXPERIMENT = Study({name: partial(measure, **given) for name, given in ROWS.items()}, draw)
