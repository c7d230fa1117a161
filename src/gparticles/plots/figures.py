"""The figures of a run folder, each composed of the functions beside this file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d import Axes3D

from gparticles.flow import Flow
from gparticles.plots.curves import history_curve
from gparticles.plots.fields import level_sets, speed_field
from gparticles.plots.images import image_grid, image_strip, picked
from gparticles.plots.points import scatter, strip
from gparticles.plots.projection import Projection
from gparticles.plots.style import TARGET, save_png, spaced, step_name, tidy

# along the second axis, which shows the Swiss roll's spiral
ELEVATION, AZIMUTH = 14, -72


def save_figures(
    flow: Flow,
    target: np.ndarray,
    *,
    folder: Path,
    labels: np.ndarray | None = None,
    target_labels: np.ndarray | None = None,
    columns: Sequence[str] | None = None,
) -> list[Path]:
    """Draws a finished flow into PNG files: particles, the way there, history, and 2-D fields.

    Args:
        flow: the flow.
        target: shape (n, *event), data units.
        folder: exists already.
        labels, target_labels: classes, by which images are sorted.
        columns: their names.

    Returns:
        The files.
    """
    if flow.particles.ndim > 2:
        figures = {
            "particles": images_figure(flow.particles, target, labels, target_labels),
            "trajectory": images_over_time_figure(flow, labels),
        }
    else:
        projection = Projection(target, scale=flow.scale, columns=columns)
        figures = {
            "particles": scatter_figure(flow.particles, target, projection),
            "trajectory": strip_figure(flow, target, projection),
        }
    figures["history"] = history_figure(flow)
    if flow.particles.shape[1:] == (2,) and flow.classes is None and flow.ride and flow.steps:
        figures["field"] = field_figure(flow, target)
    return [save_png(figure, folder / f"{name}.png", dpi=150) for name, figure in figures.items()]


def scatter_figure(particles: np.ndarray, target: np.ndarray, projection: Projection) -> Figure:
    figure = Figure(figsize=(6, 5.4), layout="constrained")
    solid = projection.dim == 3
    axes = figure.add_subplot(projection="3d") if solid else figure.add_subplot()
    if isinstance(axes, Axes3D):
        axes.view_init(elev=ELEVATION, azim=AZIMUTH)
        axes.set_box_aspect(None, zoom=1.1)  # type: ignore[arg-type]
    else:
        tidy(axes)
    scatter(axes, projection(particles), projection(target), names=projection.names())
    return figure


def history_figure(flow: Flow) -> Figure:
    curves = {"divergence": "divergence (nats)", "kinetic_energy": "kinetic energy"}
    if "held_out" in flow.history:
        curves["held_out"] = "divergence to held-out targets (nats)"
    figure = Figure(figsize=(4.2 * len(curves), 3.4), layout="constrained")
    for axes, (name, title) in zip(figure.subplots(1, len(curves)), curves.items(), strict=True):
        history_curve(axes, flow.history["time"], flow.history[name])
        axes.set_title(title, fontsize=10)
    return figure


def strip_figure(flow: Flow, target: np.ndarray, projection: Projection) -> Figure:
    """The first two coordinates (or components) of the particles at six times."""
    # a source that was mapped to where the flow begins: both are shown
    led = int(flow.trajectory_steps[0] < 0)
    chosen = np.append(np.arange(led), led + spaced(len(flow.trajectory) - led, 6 - led))
    figure = Figure(figsize=(2 * len(chosen), 2.2), layout="constrained")
    frames = np.stack([projection.pairs(flow.trajectory[k]) for k in chosen])
    panels = figure.subplots(1, len(chosen), squeeze=False)[0]
    steps = flow.trajectory_steps[chosen].tolist()
    strip(panels, frames, steps, target=projection.pairs(target))
    return figure


def field_figure(flow: Flow, target: np.ndarray) -> Figure:
    """Velocity and phi at the last step whose divergence is above half of the largest.

    Later most of the way is gone, and what is left of phi and of the velocity wavers around zero.
    """
    spent = flow.history["divergence"] > 0.5 * np.max(flow.history["divergence"])
    step = int(np.flatnonzero(spent)[-1]) if spent.any() else 0
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    why = "particles on their way (the last step with over half of the largest divergence)"
    figure.suptitle(f"step {step} of {flow.steps}: {why}" if spent.any() else "the first step")
    for axes, draw in zip(figure.subplots(1, 2), (speed_field, level_sets), strict=True):
        draw(axes, flow, step=step)
        axes.autoscale(enable=False)
        axes.scatter(*target[:1000].T, s=5, c="white", edgecolors=TARGET, linewidths=0.7)
    return figure


def images_figure(
    particles: np.ndarray,
    target: np.ndarray,
    labels: np.ndarray | None,
    target_labels: np.ndarray | None,
) -> Figure:
    """A hundred particles beside a hundred targets."""
    figure = Figure(figsize=(9, 4.8), layout="constrained")
    panels = figure.subplots(1, 2)
    clouds = (
        (particles, labels, "particles (generated)"),
        (target, target_labels, "target (real)"),
    )
    for panel, (images, classes, title) in zip(panels, clouds, strict=True):
        image_grid(panel, images[picked(len(images), classes, most=100)]).set_title(title)
    return figure


def images_over_time_figure(flow: Flow, labels: np.ndarray | None) -> Figure:
    """Ten particles, one per row, from the source on the left to the end on the right."""
    chosen = spaced(len(flow.trajectory), 12)
    rows = picked(len(flow.particles), labels, most=10)
    figure = Figure(figsize=(8, 7), layout="constrained")
    axes = image_strip(figure.add_subplot(), flow.trajectory[chosen][:, rows])
    first, last = (step_name(int(flow.trajectory_steps[k])) for k in chosen[[0, -1]])
    axes.set_title(f"ten particles, from {first} (left) to {last} (right)", fontsize=10)
    return figure
