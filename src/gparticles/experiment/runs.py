"""One run from a configuration to a finished folder: what a script calls instead of ``gpa``."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gparticles
from gparticles.errors import InputError
from gparticles.experiment.arguments import arguments
from gparticles.experiment.checked import parsed_toml
from gparticles.experiment.config import Config
from gparticles.experiment.evaluation import MAX_HELD_OUT, run_metrics
from gparticles.experiment.folder import CONFIG, RunFolder, config_text, differing
from gparticles.experiment.inputs import Inputs, check_memory, gather
from gparticles.experiment.latent_runs import (
    as_shown,
    bound_entry,
    encoded,
    in_its_space,
    latent_run,
)
from gparticles.experiment.pictures import draw_run, report_run
from gparticles.experiment.provenance import stream
from gparticles.flow import Checkpoint, ExactPotential, Flow, Progress, prepare
from gparticles.latent import LatentFlow
from gparticles.tables import check_same_columns, load, save
from gparticles.tables.cohorts import with_genes
from gparticles.tables.table import Table, without_missing

Say = Callable[[str], None]


def _silent(_: str) -> None:
    pass


# keys that a resumed run may change
_FREE = ("checkpoint_seconds", "description")


@dataclass(frozen=True)
class Result:
    """A finished run: its flow, its metrics, and the files a user looks at first."""

    flow: Flow | LatentFlow
    metrics: dict[str, Any]
    particles: Path
    figures: tuple[Path, ...]
    report: Path


def run(
    config: Config,
    out: str | Path,
    *,
    resume: bool = False,
    callbacks: Sequence[Callable[[Progress], Any]] = (),
    say: Say = _silent,
) -> Result:
    """Carries out a configuration and writes the run folder.

    Args:
        config: from ``gparticles.experiment.recipes.check``.
        out: the folder, new or empty, or an unfinished run's with ``resume``.
        resume: continue from the folder's checkpoint, to the same bits as an uninterrupted run.
        callbacks: called with a ``Progress`` after every chunk of steps.
        say: called with lines that the user should read: warnings, and what was chosen.

    Raises:
        InputError: anything that the user can mend; before the folder is made if it concerns the
            input.
        OSError: the disk is full or the folder cannot be written. The checkpoint is kept.
    """
    folder = RunFolder(out)
    folder.check(resume=resume)
    inputs = gather(config, max_held_out=MAX_HELD_OUT)
    _tell(inputs, config, say)
    codec, moved = in_its_space(config, inputs)
    given = arguments(config, moved)
    prepared = prepare(**given)
    keys = {**config.to_dict(), "scale": given["scale"]}
    check_same_run(folder, keys)
    folder.begin(config_text(keys, prepared.describe(), gparticles.__version__))
    began = time.monotonic()
    checkpoint = Checkpoint(folder.path / "checkpoint", config.checkpoint_seconds, resume=resume)
    if resume and not checkpoint.record.exists():
        say(f"{folder}: no checkpoint to resume from: the run begins anew")
    if isinstance(given["potential"], ExactPotential) and inputs.held_out is None:
        say("without a network particles may copy the target; --validation 0.2 lets metrics tell")
    if codec is None:
        flow = prepared.run(callbacks=callbacks, checkpoint=checkpoint)
    else:
        given |= {"callbacks": callbacks, "checkpoint": checkpoint}
        flow = latent_run(config, inputs, codec, given)
    return _finish(folder, config, inputs, flow=flow, seconds=time.monotonic() - began)


def _tell(inputs: Inputs, config: Config, say: Say) -> None:
    for line in inputs.warnings:
        say(line)
    if inputs.tabular and config.scale is None and config.latent is None:
        say(
            'each column is divided by its own spread (scale = "columns"); '
            "--set scale=auto keeps their proportions"
        )


def check_same_run(folder: RunFolder, keys: dict[str, Any]) -> None:
    """Refuses to continue a folder that began with other settings.

    Raises:
        InputError: the first key that differs, with both values.
    """
    path = folder.path / CONFIG
    if not path.exists():
        return
    try:
        before = parsed_toml(path.read_text(encoding="utf-8"))
    except ValueError:
        raise InputError(f"{path}: is damaged; start anew in another folder with --out") from None
    found = differing(before, keys, ignored=_FREE)
    if found is not None:
        raise InputError(
            f"{path}: {found}; resume with the settings the run began with, "
            "or name another folder with --out"
        )


def _finish(
    folder: RunFolder, config: Config, inputs: Inputs, *, flow: Flow | LatentFlow, seconds: float
) -> Result:
    flow.save(folder.path / "flow", overwrite=True)
    inputs.law.save(folder.path / "flow")
    particles = save(
        flow.particles,
        folder.path / "particles",
        like=inputs.like,
        ids=inputs.ids,
        labels=inputs.kept_labels,
    )
    folder.write_history(flow.history)
    shown, bound = as_shown(flow), bound_entry(config, inputs, flow)
    if isinstance(flow, LatentFlow) and shown.particles.ndim == 2:
        inputs = encoded(inputs, flow.codec)
    figures = draw_run(folder, inputs, shown)
    metrics = run_metrics(config, inputs, shown, seconds=seconds) | bound
    report = report_run(folder, shown, metrics)
    folder.finish(metrics)
    return Result(flow, metrics, particles, figures, report)


def transform(
    folder: RunFolder,
    path: str | Path,
    out: Path,
    *,
    id_column: str | None = None,
    label_column: str | None = None,
) -> Path:
    """Carries a user's points along a stored flow and writes them in the form they came in.

    Args:
        folder: of a finished run.
        path: the points' file.
        out: where to.
        id_column, label_column: of that file; labels are in the run's column by default.

    Raises:
        InputError: no flow, other columns than the flow's, or labels it does not know.
    """
    flow, form = folder.flow(), folder.law().like
    labelled = flow.classes is not None
    if labelled and label_column is None and form.columns is not None:
        label_column = form.label_name
    columns: dict[str, Any] = {"id_column": id_column, "label_column": label_column}
    # a latent flow guesses labels that are missing
    gaps = isinstance(flow, LatentFlow)
    points = _later(path, form, columns) if gaps else load(path, **columns)
    if isinstance(flow, LatentFlow) and form.columns is not None and points.columns is not None:
        # of thousands of genes, later files have other ones and another order
        points = with_genes(points, form.columns)
    check_same_columns(points, replace(form, name=f"the run in {folder}"))
    if labelled and points.labels is None:
        raise InputError(
            f"{path}: has no labels, which this flow needs; name their column with --label-column"
        )
    labels = points.labels if labelled else None
    if gaps and labels is not None:
        labels = without_missing(labels)
    moved = flow(points.values, labels=labels)
    return save(moved, out, like=points, ids=points.ids, labels=points.labels)


def _later(path: str | Path, form: Table, columns: dict[str, Any]) -> Table:
    """Later samples; with labels by which the first ones were only judged, if they are there."""
    if columns["label_column"] is None and form.label_name is not None:
        named = {**columns, "label_column": form.label_name}
        with suppress(InputError):
            return load(path, **named, label_gaps=True)
    return load(path, **columns, label_gaps=True)


def sample(folder: RunFolder, n: int, out: Path, *, seed: int = 0) -> Path:
    """Draws source points anew, carries them along a stored flow, and writes them.

    Raises:
        InputError: no flow, or its source was a file.
    """
    law = folder.law()
    if law.kind not in ("noise", "dataset"):
        raise InputError(
            f"{folder}: its particles came from {law.name}, of which there is no more to draw; "
            f"use gpa transform {folder} points.csv -o {out}"
        )
    n = check_memory(n, law.like.values)
    values, labels = law.draw(n, seed=stream(seed, "sample"))
    moved = folder.flow()(values, labels=labels)
    return save(moved, out, like=law.like, labels=labels)
