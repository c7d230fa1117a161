"""Pictures and report of a finished run: at its end, and again from its folder."""

import platform
import shlex
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gparticles.errors import InputError, printable
from gparticles.experiment.checked import built, parsed_toml, read_metrics
from gparticles.experiment.folder import CONFIG, METRICS, RunFolder, machine
from gparticles.experiment.inputs import Inputs
from gparticles.experiment.latent_runs import as_shown
from gparticles.experiment.mixed_runs import shown_flow
from gparticles.experiment.table_report import section
from gparticles.flow import Flow
from gparticles.flow.saving import read_arrays, read_record, write_arrays, write_record

if TYPE_CHECKING:
    from gparticles.report.shown import Shown

REPORT, NEAREST, STRIP = "report.html", "nearest.png", "trajectory.png"
_BESIDE = "Particles, and below each the training image that it is most like."
_OVER_TIME = "Ten of them, a row each, from the first stored time on the left to the last."
_PACKAGES = ("gparticles", "jax", "jaxlib", "equinox", "optax", "numpy", "scipy", "plotly")


def draw_run(folder: RunFolder, inputs: Inputs, flow: Flow) -> tuple[Path, ...]:
    """Writes ``figures/`` and ``trajectory.gif``, and keeps what a report needs of the target.

    Returns:
        The figures.
    """
    # matplotlib takes a second to import, and the first progress is due
    from gparticles.plots import save_figures
    from gparticles.report.animation import save_animation
    from gparticles.report.shown import choose

    classes = {"labels": inputs.labels, "target_labels": inputs.target_labels}
    columns = inputs.like.columns
    shown = choose(flow, inputs.target, columns=columns, **classes)
    _keep(folder, shown)
    figures = save_figures(
        flow, inputs.target, folder=folder.subfolder("figures"), columns=columns, **classes
    )
    if flow.particles.ndim > 2:
        from gparticles.evaluate.image_pictures import save_nearest

        beside = folder.path / "figures" / NEAREST
        save_nearest(beside, flow.particles, inputs.target, labels=inputs.labels)
        figures.append(beside)
    save_animation(flow, shown, folder.path / "trajectory.gif")
    return tuple(figures)


def report_run(folder: RunFolder, flow: Flow, metrics: dict[str, Any]) -> Path:
    """Writes ``report.html`` into a run's folder; returns its path.

    Args:
        folder: with its configuration and what ``draw_run`` kept.
        flow: its flow.
        metrics: as in ``metrics.json``.
    """
    from gparticles.report import About, write_report
    from gparticles.report.page import in_place

    text = _config_text(folder)
    images = flow.particles.ndim > 2
    shown, versions = _kept(folder, flow)
    again = shlex.join(
        ["gpa", "run", str(folder.path / CONFIG), "--out", f"{folder.path.name}-again"]
    )
    about = About(
        name=printable(folder.path.resolve().name),
        description=_description(text),
        command=printable(again),
        config=text,
        versions=versions,
        metrics=metrics,
        table=section(folder, metrics),
        over_time=in_place(_picture(folder, STRIP, _OVER_TIME)) if images else (),
        pictures=in_place(_picture(folder, NEAREST, _BESIDE)),
    )
    return write_report(folder.path / REPORT, flow, shown, about=about)


def _picture(folder: RunFolder, name: str, caption: str) -> list[tuple[Path, str]]:
    path = folder.path / "figures" / name
    return [(path, caption)] if path.is_file() else []


def report_again(folder: RunFolder) -> Path:
    """Writes the report of a finished run anew.

    Raises:
        InputError: the folder holds no finished run, or a file in it is damaged.
    """
    flow = folder.flow()
    if not folder.finished:
        mend = "continue it with gpa run ... --resume" if folder.begun else "give a run's folder"
        raise InputError(f"{folder}: holds no finished run ({METRICS} is missing); {mend}")
    metrics = read_metrics(folder.path / METRICS)
    units = folder.units()
    with folder.reading():
        if units is not None and isinstance(flow, Flow):
            seed = int(flow.settings["seed"])
            return report_run(folder, shown_flow(units, flow, seed=seed), metrics)
        return report_run(folder, as_shown(flow), metrics)


def _config_text(folder: RunFolder) -> str:
    path = folder.path / CONFIG
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise InputError(f"{path}: cannot be read; restore it from a copy") from None


def _description(text: str) -> str:
    try:
        keys = parsed_toml(text)
    except ValueError:
        return ""
    if "description" in keys:
        return str(keys["description"])
    named = {role: _cloud(keys.get(role)) for role in ("source", "target")}
    return f"From {named['source'] or 'noise fitted to the target'} to {named['target']}"


def _cloud(section: Any) -> str:
    """The first of the words that name a cloud's kind, as in ``few.csv``."""
    section = section if isinstance(section, dict) else {}
    for kind in ("file", "custom", "dataset", "noise"):
        if kind in section:
            name = str(section[kind])
            return Path(name).name if kind == "file" else f"{name} {kind}".removesuffix(" custom")
    return ""


def versions() -> dict[str, str]:
    """Of Python, of the packages that decide about a run's numbers, and the kind of device."""
    import jax

    numbers = {"Python": platform.python_version()}
    numbers |= {name: metadata.version(name) for name in _PACKAGES}
    device = f"{jax.default_backend()}, {platform.system()} {platform.machine()}"
    return {**numbers, "on": f"{device}, {machine()}"}


def _keep(folder: RunFolder, shown: "Shown") -> None:
    arrays = {"chosen": shown.chosen, "target": shown.target}
    record = {
        "target_rows": shown.target_rows,
        "columns": shown.columns,
        "versions": versions(),
        "checksum": write_arrays(folder.path / "flow" / "shown.safetensors", arrays),
    }
    write_record(folder.path / "flow" / "shown.json", record)


def _kept(folder: RunFolder, flow: Flow) -> tuple["Shown | None", dict[str, str]]:
    """What a run kept to be shown, and the versions it ran with; None of a run from before."""
    from gparticles.report.shown import Shown

    path = folder.path / "flow" / "shown.json"
    if not path.exists():
        return None, {}
    record = read_record(path)
    try:
        versions = {str(name): str(number) for name, number in record["versions"].items()}
        arrays = read_arrays(path.with_suffix(".safetensors"), record["checksum"])
        columns = None if record["columns"] is None else tuple(record["columns"])
        read = {"target_rows": record["target_rows"], "columns": columns, **arrays}
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: is damaged ({error!r}); run it again") from None
    return _fitting(built(Shown, read, path), flow, path), versions


def _fitting(shown: "Shown", flow: Flow, path: Path) -> "Shown":
    """What is shown, if it is of this flow."""
    event, chosen, target = flow.particles.shape[1:], shown.chosen, shown.target
    rows = chosen.ndim == 1 and chosen.dtype.kind in "iu"
    inside = rows and ((chosen >= 0) & (chosen < len(flow.particles))).all()
    points = target.dtype.kind == "f" and target.shape[1:] == event and np.isfinite(target).all()
    named = shown.columns is None or (len(shown.columns),) == event
    if not (inside and points and named and len(target) and len(chosen)):
        raise InputError(f"{path}: is damaged (it is not of this flow); run it again")
    return shown
