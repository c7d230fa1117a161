"""One run from a configuration to a finished folder: what a script calls instead of ``gpa``."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import gparticles
from gparticles.errors import InputError
from gparticles.experiment import mixed_streams
from gparticles.experiment.arguments import arguments
from gparticles.experiment.checked import parsed_toml
from gparticles.experiment.config import Config
from gparticles.experiment.evaluation import MAX_HELD_OUT, run_metrics
from gparticles.experiment.folder import CONFIG, RunFolder, config_text, differing, machine
from gparticles.experiment.inputs import Inputs, check_memory, gather, table_of
from gparticles.experiment.latent_runs import (
    as_images,
    as_shown,
    bound_entry,
    decoded,
    encoded,
    in_its_space,
    latent_run,
    usual_for_images,
)
from gparticles.experiment.mixed_runs import mixed_as_shown, shown_flow, with_choice
from gparticles.experiment.mixed_streams import MovingRows, Request, Sampled, sample_file
from gparticles.experiment.pictures import draw_run, report_run
from gparticles.experiment.preview import PREVIEW, Preview
from gparticles.experiment.streams import Moving, Watch, transform_rows
from gparticles.experiment.streams import sample_rows as sample_stream
from gparticles.experiment.table_report import draw_table, table_metrics
from gparticles.flow import Checkpoint, Flow, Progress, prepare
from gparticles.flow.settings import AbstractKind
from gparticles.flow.sharding import is_first
from gparticles.flow.transport import Prepared
from gparticles.latent import AbstractCodec, Deformations, LatentFlow
from gparticles.outputs import remove
from gparticles.tables.mixed import save_frame
from gparticles.tables.streams import is_streamed_kind

Say = Callable[[str], None]


def _silent(_: str) -> None:
    pass


def _unwatched(_: int) -> None:
    pass


# keys that a resumed run may change
_FREE = ("checkpoint_seconds", "description", "devices")


@dataclass(frozen=True)
class Result:
    """A finished run: its flow, its metrics, and the files a user looks at first.

    Attributes:
        count: of rows in the file of particles; a table's flow may have more.
    """

    flow: Flow | LatentFlow
    metrics: dict[str, Any]
    particles: Path
    figures: tuple[Path, ...]
    report: Path
    count: int = 0


@dataclass(frozen=True)
class ReadyRun:
    """A run whose input was read and checked, and that has not taken a step.

    Attributes:
        config: what was asked for.
        inputs: what it works on.
        codec: of the latent space that particles move in, or None.
        moved: the inputs there.
        arguments: of ``gparticles.transport``, but for callbacks and the checkpoint.
        prepared: the flow.
    """

    config: Config
    inputs: Inputs
    codec: AbstractCodec | None
    moved: Inputs
    arguments: dict[str, Any]
    prepared: Prepared

    @property
    def scale(self) -> float | str:
        """The recipe's word for the units that particles are moved in."""
        return self.arguments["scale"] if self.inputs.mixed is None else "scores"

    def carried_out(
        self, *, callbacks: Sequence[Callable[[Progress], Any]], checkpoint: Checkpoint
    ) -> Flow | LatentFlow:
        """The finished flow."""
        run = {"callbacks": callbacks, "checkpoint": checkpoint}
        if self.codec is None:
            return self.prepared.run(**run)
        if isinstance(self.codec, Deformations):
            return as_images(self.prepared.run(**run), self.codec, self.moved)
        return latent_run(self.config, self.inputs, self.codec, {**self.arguments, **run})


def make_ready(config: Config) -> ReadyRun:
    """Reads and checks everything that a run needs, and writes nothing.

    Raises:
        InputError: anything that the user can mend.
    """
    # what is usual for images is known once they are read, and they are read once
    read: Any = cache(table_of)
    inputs = gather(config, max_held_out=MAX_HELD_OUT, read=read)
    if inputs.mixed is None and (config.task, config.closeness) != (None, None):
        raise InputError(
            "task and closeness are for tables whose rows are made column by column; leave them "
            'out, or set scale = "scores"'
        )
    if inputs.mixed is not None:
        _load_ahead()
        inputs = replace(inputs, mixed=with_choice(config, inputs.mixed))
    usual = usual_for_images(config, inputs)
    if usual is not None:
        config, inputs = usual, gather(usual, max_held_out=MAX_HELD_OUT, read=read)
    codec, moved = in_its_space(config, inputs)
    asked = arguments(config, moved)
    if codec is not None and codec.begins:
        # of pixels, in which decoded images stay by themselves
        asked["bounds"] = None
    return ReadyRun(config, inputs, codec, moved, asked, prepare(**asked))


def run(
    config: Config,
    out: str | Path,
    *,
    resume: bool = False,
    ready: ReadyRun | None = None,
    callbacks: Sequence[Callable[[Progress], Any]] = (),
    say: Say = _silent,
) -> Result:
    """Carries out a configuration and writes the run folder.

    Args:
        config: from ``gparticles.experiment.recipes.check``.
        out: the folder, new or empty, or an unfinished run's with ``resume``.
        resume: continue from the folder's checkpoint, to the same bits as an uninterrupted run.
        ready: from ``make_ready``, where that was done already.
        callbacks: called with a ``Progress`` after every chunk of steps.
        say: called with lines that the user should read: warnings, and what was chosen.

    Returns:
        What was made. Of several processes (``gparticles.hosts``) the first alone writes; the
        others return its paths, and no metrics.

    Raises:
        InputError: anything that the user can mend; before the folder is made if it concerns the
            input.
        OSError: the disk is full or the folder cannot be written. The checkpoint is kept.
    """
    folder = RunFolder(out)
    if not is_first():
        return _helped(folder, config, resume=resume)
    folder.check(resume=resume)
    ready = make_ready(config) if ready is None else ready
    config = ready.config
    _tell(ready, say)
    keys = {**config.to_dict(), "scale": ready.scale}
    check_same_run(folder, keys)
    _tell_of_machine(folder, say)
    folder.begin(config_text(keys, ready.prepared.describe(), gparticles.__version__))
    _load_ahead()
    began = time.monotonic()
    checkpoint = Checkpoint(folder.path / "checkpoint", config.checkpoint_seconds, resume=resume)
    if resume and not checkpoint.record.exists():
        say(f"{folder}: no checkpoint to resume from: the run begins anew")
    preview = preview_of(folder.path, ready, say=say)
    flow = ready.carried_out(callbacks=(*callbacks, *preview), checkpoint=checkpoint)
    return _finish(folder, ready, flow=flow, seconds=time.monotonic() - began)


def preview_of(path: Path, ready: ReadyRun, *, say: Say = _silent) -> tuple[Preview, ...]:
    """What draws images on their way; nothing of other points, or where hosts share them."""
    if ready.inputs.target.ndim < 3 or ready.prepared.placement.several_hosts:
        return ()
    codec, inputs = ready.codec, ready.inputs

    def images(points: np.ndarray) -> np.ndarray:
        return points if codec is None else decoded(codec, points, inputs)

    return (Preview(path / PREVIEW, images, labels=inputs.labels, say=say),)


def _helped(folder: RunFolder, config: Config, *, resume: bool) -> Result:
    """The run in a process that is not the first: it takes part in the flow and writes nothing."""
    ready = make_ready(config)
    checkpoint = Checkpoint(folder.path / "checkpoint", config.checkpoint_seconds, resume=resume)
    flow = ready.carried_out(callbacks=(), checkpoint=checkpoint)
    return Result(flow, {}, folder.path / "particles", (), folder.path / "report.html")


def _load_ahead() -> None:
    """Has what judges and draws be imported, which takes seconds, while compiled programs run."""
    threading.Thread(target=_load, daemon=True).start()


def _load() -> None:
    with suppress(Exception):
        from gparticles.evaluate import metrics  # noqa: F401
    with suppress(Exception):
        from gparticles import plots  # noqa: F401


def _tell_of_machine(folder: RunFolder, say: Say) -> None:
    before, now = folder.began_on(), machine()
    if before not in (None, now):
        say(
            f"{folder}: began on {before} and goes on with {now}; the same bits as without the "
            "break come from the same numbers only"
        )


def _tell(ready: ReadyRun, say: Say) -> None:
    inputs, config = ready.inputs, ready.config
    for line in inputs.warnings:
        say(line)
    if isinstance(ready.codec, Deformations):
        say(
            "new images are made as deformations of the target's; --set potential.preset=default "
            "moves pixels instead"
        )
    if inputs.held_out is None and inputs.target.ndim > 2:
        say(
            "how new the images are can be measured only beside images that are held out: "
            "--validation 0.2 holds a fifth of the target out"
        )
    elif inputs.held_out is None and isinstance(ready.arguments["potential"], AbstractKind):
        say(
            "without a network particles may end at points of the target; --validation 0.2 holds "
            "a fifth of these out, beside which that is measured"
        )
    if inputs.mixed is not None:
        kinds = [f"{name} {kind}" for name, kind in inputs.mixed.units.codec.kinds.items()]
        say(f"columns, moved as normal scores: {', '.join(kinds)}")
        if inputs.mixed.choice is not None:
            say(inputs.mixed.choice.sentence)
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
    difference = differing(before, keys, ignored=_FREE)
    if difference is not None:
        raise InputError(
            f"{path}: {difference}; resume with the settings the run began with, "
            "or name another folder with --out"
        )


def _finish(
    folder: RunFolder, ready: ReadyRun, *, flow: Flow | LatentFlow, seconds: float
) -> Result:
    config, inputs = ready.config, ready.inputs
    mixed = inputs.mixed
    if mixed is not None and isinstance(flow, Flow):
        if mixed.choice is not None:
            flow.settings["choice"] = mixed.choice.to_dict()
        units = mixed.units.with_margins(flow, mixed.frame, seed=config.seed)
        mixed = replace(mixed, units=units)
        inputs = replace(inputs, mixed=mixed)
    flow.save(folder.path / "flow", overwrite=True)
    inputs.law.save(folder.path / "flow")
    rows = None if mixed is None else _rows_made(config, inputs, flow)
    particles = _write_particles(folder, inputs, flow, rows)
    folder.write_history(flow.history)
    bound = bound_entry(config, inputs, flow)
    inputs, shown = _as_shown(config, inputs, flow)
    figures = draw_run(folder, inputs, shown)
    metrics = run_metrics(config, inputs, shown, seconds=seconds) | bound
    if mixed is not None:
        draw_table(folder, mixed, rows)
        metrics |= table_metrics(config, mixed, rows)
        figures = tuple(sorted((folder.path / "figures").glob("*.png")))
    report = report_run(folder, shown, metrics)
    # figures/ shows the end
    remove(folder.path / PREVIEW)
    folder.finish(metrics)
    count = len(flow.particles if rows is None else rows)
    return Result(flow, metrics, particles, figures, report, count)


def _write_particles(folder: RunFolder, inputs: Inputs, flow: Flow | LatentFlow, rows: Any) -> Path:
    """The file of what was made: of ``rows``, where these are a DataFrame."""
    if inputs.mixed is None:
        form = {"like": inputs.like, "ids": inputs.ids, "labels": inputs.kept_labels}
        return folder.write_points("particles", flow.particles, **form)
    units = inputs.mixed.units
    units.save(folder.path / "flow")
    return save_frame(rows, folder.path / "particles", units.form)


def _rows_made(config: Config, inputs: Inputs, flow: Flow | LatentFlow) -> Any:
    """The new rows of a table of mixed columns, as many as were asked for."""
    assert inputs.mixed is not None
    rows = inputs.mixed.units.decode(flow.particles, inputs.labels, seed=config.seed)
    return rows.iloc[: config.n or len(inputs.target)]


def _as_shown(config: Config, inputs: Inputs, flow: Flow | LatentFlow) -> tuple[Inputs, Flow]:
    """What is drawn and judged, all of it in the same columns."""
    if inputs.mixed is not None and isinstance(flow, Flow):
        units = inputs.mixed.units
        return mixed_as_shown(units, inputs), shown_flow(units, flow, seed=config.seed)
    shown = as_shown(flow)
    if isinstance(flow, LatentFlow) and shown.particles.ndim == 2:
        return encoded(inputs, flow.codec), shown
    return inputs, shown


def transform(
    folder: RunFolder,
    path: str | Path,
    out: Path,
    *,
    id_column: str | None = None,
    label_column: str | None = None,
    watch: Watch = _unwatched,
) -> Path:
    """Carries a user's points along a stored flow and writes them in the form they came in.

    Args:
        folder: of a finished run.
        path: the points' file.
        out: where to.
        id_column, label_column: of that file; labels are in the run's column by default.
        watch: called with the number of rows that were written so far.

    Raises:
        InputError: no flow, other columns than the flow's, or labels it does not know.
    """
    flow, units = folder.flow(), folder.units()
    if units is not None and isinstance(flow, Flow):
        rows = MovingRows(folder, flow, units)
        return mixed_streams.transform_rows(rows, path, out, id_column=id_column, watch=watch)
    if isinstance(flow, LatentFlow) and flow.codec.begins:
        raise InputError(
            f"{folder}: its images are deformations of others, by which images of your own are not "
            f"moved; gpa sample {folder} makes new ones"
        )
    moving = Moving(folder, flow, folder.law())
    columns = {"id_column": id_column, "label_column": label_column}
    return transform_rows(moving, Path(path), out, columns=columns, watch=watch)


def sample(
    folder: RunFolder,
    n: int,
    out: Path,
    *,
    seed: int | None = None,
    append: bool = False,
    where: Sequence[str] = (),
    balance: str | None = None,
    watch: Watch = _unwatched,
) -> Sampled:
    """Draws source points anew, carries them along a stored flow, and writes them.

    Args:
        folder: of a finished run.
        n: how many.
        out: where to.
        seed: of the draw; 0 by default, and with ``append`` the number of rows that are there.
        append: keep the rows that are there, and number the new ones on from them.
        where: conditions that all rows satisfy, such as ``species=Adelie`` or ``age>=60``.
        balance: a column of categories, each of which is in as many rows.
        watch: called with the number of rows that were made so far.

    Raises:
        InputError: no flow, its source was a file, or there are no such rows to append to.
    """
    law, flow = folder.law(), folder.flow()
    if law.kind not in ("noise", "dataset"):
        raise InputError(
            f"{folder}: its particles came from {law.name}, of which there is no more to draw; "
            f"use gpa transform {folder} points.csv -o {out}"
        )
    units = folder.units()
    if units is not None and isinstance(flow, Flow):
        rows = MovingRows(folder, flow, units)
        request = Request(n, seed, where, balance)
        return sample_file(rows, law, out, request=request, append=append, watch=watch)
    if where or balance is not None:
        raise InputError(
            f"{folder}: its rows were not made column by column; --where and --balance are for "
            'tables run with scale = "scores"'
        )
    if not is_streamed_kind(out, law.like):
        check_memory(n, law.like.values)
    moving = Moving(folder, flow, law)
    return Sampled(*sample_stream(moving, n, out, seed=seed, append=append, watch=watch))
