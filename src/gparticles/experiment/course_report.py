"""What the page of a course says and shows."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gparticles.report.course_page import MAX_CELLS, CoursePage, Film, write_course_report
from gparticles.report.words import number
from gparticles.timecourse import Trajectory
from gparticles.timecourse.curves import Curves
from gparticles.timecourse.field import carried
from gparticles.timecourse.judging import LeftOut, principal

if TYPE_CHECKING:
    from gparticles.experiment.course_runs import Request

FRAMES = 41
CANNOT = (
    "Snapshots do not determine trajectories: cells that turn within a law that stays leave no "
    "trace. What is shown is a way that costs little, which is one of many."
)
NOISE = (
    "Growth and eta / q in cells.csv are estimates from two samples each. Where nothing grows they "
    "differ from 1 all the same, by the noise of sampling."
)
MEANING = (
    "Each inner snapshot was left out and estimated from the two around it. Wasserstein-2 distance "
    "to the left-out snapshot, and in brackets the energy distance; the smaller, the nearer. "
    "Estimates of averages are favoured by the first and not by the second. The floors: the "
    "snapshot before as it is, the same moved as a whole, straight lines of exact optimal "
    "transport; and one half of the left-out snapshot from the other half, which are small clouds "
    "and so further apart than whole ones would be."
)


def write_page(
    stage: Path,
    course: Trajectory,
    drawn: tuple[Curves, np.ndarray],
    results: list[LeftOut],
    *,
    columns: int,
    request: "Request",
) -> Path:
    """Writes ``report.html`` and ``figures/columns.png`` into a folder.

    Args:
        stage: the folder.
        course: what it is about.
        drawn: curves of some columns, in number g, and the means of these in the snapshots,
            shape (times, g).
        results: of the left-out snapshots.
        columns: how many came in.
        request: what was asked for.
    """
    (stage / "figures").mkdir()
    picture = _draw(stage / "figures" / "columns.png", course, *drawn)
    unit = f" {course.unit}" if course.unit else ""
    counts = ", ".join(f"{s.time:g}: {len(s.rows)}" for s in course.snapshots)
    page = CoursePage(
        name="Snapshots in time",
        description="One velocity field through all snapshots, by particle flows between them.",
        facts=[
            ("cells by time", counts),
            ("columns", str(columns)),
            ("from, to", f"{course.times[0]:g} to {course.times[-1]:g}{unit}"),
            ("left by the field", f"{100 * course.unexplained:.0f} % of squared velocity"),
        ],
        notes=[CANNOT, NOISE],
        film=_film(course),
        left_out=[(f"{r.time:g}{unit}", _numbers(r)) for r in results],
        columns=list(results[0].w2) if results else [],
        left_out_words=MEANING if results else "No snapshot was left out.",
        command=request.command,
        settings=[(name, str(value)) for name, value in course.settings.items()],
        versions=request.versions,
    )
    caption = (
        "Means over the cells of the first snapshot on their way, with the band in which 80 % of "
        "them lie; crosses are the means of the snapshots."
    )
    return write_course_report(stage / "report.html", page, [(picture, caption)])


def _numbers(result: LeftOut) -> list[str]:
    return [f"{number(result.w2[k])} ({number(result.energy[k])})" for k in result.w2]


def _film(course: Trajectory) -> Film:
    first = course.snapshots[0]
    times = np.linspace(course.times[0], course.times[-1], FRAMES)
    everything = np.concatenate([snapshot.points for snapshot in course.snapshots])
    project = principal(everything, 2)
    one = project.loadings.shape[1] == 1
    names = ("component 1", "component 1" if one else "component 2")

    def flat(points: np.ndarray) -> np.ndarray:
        return project(points)[..., [0, 0]] if one else project(points)

    def some(points: np.ndarray) -> np.ndarray:
        # evenly through a file, which may be sorted
        return points[:: -(-len(points) // MAX_CELLS)]

    cells = carried(course.field, some(first.points), times)
    return Film(
        times=times,
        cells=np.stack([flat(frame) for frame in cells]),
        snapshots=[(snapshot.time, flat(some(snapshot.points))) for snapshot in course.snapshots],
        names=names,
        unit=course.unit,
    )


def _draw(path: Path, course: Trajectory, curve: Curves, means: np.ndarray) -> Path:
    from matplotlib.figure import Figure

    from gparticles.plots.courses import band, measured
    from gparticles.plots.style import one_line, save_png

    count = len(curve.names)
    across = min(3, count)
    down = -(-count // across)
    figure = Figure(figsize=(3.2 * across, 2.5 * down), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for k, name in enumerate(curve.names):
        edges = (curve.mean[:, k], curve.low[:, k], curve.high[:, k])
        band(panels[k], curve.times, edges)
        measured(panels[k], course.times, means[:, k])
        panels[k].set_title(one_line(name, most=30), fontsize=9)
        panels[k].set_xlabel(course.unit or "time", fontsize=8)
    for panel in panels[count:]:
        panel.set_visible(False)
    return save_png(figure, path, dpi=120)
