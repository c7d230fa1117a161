"""From a run to its metrics: with what it held out itself, or with a user's file afterwards."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gparticles.errors import InputError
from gparticles.experiment.checked import brief
from gparticles.experiment.config import Config, Custom, File
from gparticles.experiment.folder import CONFIG, RunFolder
from gparticles.experiment.inputs import Inputs, among_target, read_target, rows_to_fit
from gparticles.experiment.latent_runs import as_shown, seen_by
from gparticles.experiment.mixed_runs import repeated, shown, shown_flow
from gparticles.experiment.provenance import stream
from gparticles.experiment.recipes import check, read_recipe
from gparticles.flow import Flow
from gparticles.synthesizer import TableUnits
from gparticles.tables import Table, check_same_columns, load
from gparticles.tables.mixed import read_frame

# what is drawn from a sampler; larger clouds are subsampled to it anyway
MAX_HELD_OUT = 2000
# what sentences call the held-out points
UNSEEN, GIVEN = "unseen points", "given points"


def run_metrics(config: Config, inputs: Inputs, flow: Flow, *, seconds: float) -> dict[str, Any]:
    """What ``metrics.json`` holds: the metrics beside their floors, and how the run ended.

    Args:
        config, inputs: of the run.
        flow: finished.
        seconds: that the flow took.
    """
    metrics: dict[str, Any] = {}
    if inputs.held_out is not None:
        metrics = _evaluated(
            config,
            flow,
            {
                "held_out": inputs.held_out,
                "target": inputs.target,
                "fresh": inputs.fresh,
                "labels": inputs.labels,
                "target_labels": inputs.target_labels,
                "held_out_labels": inputs.held_out_labels,
            },
            called=GIVEN if inputs.held_out_seen else UNSEEN,
        )
    return {
        **metrics,
        **_divergence(flow, latent=config.latent is not None),
        "steps": {"value": flow.steps},
        "outcome": {"value": flow.outcome, "certified": flow.certified, "notes": flow.notes},
        "seconds": {"value": round(seconds, 3), "unit": "s", "note": "of the flow, in this call"},
    }


def _divergence(flow: Flow, *, latent: bool) -> dict[str, Any]:
    """The history's, at its end; of latents, where these were moved."""
    from gparticles.report.words import last_divergence

    ended = last_divergence(flow)
    if ended is None:
        return {}
    value, note = ended
    note += ", in the latent space" * latent
    return {"divergence": {"value": value, "unit": "nats", "note": note}}


def evaluate_run(
    folder: RunFolder,
    path: str | Path,
    *,
    target: str | Path | None = None,
    id_column: str | None = None,
    label_column: str | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """A finished run's particles against held-out points from a file; nothing is written.

    The training target is read or drawn again as the run's configuration says; a loader that it
    names is not run, since the folder may come from somebody else.

    Args:
        folder: of a finished run.
        path: the held-out points' file.
        target: the file of the training target, where the configuration's is not to be used.
        id_column, label_column: of that file; labels are in the run's column by default.
        say: called with a line where the run was fitted to some of these points.

    Returns:
        As ``gparticles.evaluate.metrics.evaluate``.

    Raises:
        InputError: no finished run, other columns than its particles', or a target that is gone.
    """
    flow, form = folder.flow(), folder.law().like
    units = folder.units()
    if units is not None and isinstance(flow, Flow):
        columns = {"id_column": id_column, "label_column": label_column}
        config = _configuration(folder, target, columns)
        return _evaluated_rows(folder, units, flow, config, held_out=Path(path), say=say)
    with folder.reading():
        shown, seen = as_shown(flow), seen_by(flow)
    labelled = shown.classes is not None
    if labelled and label_column is None and form.columns is not None:
        label_column = form.label_name
    columns: dict[str, Any] = {"id_column": id_column, "label_column": label_column}
    config = _configuration(folder, target, columns)
    training = read_target(config)
    held_out = load(path, **columns)
    check_same_columns(held_out, replace(form, name=f"the run in {folder}"))
    check_same_columns(training.table, replace(form, name=f"the run in {folder}"))
    repeated = among_target(held_out, training.table, training.drawn)
    if repeated is not None:
        say(repeated)
    draw = training.fresh
    with folder.reading():
        return _evaluated(
            config,
            shown,
            {
                "held_out": seen(held_out.values),
                "target": seen(training.table.values),
                "fresh": None if draw is None else lambda n: seen(draw(n)),
                "labels": _labels_written(folder, form) if labelled else None,
                "target_labels": training.table.labels if labelled else None,
                "held_out_labels": held_out.labels if labelled else None,
            },
            called=UNSEEN if repeated is None else GIVEN,
        )


def _evaluated_rows(
    folder: RunFolder,
    units: TableUnits,
    flow: Flow,
    config: Config,
    *,
    held_out: Path,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """As ``evaluate_run``, for rows of mixed columns."""
    training, _, _ = rows_to_fit(config)
    unseen, _ = read_frame(held_out)
    wrong = repeated(units.codec, training, unseen, name=str(held_out))
    if wrong is not None:
        say(wrong)
    with folder.reading():
        clouds = {
            name: shown(units, units.encode(rows, seed=config.seed))
            for name, rows in (("held_out", unseen), ("target", training))
        }
        # as the run drew them; its file may have fewer rows than the flow
        _, labels = folder.law().draw(len(flow.particles), seed=stream(config.seed, "source"))
        return _evaluated(
            config,
            shown_flow(units, flow, seed=config.seed),
            {
                **clouds,
                "fresh": None,
                "labels": labels,
                "target_labels": units.codec.labels(training),
                "held_out_labels": units.codec.labels(unseen),
            },
            called=UNSEEN if wrong is None else GIVEN,
        )


def _configuration(folder: RunFolder, target: str | Path | None, columns: dict[str, Any]) -> Config:
    """The run's, with its target in the file that the user names, if any.

    Args:
        folder: of the run.
        target: the file.
        columns: the file's, where the configuration names none.

    Raises:
        InputError: its target comes from a loader, and the user names no file in its place.
    """
    config = check(read_recipe(str(folder.path / CONFIG)))
    if target is None and isinstance(config.target, Custom):
        raise InputError(
            f"{folder}: its target comes from the loader {brief(config.target.custom)}, and code "
            "that a folder names is not run; save what it returns to a file and give --target FILE"
        )
    if target is None:
        return config
    if isinstance(config.target, File):
        columns = {name: getattr(config.target, name) for name in columns}
    return config.model_copy(update={"target": File(file=str(target), **columns)})


def _evaluated(
    config: Config, flow: Flow, clouds: dict[str, Any], *, called: str = UNSEEN
) -> dict[str, Any]:
    # POT and scikit-learn take a second to import
    from gparticles.evaluate.metrics import evaluate

    draw = clouds.pop("fresh")
    count = min(len(flow.particles), MAX_HELD_OUT)
    return evaluate(
        flow.particles,
        clouds.pop("held_out"),
        fresh=None if draw is None else draw(count),
        bounds=flow.bounds,
        # columns that the flow took in units of their own are judged so
        each_column=np.ndim(flow.scale) > 0,
        seed=stream(config.seed, "resampled"),
        called=called,
        **clouds,
    )


def _labels_written(folder: RunFolder, form: Table) -> np.ndarray | None:
    """The particles' labels as the run wrote them."""
    name = form.label_name if form.columns is not None else None
    return load(_particles(folder), label_column=name).labels


def _particles(folder: RunFolder) -> Path:
    written = sorted(folder.path.glob("particles*"))
    if not written:
        raise InputError(f"{folder}: holds no particles; give the folder of a finished run")
    return written[0]
