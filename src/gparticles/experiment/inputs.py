"""From a checked configuration to the clouds of a run: files read, samplers drawn, noise fitted."""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from gparticles.choosing.ways import PARTICLES
from gparticles.data import SPLITS, draw
from gparticles.errors import InputError
from gparticles.experiment.config import CloudSection, Config, Custom, Dataset, File, Noise
from gparticles.experiment.large_targets import drawn_rows, shorter
from gparticles.experiment.mixed_runs import (
    Mixed,
    fit_mixed,
    repeated,
    repetition,
    scores_possible,
    scores_wanted,
    without_dropped,
)
from gparticles.experiment.provenance import SourceLaw, condensed, form_of, stream
from gparticles.tables import Table, check_same_columns, load, load_custom
from gparticles.tables.large import FileRows
from gparticles.tables.mixed import Form, read_frame
from gparticles.tables.table import listed, quoted, refusal

# of a sampler, where the recipe does not say
TARGET_ROWS = 200
# of memory that a coordinate of a particle takes at least, with its moves and what is drawn
BYTES = 32
# columns beyond which a sampler's points are no table to look at: text would take minutes
WIDE = 1000


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What a run works on.

    Attributes:
        source, target: shapes (m, *event) and (n, *event), data units.
        labels, target_labels: classes, or both None where the run is not conditional.
        kept_labels: what is written beside the particles, shape (m,), or None.
        ids: identifiers of the source's rows, or None.
        like: the table whose form the particles take.
        table: the target as it was read, without the rows that validation keeps.
        law: where the source came from.
        held_out: points of the target's distribution that the run does not see, or None.
        held_out_labels: their classes, or None.
        held_out_seen: whether some of them are rows of the target all the same.
        fresh: draws this many more of them; None where there is no sampler.
        tabular: whether the target is a user's table, whose columns have units of their own.
        warnings: what the user should know, a line each.
        mixed: of a table of mixed columns, what its rows are moved as.
        drawn: the target's rows where ``target`` is only the first part of them, or None.
    """

    source: np.ndarray
    target: np.ndarray
    labels: np.ndarray | None
    target_labels: np.ndarray | None
    kept_labels: np.ndarray | None
    ids: list[str] | None
    like: Table
    table: Table
    law: SourceLaw
    held_out: np.ndarray | None
    held_out_labels: np.ndarray | None
    held_out_seen: bool
    fresh: Callable[[int], np.ndarray] | None
    tabular: bool
    warnings: tuple[str, ...]
    mixed: Mixed | None = None
    drawn: FileRows | None = None


Labelled = tuple[np.ndarray, np.ndarray | None]
Read = Callable[[CloudSection], Table]


@dataclass(frozen=True)
class Target:
    """What a run's particles move to, and what it does not see.

    Attributes:
        table: the rows that the flow is fitted to.
        held_out: gives at most so many points that it is not, and their labels; or None.
        fresh: draws this many more of them; None where there is no sampler.
        tabular: whether it is a user's table, whose columns have units of their own.
        mixed: of a table of mixed columns, what its rows are moved as.
        drawn: its rows where ``table`` is only the first part of them, or None.
    """

    table: Table
    held_out: Callable[[int], Labelled] | None
    fresh: Callable[[int], np.ndarray] | None
    tabular: bool
    mixed: Mixed | None = None
    drawn: FileRows | None = None


def gather(config: Config, *, max_held_out: int, read: Read | None = None) -> Inputs:
    """Everything a run needs, read and drawn.

    Args:
        config: checked; its target is given.
        max_held_out: at most this many held-out points are drawn from a sampler.
        read: in the place of ``table_of``, as where a file that was read is wanted again.

    Raises:
        InputError: data that cannot be used, or a configuration that does not fit them.
    """
    read = table_of if read is None else read
    target = read_target(config, read=read)
    conditional = is_conditional(config)
    if conditional and target.table.labels is None:
        raise InputError(
            f"{target.table.name}: has no labels, which conditional = true needs; "
            "name their column with label_column, or leave conditional out"
        )
    target_labels = target.table.labels if conditional else None
    source = Noise(noise="gaussian") if config.source is None else config.source
    if isinstance(source, (File, Custom)):
        law, table = _from_file(config, read(source), target.table)
        values, labels = table.values, table.labels
    else:
        law = _law(source, target.table, target_labels)
        wanted = check_memory(_count(config, source, target.table), target.table.values)
        # of a table fewer rows may be asked for than a flow is fitted with
        n = wanted if target.mixed is None else max(wanted, PARTICLES)
        values, labels = law.draw(n, seed=_seed(config, source))
        table = replace(target.table, ids=None)
    if conditional and labels is None:
        raise InputError(f"{table.name}: has no labels; name their column with label_column")
    most = min(len(values), max_held_out)
    held_out, held_out_labels, seen = _held_out(config, target, most, read=read)
    return Inputs(
        source=values,
        target=target.table.values,
        labels=labels if conditional else None,
        target_labels=target_labels,
        kept_labels=labels,
        ids=table.ids,
        like=_writable(law.like, labels),
        table=target.table,
        law=replace(law, like=_writable(law.like, labels)),
        held_out=held_out,
        held_out_labels=held_out_labels,
        held_out_seen=seen is not None,
        fresh=target.fresh,
        tabular=target.tabular,
        mixed=target.mixed,
        drawn=target.drawn,
        warnings=tuple(
            line for line in dict.fromkeys((*target.table.warnings, *table.warnings, seen)) if line
        ),
    )


def read_target(config: Config, *, read: Read | None = None) -> Target:
    """The target, without the rows that ``validation`` keeps from the run.

    Args:
        config: checked.
        read: as for ``gather``.

    Raises:
        InputError: there is none, it cannot be used, or it is too small to be divided.
    """
    if config.target is None:
        raise InputError("target is missing; give --target FILE, or a [target] in the recipe")
    if config.validation is not None and config.held_out is not None:
        raise InputError("validation and held_out: give one of them")
    if (drawn := drawn_rows(config)) is not None:
        return _drawn_target(drawn)
    if scores_wanted(config):
        return _mixed_target(config)
    try:
        target = _target(config.target, config.seed, read=read or table_of)
    except InputError:
        if not scores_possible(config):
            raise
        return _mixed_target(config)
    if config.validation is None:
        return target
    table = target.table
    labels = table.labels if is_conditional(config) else None
    seen, unseen = divided(config, len(table), labels=labels, name=table.name)
    aside = _part(table, unseen)
    return replace(
        target, table=_part(table, seen), held_out=lambda _: (aside.values, aside.labels)
    )


def _drawn_target(drawn: FileRows) -> Target:
    """The first part of rows that are drawn from a file; points that no part has are at hand."""
    unseen, fresh = np.array_split(drawn.held_out, 2)
    tabular = drawn.held_out.ndim == 2
    table = drawn.first
    return Target(table, lambda k: (unseen[:k], None), lambda k: fresh[:k], tabular, drawn=drawn)


def read_rows(cloud: File) -> tuple[Any, Form]:
    """The frame of a file, its text letter for letter."""
    return read_frame(shorter(cloud.file), id_column=cloud.id_column)


def rows_to_fit(config: Config) -> tuple[Any, Form, Any]:
    """The rows of a run's target, the form of their file, and those that ``validation`` keeps.

    Raises:
        InputError: the file cannot be used, or is too small to be divided.
    """
    assert isinstance(config.target, File)
    frame, form = without_dropped(config, *read_rows(config.target))
    _check_label(config, frame)
    if config.validation is None:
        return frame, form, None
    label = config.target.label_column
    labels = None if label is None else frame[label].astype(str).to_numpy()
    seen, unseen = divided(config, len(frame), labels=labels, name=config.target.file)
    return frame.iloc[seen].reset_index(drop=True), form, frame.iloc[unseen].reset_index(drop=True)


def _check_label(config: Config, frame: Any) -> None:
    assert isinstance(config.target, File)
    label = config.target.label_column
    if label is not None and label not in frame.columns:
        mend = f"choose one of {listed(list(frame.columns))}"
        raise refusal(shorter(config.target.file), f"no label column {quoted(label)}", mend)


def _mixed_target(config: Config) -> Target:
    """The target as white points; its classes, where it has a column of them."""
    frame, form, aside = rows_to_fit(config)
    if config.held_out is not None:
        aside = _held_out_rows(config.held_out)
    settings = {"held_out": aside, "conditional": is_conditional(config)}
    mixed = fit_mixed(config, frame, form, **settings)
    encode, codec = partial(mixed.units.encode, seed=config.seed), mixed.units.codec
    name = str(getattr(config.target, "file", "the table"))
    table = mixed.table(encode(frame), codec.labels(frame), name=name)
    table = replace(table, warnings=codec.notes)

    def unseen(_: int) -> Labelled:
        return encode(aside), codec.labels(aside)

    return Target(table, None if aside is None else unseen, None, False, mixed)


def divided(
    config: Config, total: int, *, labels: np.ndarray | None, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """The rows that a run is fitted to, and those that ``validation`` keeps from it.

    Raises:
        InputError: too few in one of them.
    """
    share = config.validation or 0.0
    seed = stream(config.seed, "validation")
    unseen = validation_rows(total, share, labels=labels, seed=seed)
    seen = np.setdiff1d(np.arange(total), unseen)
    if min(len(unseen), len(seen)) < 2:
        raise InputError(
            f"{name}: validation = {share:g} of {total} rows leaves "
            f"{len(seen)} and {len(unseen)}; each part needs two, so change it or give more rows"
        )
    return seen, unseen


def validation_rows(
    total: int, fraction: float, *, labels: np.ndarray | None = None, seed: int = 0
) -> np.ndarray:
    """Indices of the rows to hold out, ascending, in the same share of every class.

    A class keeps at least one row in the fit.

    >>> validation_rows(10, 0.2).shape
    (2,)
    """
    order = np.random.default_rng(seed).permutation(total)
    if labels is None:
        return np.sort(order[: round(fraction * total)])
    classes = [order[labels[order] == label] for label in np.unique(labels)]
    chosen = [rows[: min(round(fraction * len(rows)), len(rows) - 1)] for rows in classes]
    return np.sort(np.concatenate(chosen))


def _part(table: Table, chosen: np.ndarray) -> Table:
    return replace(
        table,
        values=table.values[chosen],
        labels=None if table.labels is None else table.labels[chosen],
        ids=None if table.ids is None else [table.ids[row] for row in chosen],
    )


def check_memory(n: int, like: np.ndarray) -> int:
    """The number of points, if so many like these fit into this machine's memory.

    Raises:
        InputError: they do not; some systems would end the process without a word.
    """
    size = math.prod(like.shape[1:])
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return n
    most = memory // (BYTES * size)
    if n > most:
        raise InputError(f"n is {n:,}: the memory here holds {most:,} such points; give fewer")
    return n


def is_conditional(config: Config) -> bool:
    """Whether each class has a potential of its own."""
    if config.conditional is not None:
        return config.conditional
    # whoever names the column of labels wants it used
    return isinstance(config.target, File) and config.target.label_column is not None


def _seed(config: Config, source: CloudSection) -> int:
    own = source.seed if isinstance(source, Dataset) else None
    return stream(config.seed, "source") if own is None else own


def _count(config: Config, source: CloudSection, target: Table) -> int:
    own = source.n if isinstance(source, Dataset) else None
    if own is not None and config.n is not None and own != config.n:
        raise InputError(f"n is {config.n} and source.n is {own}; leave one of them out")
    return config.n or own or len(target)


def _from_file(config: Config, table: Table, target: Table) -> tuple[SourceLaw, Table]:
    if config.n is not None and config.n != len(table):
        raise InputError(
            f"n is {config.n}, but {table.name} has {len(table)} rows and each is one particle; "
            "leave n out, or leave out the source to draw as many as you like"
        )
    check_same_columns(table, target)
    kind = "file" if isinstance(config.source, File) else "custom"
    law = SourceLaw(
        kind=kind, name=table.name, options={}, rows=None, labels=None, like=form_of(table)
    )
    return law, table


def _law(source: CloudSection, target: Table, labels: np.ndarray | None) -> SourceLaw:
    form = form_of(target)
    if isinstance(source, Noise):
        name, options, rows = source.noise, {}, condensed(source.noise, target.values)
    elif isinstance(source, Dataset):
        name, options, rows = source.dataset, source.options(), None
    else:
        raise TypeError(f"{source!r} has no law")
    kind = "noise" if isinstance(source, Noise) else "dataset"
    return SourceLaw(kind=kind, name=name, options=options, rows=rows, labels=labels, like=form)


def table_of(cloud: CloudSection) -> Table:
    """The points of a file, or of a loader."""
    if isinstance(cloud, File):
        path = shorter(cloud.file)
        return load(path, id_column=cloud.id_column, label_column=cloud.label_column)
    if isinstance(cloud, Custom):
        return load_custom(cloud.custom, search_path=cloud.folder)
    raise TypeError(f"{cloud!r} is not a file")


def _target(target: CloudSection, seed: int, *, read: Read) -> Target:
    if not isinstance(target, Dataset):
        table = read(target)
        return Target(table, None, None, table.values.ndim == 2)
    options = target.options()
    own = stream(seed, "target") if target.seed is None else target.seed
    n = target.n or TARGET_ROWS
    if target.dataset in SPLITS:
        number = n if target.n or "per_class" not in options else None
        images, labels, *others = SPLITS[target.dataset](number, seed=own, **options)
        known = _sampled(images, labels, target.dataset)
        return Target(known, lambda _: (others[0], others[1]), None, False)

    def again(purpose: str) -> Callable[[int], Labelled]:
        drawn = stream(own, purpose)
        return lambda k: draw(target.dataset, k, seed=drawn, options=options)

    values, labels = draw(target.dataset, n, seed=own, options=options)
    table = _sampled(values, labels, target.dataset)
    return Target(table, again("held-out"), lambda k: again("fresh")(k)[0], False)


def _sampled(values: np.ndarray, labels: np.ndarray | None, name: str) -> Table:
    if values.ndim > 2 or values.shape[1] > WIDE:
        return Table(values=values, labels=labels, label_name="labels", kind="npz", name=name)
    columns = tuple(f"x{k + 1}" for k in range(values.shape[1]))
    return Table(
        values=values,
        columns=columns,
        labels=labels,
        label_name="label",
        kind="csv",
        header=True,
        name=name,
    )


def _held_out(
    config: Config, target: Target, count: int, *, read: Read
) -> tuple[np.ndarray | None, np.ndarray | None, str | None]:
    """The points, their labels, and what is wrong where the target has some of them."""
    if config.held_out is None or target.mixed is not None:
        values, labels = (None, None) if target.held_out is None else target.held_out(count)
        return values, labels, _rows_repeated(config, target.mixed)
    sampled = isinstance(config.held_out, Dataset)
    if sampled:
        chosen = _target(config.held_out, stream(config.seed, "held-out"), read=read).table
    else:
        chosen = read(config.held_out)
    check_same_columns(chosen, target.table)
    return (
        chosen.values,
        chosen.labels,
        None if sampled else among_target(chosen, target.table, target.drawn),
    )


def _held_out_rows(cloud: CloudSection) -> Any:
    if not isinstance(cloud, File):
        raise InputError("held_out: a table of mixed columns is judged by a file of such rows")
    return read_rows(cloud)[0]


def _rows_repeated(config: Config, mixed: Mixed | None) -> str | None:
    """What is wrong where a file of held-out rows has some that the run is fitted to."""
    if mixed is None or not isinstance(config.held_out, File):
        return None
    return repeated(mixed.units.codec, mixed.frame, mixed.held_out, name=config.held_out.file)


def among_target(held_out: Table, target: Table, drawn: FileRows | None = None) -> str | None:
    """What is wrong with held-out rows that are the target's; None where none is."""
    if drawn is None:
        known = {row.tobytes() for row in _comparable(target.values)}
        count = sum(row.tobytes() in known for row in _comparable(held_out.values))
    else:
        count = drawn.among(held_out.values)
    return repetition(count, len(held_out), name=held_out.name)


def _comparable(points: np.ndarray) -> np.ndarray:
    # adding 0 makes -0 the same bytes as 0
    return np.ascontiguousarray(points.reshape(len(points), -1).astype(np.float64) + 0.0)


def _writable(form: Table, labels: np.ndarray | None) -> Table:
    # an npy has no room for labels
    return replace(form, kind="npz") if labels is not None and form.kind == "npy" else form
