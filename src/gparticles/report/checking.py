"""What can be drawn and said of a run: all that comes from a folder's files is checked here.

Files are edited, cut short and mixed up; whatever they hold ends in one line that names the mend.
"""

from typing import Any, NoReturn

import numpy as np

from gparticles.checks import check_points
from gparticles.errors import InputError
from gparticles.flow import Flow
from gparticles.report.shown import Shown

_HISTORY = ("time", "divergence", "kinetic_energy")
_NUMBERS = ("value", "fresh", "resampled", "smoothed", "low", "high", "expected")
_TEXTS = ("title", "unit", "note", "sentence")
# its value is text
_WORDS = "outcome"


def check_flow(flow: Flow) -> None:
    """A flow that can be drawn: finite particles and frames of one shape, and curves of one length.

    Raises:
        InputError: what cannot be drawn, and what to do.
    """
    particles = check_points(flow.particles, "particles")
    frames = np.asarray(flow.trajectory)
    if len(frames) == 0 or frames.shape[2:] != particles.shape[1:]:
        _refuse(f"frames have shape {frames.shape}, which do not fit {particles.shape} particles")
    check_points(frames.reshape(-1, *frames.shape[2:]), "frames")
    if frames.shape[1] != len(particles):
        _refuse(f"frames hold {frames.shape[1]} of {len(particles)} particles")
    curves = {name: np.asarray(flow.history.get(name)) for name in (*_HISTORY, *flow.history)}
    for name, curve in curves.items():
        if curve.ndim != 1 or curve.dtype.kind not in "fiu" or len(curve) != flow.steps:
            _refuse(f"the history's {name} is not a number for each of {flow.steps} steps")
    steps = np.asarray(flow.trajectory_steps)
    if steps.shape != frames.shape[:1] or steps.dtype.kind not in "iu":
        _refuse(f"{len(frames)} frames have steps of shape {steps.shape}")
    if steps.min() < -1 or steps.max() > flow.steps:
        _refuse(f"frames are of steps {steps.min()} to {steps.max()}, of {flow.steps}")


def check_shown(flow: Flow, shown: Shown) -> None:
    """A flow and the part of it that is shown, which fit each other.

    Raises:
        InputError: what cannot be drawn, and what to do.
    """
    check_flow(flow)
    target = check_points(shown.target, "target")
    if target.shape[1:] != flow.particles.shape[1:]:
        _refuse(f"targets have shape {target.shape[1:]}, particles {flow.particles.shape[1:]}")
    chosen, total = np.asarray(shown.chosen), len(flow.particles)
    if chosen.ndim != 1 or chosen.dtype.kind not in "iu" or not len(chosen):
        _refuse("which particles are shown is not a list of whole numbers")
    if chosen.min() < 0 or chosen.max() >= total:
        _refuse(f"particles {chosen.min()} to {chosen.max()} are to be shown, of {total}")
    rows = shown.target_rows
    if not isinstance(rows, int) or isinstance(rows, bool) or rows < len(target):
        _refuse(f"the target has {rows!r:.40} rows, of which {len(target)} are shown")
    columns = shown.columns
    if columns is not None and (
        len(columns) != target[0].size or not all(isinstance(name, str) for name in columns)
    ):
        _refuse(f"{len(columns)} names of columns, of {target[0].size}")


def check_metrics(metrics: Any) -> None:
    """Entries as ``metrics.json`` holds them: a number or null where numbers belong.

    Raises:
        InputError: the entry that is damaged.
    """
    if not isinstance(metrics, dict):
        _refuse("metrics are not an object of names")
    for name, entry in metrics.items():
        if not isinstance(entry, dict):
            _refuse(f"the metric {str(name)!r:.40} is not an object")
        numbers = {key: entry.get(key) for key in _NUMBERS}
        words = {key: entry.get(key) for key in _TEXTS}
        if name == _WORDS:
            words["value"] = numbers.pop("value")
        odd = [k for k, v in numbers.items() if v is not None and not _is_number(v)]
        odd += [k for k, v in words.items() if not isinstance(v, str | None)]
        if odd:
            kind = "a number" if odd[0] in numbers else "text"
            _refuse(f"the metric {str(name)!r:.40} has a {odd[0]} that is not {kind}")


def check_versions(versions: Any) -> None:
    """Names of software and their versions as text."""
    if not isinstance(versions, dict) or not all(isinstance(v, str) for v in versions.values()):
        _refuse("versions are not names and texts")


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        # a whole number in JSON may have any length
        float(value)
    except OverflowError:
        return False
    return True


def _refuse(fault: str) -> NoReturn:
    raise InputError(f"{fault}; files of the run are damaged: restore them, or run again")
