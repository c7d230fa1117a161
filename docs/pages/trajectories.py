"""What docs/trajectories.md says of the measurements of snapshots in time."""

import json
import statistics
from typing import Any

import numpy as np
from common import RESULTS
from course_methods import EXACT, METHODS, OURS
from pages.integration import spread, table

from gparticles.timecourse.course import FIT_STEPS

HALVES = "its halves"


def bold(name: str) -> str:
    return f"**{name}**" if name == OURS else name


def mean(runs: list[dict[str, float]], key: str) -> float:
    return statistics.fmean(run[key] for run in runs)


def distances(part: dict[str, Any]) -> str:
    """One set: W2 and, in brackets, energy distance, for each left-out time."""
    left_out = part["left_out"]
    rows = []
    for method in [*METHODS, HALVES]:
        if all(method in runs for runs in left_out.values()):
            cells = [
                f"{spread([r['w2'] for r in runs[method]])} ({mean(runs[method], 'energy'):.2f})"
                for runs in left_out.values()
            ]
            name = "the snapshot's own halves" if method == HALVES else bold(method)
            rows.append([name, *cells])
    return table(["left out", *left_out], rows)


def ratios(part: dict[str, Any], other: str, key: str) -> list[float]:
    return [mean(runs[OURS], key) / mean(runs[other], key) for runs in part["left_out"].values()]


def gains(sets: dict[str, Any]) -> str:
    rows = []
    for name, part in sets.items():
        w2, energy, halves = (
            ratios(part, other, key)
            for other, key in ((EXACT, "w2"), (EXACT, "energy"), (HALVES, "w2"))
        )
        rows.append(
            [
                name,
                f"{100 * (1 - statistics.fmean(w2)):.1f} %",
                f"{100 * (1 - max(w2)):.1f} %",
                f"{statistics.fmean(energy):.2f}",
                ", ".join(f"{100 * (ratio - 1):.0f} %" for ratio in halves),
            ]
        )
    header = [
        "set",
        "W2 below exact OT, mean",
        "the least of its times",
        "energy distance over exact OT's",
        "W2 above the snapshot's halves",
    ]
    return table(header, rows)


def truths(rows: dict[str, Any]) -> str:
    cells = []
    for name, runs in rows.items():
        grown = [run["growth"] for run in runs]
        known = not any(np.isnan(grown))
        # an Ornstein-Uhlenbeck process keeps nothing of a cell that were a fate
        fated = not name.startswith("growth")
        cells.append(
            [
                name,
                spread([run["velocity"] for run in runs]),
                spread([run["fates"] for run in runs]) if fated else "-",
                spread(grown) if known else f"none ({spread([r['growth_spread'] for r in runs])})",
            ]
        )
    header = ["course", "error of the velocity", "fates right", "growth"]
    return table(header, cells)


def noise(rows: dict[str, Any]) -> str:
    """By which factors growth is reported where nothing grows."""
    still = (runs for runs in rows.values() if np.isnan(runs[0]["growth"]))
    factors = [np.exp(mean(runs, "growth_spread")) for runs in still]
    return f"{min(factors):.1f} to {max(factors):.1f}"


def choices(what: str, rows: dict[str, Any]) -> str:
    cells = [[name, f"{row['w2']:.3f}", f"{row['energy']:.2f}"] for name, row in rows.items()]
    return table([what, "W2", "energy distance"], cells)


def fits(rows: dict[str, Any]) -> str:
    cells = [[name, f"{row['velocity']:.2f}", f"{row['energy']:.3f}"] for name, row in rows.items()]
    return table(["steps of the fit", "error of the velocity", "energy distance at the end"], cells)


def asked(sets: dict[str, Any]) -> dict[str, str]:
    """What was asked for of W2, and whether it is reached, by set."""
    words = {}
    for name, part in sets.items():
        w2, halves = ratios(part, EXACT, "w2"), ratios(part, HALVES, "w2")
        every = "at every time" if max(w2) < 1 else "not at every time"
        mean = 100 * (1 - statistics.fmean(w2))
        four = "reached" if mean >= 4 else "not reached"
        above = ", ".join(f"{100 * (ratio - 1):.0f} %" for ratio in halves)
        words[name.split(",")[0]] = (
            f"nearer than exact optimal transport {every}, by {mean:.1f} % in the mean (4 % asked, "
            f"{four}); above the snapshot's halves by {above}"
        )
    return words


def values(record: dict[str, Any]) -> dict[str, Any]:
    chosen = json.loads((RESULTS / "trajectories-choice.json").read_text())
    sets = record["sets"]
    return {
        "sets": "\n\n".join(f"{name}:\n\n{distances(part)}" for name, part in sets.items()),
        "gains": gains(sets),
        "truths": truths(record["samplers"]),
        "noise": noise(record["samplers"]),
        "choices": choices("L and smoothing", chosen["rows"]),
        "clocks": choices("what passes evenly", chosen["clocks"]),
        "fits": fits(chosen["fits"]),
        "FIT_STEPS": FIT_STEPS,
        "asked": asked(sets),
        "seed_numbers": " ".join(map(str, record["seeds"])),
        "seeds": len(record["seeds"]),
    }


def draw_page(_: dict[str, Any]) -> None:
    """Cells that turn within a law that stays: the truth, and what snapshots say."""
    from matplotlib.figure import Figure

    import gparticles as gpa
    from gparticles.data import rotation
    from gparticles.plots.style import PARTICLES, TARGET, save_png, tidy

    turning = rotation(150, times=(0, 1), centre=0.0, seed=0)
    course = gpa.trajectory(turning.points, turning.times, seed=0)
    cells = turning.points[:150]
    figure = Figure(figsize=(7, 3.4), layout="constrained")
    truth, estimate = figure.subplots(1, 2, sharex=True, sharey=True)
    arrows = {"angles": "xy", "scale_units": "xy", "scale": 3, "width": 0.004}
    truth.quiver(*cells.T, *turning.velocity(cells, 0.5).T, color=TARGET, **arrows)
    estimate.quiver(*cells.T, *course.velocity(cells, 0.5).T, color=PARTICLES, **arrows)
    for axes, title in ((truth, "how the cells move"), (estimate, "what two snapshots say")):
        axes.set_title(title, fontsize=10)
        axes.set_aspect("equal")
        tidy(axes)
    save_png(figure, RESULTS.parents[1] / "docs" / "images" / "rotation.png", dpi=110)
