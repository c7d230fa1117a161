"""Curves: the history of a flow, and a divergence against its Lipschitz constant."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from gparticles.errors import InputError
from gparticles.plots.style import GREY, PARTICLES, TARGET, tidy


def history_curve(axes: Axes, time: np.ndarray, values: np.ndarray) -> Axes:
    """A curve over time: on a log scale where it is positive and spans a decade.

    One that spans a decade and dips below 0 is drawn on a symmetric log scale, others as they are.
    """
    if np.shape(time) != np.shape(values):
        raise InputError(f"{len(values)} values at {len(time)} times; give one for each")
    axes.plot(time, values, color=PARTICLES, linewidth=1.2)
    finite = values[np.isfinite(values)]
    if len(finite):
        _choose_scale(axes, finite)
    axes.set_xlabel("time (working units squared per nat)")
    tidy(axes, grid=True)
    return axes


def _choose_scale(axes: Axes, values: np.ndarray) -> None:
    low, high = float(values.min()), float(values.max())
    if low > 0 and high > 10 * low:
        axes.set_yscale("log")
    elif low <= 0 < high:
        # late values waver around 0, which a log scale would turn into gaps
        threshold = max(-low, 1e-2 * high)
        axes.set_yscale("symlog", linthresh=threshold)
        axes.set_yticks(_decades(threshold, high))
        axes.axhline(0, color=GREY, linewidth=0.6)
    else:
        axes.set_ylim(min(0.0, 1.1 * low), max(0.0, 1.1 * high) or None)


def _decades(threshold: float, high: float) -> list[float]:
    """0 and the powers of ten far enough above it that their labels do not touch."""
    first, last = math.ceil(math.log10(threshold) + 0.3), math.floor(math.log10(high))
    return [0.0, *(10.0**k for k in range(first, last + 1))]


def divergence_sweep(axes: Axes, sweep: Mapping[str, Any]) -> Axes:
    """D_L against L, between the two distances that bound it: L W1 and the f-divergence.

    D_L <= min(L W1, D_f), with D_L / L -> W1 as L -> 0 and D_L -> D_f as L -> infinity
    (J. Birrell, P. Dupuis, M. A. Katsoulakis, Y. Pantazis, L. Rey-Bellet, (f, Gamma)-divergences,
    JMLR 23(39), 2022). D_L / L has the axis on the right.

    Args:
        axes: to draw on.
        sweep: ``lipschitz``, ``divergence`` and ``divergence_over_lipschitz``, arrays of one
            length; ``w1``, a number in data units; ``d_f``, nats, or None where it is infinite.

    Returns:
        The axes of D_L; those of D_L / L share their L.
    """
    slopes, values = (np.asarray(sweep[k], float) for k in ("lipschitz", "divergence"))
    ratio = np.asarray(sweep["divergence_over_lipschitz"], float)
    right = axes.twinx()
    if sweep.get("d_f") is not None:
        axes.axhline(
            float(sweep["d_f"]), color=PARTICLES, linestyle=":", linewidth=1.2, label="$D_f$"
        )
    right.axhline(float(sweep["w1"]), color=TARGET, linestyle="--", linewidth=1.2, label="$W_1$")
    axes.plot(slopes, values, "o-", color=PARTICLES, markersize=4, linewidth=1.4, label="$D_L$")
    right.plot(slopes, ratio, "s-", color=TARGET, markersize=4, linewidth=1.4, label="$D_L / L$")
    axes.set_xscale("log")
    axes.set_xlabel("L (nats per data unit)")
    axes.set_ylabel("$D_L$ (nats)", color=PARTICLES)
    right.set_ylabel("$D_L / L$ (data units)", color=TARGET)
    # different headroom, lest the two upper bounds become one line
    axes.set_ylim(0, 1.1 * axes.get_ylim()[1])
    right.set_ylim(0, 1.25 * right.get_ylim()[1])
    tidy(axes, grid=True)
    right.spines["top"].set_visible(False)
    _joint_legend(axes, right)
    return axes


def _joint_legend(axes: Axes, right: Axes) -> None:
    lines = [*axes.get_lines(), *right.get_lines()]
    axes.legend(
        handles=lines,
        frameon=False,
        fontsize=9,
        ncols=len(lines),
        loc="lower center",
        bbox_to_anchor=(0.5, 1),
    )
