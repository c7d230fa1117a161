"""``gpa integrate`` of matrices in files: one for each batch."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gparticles.divergence import KL
from gparticles.errors import InputError
from gparticles.experiment.provenance import SourceLaw, form_of
from gparticles.integration.batches import Batches, Flows, bounds_of, check_batches, fit, moved_by
from gparticles.integration.composition import parts_of
from gparticles.integration.judging import embedding, judge_all, judge_kept_out
from gparticles.integration.request import Done, Notes, Request, held_out
from gparticles.integration.summary import Finished, notes_of, outcomes_of, write_outcome
from gparticles.latent import move_batch
from gparticles.outputs import check_free, staged
from gparticles.tables import Table, kind_of, save
from gparticles.tables.cohorts import Cohorts, read_cohorts, read_labels
from gparticles.tables.files import SUFFIXES
from gparticles.tables.table import listed


def integrate_files(
    paths: list[Path], out: Path, request: Request, *, say: Callable[[str], None]
) -> Done:
    """Reads matrices, moves all batches onto the reference, and writes what was asked for.

    Args:
        paths: of the matrices, one for each batch.
        out: a folder for one file each, or a file (.csv, .tsv, .parquet) for all of them.
        request: everything else.
        say: called with what the user should know.

    Returns:
        What was made.

    Raises:
        InputError: anything that the user can mend, before anything is written.
    """
    joint = any(out.name.lower().endswith(suffix) for suffix in SUFFIXES)
    if joint and request.transpose:
        raise InputError(
            f"{out}: one file for all batches has samples in rows; give a folder for --transpose"
        )
    home = out.parent if joint else out
    report = f"{out.name.split('.')[0]}-report" if joint else "."
    check_free(*([out, home / report] if joint else [out]), force=request.force)
    cohorts, batches = _read(paths, request)
    in_files = any(Path(name).is_file() for name in _named(request) if name is not None)
    twice = _namesakes(cohorts) if joint or in_files else []
    notes = Notes(say)
    notes.add(*cohorts.warnings, *twice, *check_batches(batches))
    flows, after, finished = _finished((cohorts, batches), request, notes)
    with staged(home) as stage:
        files = _write(stage, out if joint else None, cohorts, after)
        place = stage / report
        place.mkdir(exist_ok=True)
        _keep(place / "flows", cohorts, flows)
        write_outcome(place, finished, seed=request.seed)
    return Done(
        files=[home / name for name in files],
        report=home / report,
        flows={name: name for name in flows},
        finished=finished,
    )


def _finished(
    samples: tuple[Cohorts, Batches], request: Request, notes: Notes
) -> tuple[Flows, np.ndarray, Finished]:
    """Integrates and judges: the flows, all samples after them, and what is written of it."""
    cohorts, batches = samples
    parts = held_out(batches, request, notes)
    settings = {"latent_dim": request.latent_dim, "names": cohorts.genes}
    move = partial(move_batch, **settings, **request.flow_settings)
    embed = partial(embedding, dim=request.latent_dim, seed=request.seed)
    kept_out = judge_kept_out(batches, move, embed, parts=parts, seed=request.seed)
    flows = fit(batches, move)
    notes.add(*notes_of(flows, batches))
    after = moved_by(flows, batches)
    finished = Finished(
        batches=batches,
        whole=judge_all(batches, after, embed, seed=request.seed),
        held_out=kept_out,
        space=f"the first {request.latent_dim} principal components of each matrix",
        outcomes=outcomes_of(flows),
        bounds=bounds_of(flows, batches, f=KL()),
        parts=parts_of(flows),
        notes=notes.lines,
        command=request.command,
        settings=request.shown(),
    )
    return flows, after, finished


def _read(paths: list[Path], request: Request) -> tuple[Cohorts, Batches]:
    named = _named(request)
    columns = sorted({name for name in named if name is not None and not Path(name).is_file()})
    if columns and request.transpose:
        raise InputError(f"labels: there is no file {columns[0]}; with --transpose give a file")
    if len(columns) > 1:
        raise InputError(
            f"labels: {columns[0]!r} and {columns[1]!r}; of a matrix one column can hold labels, "
            "so give the other in a file of its own"
        )
    cohorts = read_cohorts(
        paths,
        transpose=request.transpose,
        id_column=request.id_column,
        label_column=columns[0] if columns else None,
    )
    labels, balance, judged = (_labels(name, cohorts) for name in named)
    known = next((some for some in (judged, labels, balance) if some is not None), None)
    batches = Batches(
        points=cohorts.values,
        names=cohorts.batches,
        reference=_reference(paths, cohorts.names, request.reference),
        labels=labels,
        balance=balance,
        judged=known,
    )
    return cohorts, batches


def _named(request: Request) -> list[str | None]:
    return [request.labels, request.balance, request.judge_by]


def _namesakes(cohorts: Cohorts) -> list[str]:
    """A line where samples of two batches have one name, which then tells them no more apart."""
    names, counts = np.unique(cohorts.ids, return_counts=True)
    twice = names[counts > 1].tolist()
    if not twice:
        return []
    return [
        f"{len(twice)} names of samples are in more than one file ({listed(twice)}): a file of "
        "labels gives them the same label, and in one file for all only the batch tells them apart"
    ]


def _labels(name: str | None, cohorts: Cohorts) -> np.ndarray | None:
    if name is None:
        return None
    return read_labels(Path(name), cohorts.ids) if Path(name).is_file() else cohorts.labels


def _reference(paths: list[Path], names: tuple[str, ...], wanted: str | None) -> str | None:
    """The batch that is meant by a path, a file's name, or this without its ending."""
    if wanted is None:
        return None
    for path, name in zip(paths, names, strict=True):
        if wanted in (name, path.name, str(path)) or Path(wanted).absolute() == path.absolute():
            return name
    raise InputError(f"reference: there is no {wanted!r}; name one of {listed(names)}")


def _write(stage: Path, joint: Path | None, cohorts: Cohorts, after: np.ndarray) -> list[str]:
    """Writes the corrected matrices; returns their names."""
    if joint is not None:
        first = cohorts.tables[0]
        # all rows in one file; the column says where each came from
        like = replace(first, label_name="batch", label_position=None, header=True)
        save(after, stage / joint.name, like=like, ids=cohorts.ids, labels=cohorts.batches)
        return [joint.name]
    written = []
    begin = 0
    for table, name in zip(cohorts.tables, cohorts.names, strict=True):
        rows = after[begin : begin + len(table)]
        begin += len(table)
        form, values = _form(table, rows, transposed=cohorts.transposed)
        path = stage / f"{name}.{kind_of(table.name)}"
        save(values, path, like=form, ids=form.ids, labels=form.labels)
        written.append(path.name)
    return written


def _form(table: Table, rows: np.ndarray, *, transposed: bool) -> tuple[Table, np.ndarray]:
    if not transposed:
        return table, rows
    samples = tuple(table.ids or ())
    form = replace(table, values=table.values.T, columns=samples, ids=list(table.columns or ()))
    return replace(form, header=True, id_position=0), rows.T


def _keep(folder: Path, cohorts: Cohorts, flows: Flows) -> None:
    """One folder for each flow, which ``gpa transform`` takes."""
    for table, name in zip(cohorts.tables, cohorts.names, strict=True):
        if name not in flows:
            continue
        stored = flows[name].save(folder / name / "flow")
        law: dict[str, Any] = {"kind": "file", "name": table.name, "options": {}}
        form = form_of(replace(table, ids=None, labels=None))
        SourceLaw(**law, rows=None, labels=None, like=form).save(stored)
