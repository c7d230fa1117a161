"""Figures: each function draws on matplotlib Axes that it is given, and returns them.

Nothing here opens a window or touches pyplot's global state. Colours are Okabe and Ito's, which
colour-blind readers tell apart.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d import Axes3D

from gparticles.flow import Flow

PARTICLES = "#0072B2"
TARGET = "#D55E00"
GREY = "#666666"

# more points than this only make ink
MAX_DRAWN = 5000


class Projection:
    """Points of any shape as at most two or three columns that can be drawn.

    One to three coordinates are shown as they are; more by the first two principal components of
    the target and the particles together, each cloud with half the say, in units of ``scale``.
    """

    def __init__(
        self,
        target: np.ndarray,
        particles: np.ndarray,
        *,
        scale: float | np.ndarray = 1.0,
        columns: Sequence[str] | None = None,
    ):
        size = _flat(target).shape[1]
        self.principal = size > 3
        self.dim = 2 if self.principal else size
        self.columns = columns or [f"x{k + 1}" for k in range(size)]
        self.scale = np.broadcast_to(scale, target.shape[1:]).reshape(-1)
        if self.principal:
            self._fit([_flat(cloud) for cloud in (target, particles)])

    def _fit(self, clouds: list[np.ndarray]) -> None:
        from sklearn.decomposition import PCA

        drawn = [cloud[:: 1 + len(cloud) // 1000] for cloud in clouds]
        size = min(map(len, drawn))
        pooled = np.concatenate([cloud[:size] for cloud in drawn])
        self.pca = PCA(2, svd_solver="randomized", random_state=0).fit(pooled / self.scale)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        flat = _flat(points)
        if not self.principal:
            return flat
        return self.pca.transform(flat / self.scale)

    def names(self) -> list[str]:
        """What the axes are called."""
        if not self.principal:
            return list(self.columns)
        shares = self.pca.explained_variance_ratio_
        return [f"principal component {k + 1} ({s:.0%})" for k, s in enumerate(shares)]


def scatter(
    axes: Axes, particles: np.ndarray, target: np.ndarray, *, names: Iterable[str] = ()
) -> Axes:
    """Target and particles as points, shapes (n, 2) and (m, 2), or (n, 3) on 3-D axes.

    One column is drawn as two histograms.
    """
    particles, target = (_flat(cloud)[:MAX_DRAWN] for cloud in (particles, target))
    if particles.shape[1] == 1:
        return _histograms(axes, particles[:, 0], target[:, 0])
    solid = particles.shape[1] == 3
    size = 14 if len(particles) <= 500 else 7 if len(particles) <= 2000 else 3
    # fading with depth would hide the far side
    style: dict[str, Any] = {"depthshade": False} if solid else {}
    if not solid and _comparable(target):
        axes.set_aspect("equal", adjustable="datalim")
    axes.scatter(
        *particles.T, s=size, c=PARTICLES, alpha=0.6, linewidths=0, label="particles", **style
    )
    axes.scatter(*target.T, s=16, c=TARGET, marker="x", linewidths=0.9, label="target", **style)
    for setter, name in zip(_label_setters(axes), names, strict=False):
        setter(name)
    _legend(axes)
    return axes


def _comparable(points: np.ndarray) -> bool:
    """Whether equal lengths on both axes leave a picture and not a line."""
    ranges = np.ptp(points, axis=0)
    return bool(ranges.max() < 4 * ranges.min())


def _label_setters(axes: Any) -> list[Any]:
    setters = [axes.set_xlabel, axes.set_ylabel]
    return [*setters, axes.set_zlabel] if hasattr(axes, "set_zlabel") else setters


def _histograms(axes: Axes, particles: np.ndarray, target: np.ndarray) -> Axes:
    pooled = np.concatenate([particles, target]).astype(np.float64)
    edges = np.histogram_bin_edges(pooled, bins=min(60, max(10, len(pooled) // 20)))
    for values, colour, name in ((target, TARGET, "target"), (particles, PARTICLES, "particles")):
        axes.hist(values, bins=list(edges), density=True, alpha=0.55, color=colour, label=name)
    axes.set_xlabel("x1")
    axes.set_ylabel("density")
    _legend(axes)
    return axes


def image_grid(axes: Axes, images: np.ndarray, *, columns: int = 10) -> Axes:
    """Images of shape (k, h, w) or (k, h, w, 3) in rows, on one shared range of greys."""
    images = np.asarray(images, np.float64)
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    rows = -(-len(images) // columns)
    height, width = images.shape[1:3]
    # the gap is a pixel of white between images
    canvas = np.full(
        (rows * (height + 1) + 1, columns * (width + 1) + 1, *images.shape[3:]), np.nan
    )
    for k, image in enumerate(images):
        top, left = (k // columns) * (height + 1) + 1, (k % columns) * (width + 1) + 1
        canvas[top : top + height, left : left + width] = image
    if images.ndim == 4:
        axes.imshow(np.nan_to_num(np.clip(canvas, 0, 1), nan=1.0), interpolation="nearest")
    else:
        low, high = float(images.min()), float(images.max())
        axes.imshow(canvas, cmap="gray_r", vmin=low, vmax=high, interpolation="nearest")
    axes.set_axis_off()
    return axes


def history_curve(axes: Axes, time: np.ndarray, values: np.ndarray) -> Axes:
    """A curve over time: on a log scale where it is positive and spans a decade.

    One that spans a decade and dips below 0 is drawn on a symmetric log scale, others as they are.
    """
    axes.plot(time, values, color=PARTICLES, linewidth=1.2)
    finite = values[np.isfinite(values)]
    if len(finite):
        _choose_scale(axes, finite)
    axes.set_xlabel("time (working units squared per nat)")
    axes.grid(visible=True, which="major", color="#dddddd", linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def _choose_scale(axes: Axes, values: np.ndarray) -> None:
    low, high = float(values.min()), float(values.max())
    if low > 0 and high > 10 * low:
        axes.set_yscale("log")
    elif low <= 0 < high:
        # late values waver around 0, which a log scale would turn into gaps
        axes.set_yscale("symlog", linthresh=max(-low, 1e-2 * high))
        axes.axhline(0, color=GREY, linewidth=0.6)
    else:
        axes.set_ylim(min(0.0, 1.1 * low), max(0.0, 1.1 * high) or None)


def strip(
    axes: Iterable[Axes], frames: np.ndarray, steps: Iterable[int], target: np.ndarray
) -> list[Axes]:
    """Particles at several times, one panel each, under the target: shapes (k, m, 2) and (n, 2)."""
    drawn = []
    pooled = np.concatenate([frames.reshape(-1, frames.shape[-1]), target])
    low, high = pooled.min(axis=0), pooled.max(axis=0)
    margin = 0.05 * (high - low) + np.finfo(np.float32).tiny
    for panel, frame, step in zip(axes, frames, steps, strict=True):
        size = 5 if len(frame) <= 1000 else 1.5
        panel.scatter(*frame[:MAX_DRAWN].T, s=size, c=PARTICLES, alpha=0.5, linewidths=0)
        panel.scatter(*target[:MAX_DRAWN].T, s=3, c=TARGET, alpha=0.8, linewidths=0)
        panel.set_title(f"step {step}", fontsize=9)
        panel.set_xlim(low[0] - margin[0], high[0] + margin[0])
        panel.set_ylim(low[1] - margin[1], high[1] + margin[1])
        panel.set_xticks([])
        panel.set_yticks([])
        drawn.append(panel)
    return drawn


def save_figures(
    flow: Flow,
    target: np.ndarray,
    *,
    folder: Path,
    labels: np.ndarray | None = None,
    target_labels: np.ndarray | None = None,
    columns: Sequence[str] | None = None,
) -> list[Path]:
    """Draws a finished flow into PNG files: particles, history, and the way there.

    Args:
        flow: the flow.
        target: shape (n, *event), data units.
        folder: exists already.
        labels, target_labels: classes, by which images are sorted.
        columns: their names.

    Returns:
        The files.
    """
    figures = {"history": history_figure(flow)}
    if flow.particles.ndim > 2:
        figures["particles"] = images_figure(flow.particles, target, labels, target_labels)
        figures["trajectory"] = images_over_time_figure(flow, labels)
    else:
        projection = Projection(target, flow.particles, scale=flow.scale, columns=columns)
        figures["particles"] = scatter_figure(flow.particles, target, projection)
        figures["trajectory"] = strip_figure(flow, target, projection)
    paths = []
    for name in ("particles", "trajectory", "history"):
        paths.append(folder / f"{name}.png")
        # no date or version inside, so that the same run gives the same file
        figures[name].savefig(paths[-1], dpi=150, metadata={"Software": None})
    return paths


def scatter_figure(particles: np.ndarray, target: np.ndarray, projection: Projection) -> Figure:
    figure = Figure(figsize=(6, 5.4), layout="constrained")
    solid = projection.dim == 3
    axes = figure.add_subplot(projection="3d") if solid else figure.add_subplot()
    if isinstance(axes, Axes3D):
        # along the second axis, which shows the Swiss roll's spiral
        axes.view_init(elev=14, azim=-72)
        axes.set_box_aspect(None, zoom=1.1)  # type: ignore[arg-type]
    else:
        axes.spines[["top", "right"]].set_visible(False)
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
    chosen = _spaced(len(flow.trajectory), 6)
    figure = Figure(figsize=(2 * len(chosen), 2.2), layout="constrained")
    frames = np.stack([_pair(projection(flow.trajectory[k])) for k in chosen])
    panels = figure.subplots(1, len(chosen), squeeze=False)[0]
    strip(panels, frames, flow.trajectory_steps[chosen].tolist(), _pair(projection(target)))
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
    image_grid(panels[0], _pick(particles, labels)).set_title("particles (generated)")
    image_grid(panels[1], _pick(target, target_labels)).set_title("target (real)")
    return figure


def images_over_time_figure(flow: Flow, labels: np.ndarray | None) -> Figure:
    """Ten particles, one per row, from the source on the left to the end on the right."""
    chosen = _spaced(len(flow.trajectory), 12)
    rows = [_pick(flow.trajectory[k], labels, count=10) for k in chosen]
    images = np.stack(rows, axis=1)
    figure = Figure(figsize=(8, 7), layout="constrained")
    axes = image_grid(
        figure.add_subplot(), images.reshape(-1, *images.shape[2:]), columns=len(chosen)
    )
    last = flow.trajectory_steps[chosen[-1]]
    axes.set_title(f"ten particles, from step 0 (left) to step {last} (right)", fontsize=10)
    return figure


def _pick(images: np.ndarray, labels: np.ndarray | None, count: int = 100) -> np.ndarray:
    """Evenly spaced images, sorted by class where there are classes."""
    order = np.arange(len(images)) if labels is None else np.argsort(labels, kind="stable")
    return images[order[_spaced(len(images), count)]]


def _spaced(length: int, count: int) -> np.ndarray:
    return np.unique(np.linspace(0, length - 1, min(length, count)).round().astype(int))


def _pair(points: np.ndarray) -> np.ndarray:
    """Two columns: the outer ones of three (the Swiss roll's spiral), one twice."""
    if points.shape[1] == 1:
        # spread over the height by rank, so that a line of points shows its density
        return np.column_stack([points[:, 0], np.linspace(0, 1, len(points))])
    return points[:, [0, -1]]


def _flat(points: np.ndarray) -> np.ndarray:
    return np.asarray(points, np.float64).reshape(len(points), -1)


def _legend(axes: Axes) -> None:
    # above the axes, where no point is
    axes.legend(
        frameon=False,
        fontsize=9,
        ncols=2,
        loc="lower center",
        bbox_to_anchor=(0.5, 1),
        markerscale=2,
    )
