"""What moves the particles: speed and level sets of phi in the plane, at a step of a flow."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes

from gparticles.errors import InputError
from gparticles.flow import Flow
from gparticles.plots.projection import limits
from gparticles.plots.style import FIELD, GREY

Box = tuple[np.ndarray, np.ndarray]


def speed_field(
    axes: Axes,
    flow: Flow,
    *,
    step: int = -1,
    label: Any = None,
    box: Box | None = None,
    resolution: int = 100,
) -> Axes:
    """How fast and where to points move at a step: colour for |dY/dt|, arrows for directions.

    Args:
        axes: to draw on.
        flow: of points in the plane, with stored potentials.
        step: counted from the end where negative.
        label: whose potential is drawn, where the flow is class-conditional.
        box: lower and upper corner, shape (2,) each, data units; by default around the
            particles of that step and of the end.
        resolution: points per side.

    Raises:
        InputError: the flow is not in the plane, took no step, stored no potentials, or needs a
            label.
    """
    step, box = _checked(flow, step, box)
    points, shape, extent = _mesh(box, resolution)
    velocity = _velocity(flow, points, step=step, label=label)
    speed = np.linalg.norm(velocity, axis=1).reshape(shape)
    image = axes.imshow(speed, origin="lower", extent=extent, aspect="auto", cmap=FIELD, vmin=0)
    colours = axes.get_figure().colorbar(image, ax=axes, pad=0.02)  # type: ignore[union-attr]
    colours.set_label("speed (data units per unit of time)", fontsize=9)
    _arrows(axes, flow, box, step=step, label=label)
    axes.set_title(f"velocity at step {step}", fontsize=10)
    return axes


def level_sets(
    axes: Axes,
    flow: Flow,
    *,
    step: int = -1,
    label: Any = None,
    box: Box | None = None,
    resolution: int = 100,
    levels: int = 16,
) -> Axes:
    """Level sets of phi at a step, less its mean over the box; particles move downhill.

    Args:
        axes: to draw on.
        flow, step, label, box, resolution: as for ``speed_field``.
        levels: how many.

    Raises:
        InputError: as for ``speed_field``.
    """
    step, box = _checked(flow, step, box)
    points, shape, _ = _mesh(box, resolution)
    labels = _labels(flow, len(points), label)
    working = jnp.asarray(flow.scaling.to_working(points))
    indices = None
    if flow.classes is not None and labels is not None:
        indices = jnp.asarray(np.searchsorted(flow.classes, labels))
    phi = np.asarray(flow.potential(step)(working, indices), np.float64)
    phi = (phi - phi.mean()).reshape(shape)
    x, y = (points[:, k].reshape(shape) for k in (0, 1))
    if np.ptp(phi) == 0:
        # a potential before its first fit may be constant
        axes.set_title(f"phi at step {step} is constant", fontsize=10)
        return axes
    filled = axes.contourf(x, y, phi, levels=levels, cmap=FIELD)
    axes.contour(x, y, phi, levels=filled.levels, colors="white", linewidths=0.4, alpha=0.6)
    colours = axes.get_figure().colorbar(filled, ax=axes, pad=0.02)  # type: ignore[union-attr]
    colours.set_label("phi (nats)", fontsize=9)
    axes.set_title(f"level sets of phi at step {step}", fontsize=10)
    return axes


def _checked(flow: Flow, step: int, box: Box | None) -> tuple[int, Box]:
    if flow.particles.shape[1:] != (2,):
        raise InputError(f"points have shape {flow.particles.shape[1:]}; fields need 2 columns")
    if flow.ride is None or flow.steps == 0:
        raise InputError("this flow holds no potentials; run it with store=gpa.Store()")
    if not -flow.steps <= step < flow.steps:
        raise InputError(f"step is {step}; the flow took {flow.steps} steps")
    step %= flow.steps
    if box is None:
        frame = flow.trajectory[np.abs(flow.trajectory_steps - step).argmin()]
        box = limits([frame, flow.particles])
    return step, box


def _mesh(
    box: Box, resolution: int
) -> tuple[np.ndarray, tuple[int, int], tuple[float, float, float, float]]:
    (left, bottom), (right, top) = np.asarray(box, float)
    x, y = np.meshgrid(np.linspace(left, right, resolution), np.linspace(bottom, top, resolution))
    return np.column_stack([x.ravel(), y.ravel()]), x.shape, (left, right, bottom, top)


def _labels(flow: Flow, count: int, label: Any) -> np.ndarray | None:
    if flow.classes is None:
        return None
    if label is None or label not in flow.classes:
        raise InputError(f"label is {label!r}; give one of {flow.classes.tolist()}")
    return np.full(count, label, flow.classes.dtype)


def _velocity(flow: Flow, points: np.ndarray, *, step: int, label: Any) -> np.ndarray:
    labels = _labels(flow, len(points), label)
    return flow.velocity(points, float(flow.history["time"][step]), labels)


def _arrows(axes: Axes, flow: Flow, box: Box, *, step: int, label: Any) -> None:
    """Directions only, all of one length: the colour shows the speed."""
    inset = 0.03 * (np.asarray(box[1]) - np.asarray(box[0]))
    points, _, _ = _mesh((box[0] + inset, box[1] - inset), 15)
    velocity = _velocity(flow, points, step=step, label=label)
    span = np.asarray(box[1]) - np.asarray(box[0])
    direction = velocity / span
    length = np.linalg.norm(direction, axis=1, keepdims=True)
    direction = np.divide(direction, length, out=np.zeros_like(direction), where=length > 0)
    axes.quiver(
        *points.T, *direction.T, color="white", edgecolor=GREY, linewidth=0.3, pivot="mid", scale=26
    )
    axes.set(xlim=(box[0][0], box[1][0]), ylim=(box[0][1], box[1][1]))
