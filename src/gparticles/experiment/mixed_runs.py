"""Runs on tables of mixed columns: frames in, white normal scores that move, frames out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gparticles.errors import InputError
from gparticles.experiment.config import ColumnSetting, Config, File, Noise
from gparticles.experiment.provenance import stream
from gparticles.flow import Flow
from gparticles.flow.saving import read_arrays, read_record, write_arrays, write_record
from gparticles.flow.scaling import UNITS_PER_SPREAD, Scaling
from gparticles.tables import Table
from gparticles.tables.codec import TableCodec
from gparticles.tables.conditions import Selected, conditions_of_words, levels_of, select
from gparticles.tables.files import kind_of
from gparticles.tables.mixed import KINDS, Form
from gparticles.tables.stored import packed, unpacked
from gparticles.tables.table import refusal
from gparticles.tables.whitening import Whitening

_RECORD, _ARRAYS = "table.json", "table.safetensors"


@dataclass(frozen=True)
class Mixed:
    """A table of mixed columns and the coordinates that it is moved in.

    Attributes:
        codec: of its rows.
        whitening: of the codec's points.
        form: of its file.
        frame: the rows that the run is fitted to; None where it was read from a run's folder.
    """

    codec: TableCodec
    whitening: Whitening
    form: Form
    frame: Any = None

    def encode(self, frame: Any, *, seed: int = 0) -> np.ndarray:
        """White points of rows, shape (n, r)."""
        return self.whitening.encode(self.codec.encode(frame, seed=seed))

    def decode(self, points: np.ndarray, labels: np.ndarray | None = None) -> Any:
        """The rows of white points."""
        return self.codec.decode(self.whitening.decode(points.astype(np.float64)), labels)

    def table(self, points: np.ndarray, labels: np.ndarray | None, *, name: str) -> Table:
        """White points as the table that a flow takes."""
        columns = tuple(f"direction {k + 1}" for k in range(points.shape[1]))
        return Table(values=points, columns=columns, labels=labels, kind=self.form.kind, name=name)

    def repeated(self, frame: Any, *, name: str) -> str | None:
        """What is wrong with held-out rows that the run is fitted to; None where none is."""
        names = [column.name for column in self.codec.columns if column.coordinates]
        known = set(map(tuple, self.frame[names].astype(str).to_numpy().tolist()))
        rows = list(map(tuple, frame[names].astype(str).to_numpy().tolist()))
        return repetition(sum(row in known for row in rows), len(rows), name=name)

    def save(self, folder: Path) -> None:
        """Writes ``table.json`` and ``table.safetensors`` into a folder."""
        arrays: dict[str, np.ndarray] = {}
        record = {
            "codec": packed(self.codec, arrays),
            "whitening": packed(self.whitening, arrays),
            "form": packed(self.form, arrays),
        }
        checksum = write_arrays(folder / _ARRAYS, arrays)
        write_record(folder / _RECORD, {**record, "checksum": checksum})


def load_mixed(folder: Path) -> Mixed | None:
    """What ``Mixed.save`` wrote into a folder, or None where it holds nothing such.

    Raises:
        InputError: it is damaged.
    """
    path = folder / _RECORD
    if not path.exists():
        return None
    record = read_record(path)
    try:
        arrays = read_arrays(folder / _ARRAYS, record["checksum"])
        codec = TableCodec.from_record(record["codec"], arrays)
        whitening = unpacked(record["whitening"], arrays, {"Whitening": Whitening})
        form = unpacked(record["form"], arrays, {"Form": Form})
        mixed = Mixed(codec, whitening, form)
        mixed.decode(np.zeros((2, len(whitening.back))))
    except InputError:
        raise
    except Exception as error:  # whatever a damaged record leads to
        raise refusal(path, f"is damaged ({error!r})", "run it again") from None
    return mixed


def scores_wanted(config: Config) -> bool:
    """Whether a run takes its target for a table of mixed columns.

    It does where the recipe says so, by ``scale = "scores"`` or ``[columns]``, and for every file
    of a table from which rows are to be made, unless the recipe has settings for other units.
    """
    if config.scale == "scores" or config.columns is not None or config.impute is not None:
        _check_fits(config)
        return True
    own = (config.scale, config.bounds, config.latent, config.potential)
    return (
        _is_possible(config) and all(setting is None for setting in own) and not _labelled(config)
    )


def scores_possible(config: Config) -> bool:
    """Whether it could, where its target is no table of numbers."""
    return (
        config.scale is None
        and config.bounds is None
        and config.latent is None
        and (_is_possible(config))
    )


def _is_possible(config: Config) -> bool:
    plain = config.source is None or config.source == Noise(noise="gaussian")
    return plain and isinstance(config.target, File) and _holds_frames(config.target.file)


def repetition(count: int, total: int, *, name: str) -> str | None:
    """A line where some of the held-out rows are those that a run is fitted to."""
    if count == 0:
        return None
    return (
        f"{name}: {count} of its {total} rows are among those that the run is "
        "fitted to, beside which copies look as good as new points; give points that the run has "
        "not seen"
    )


def _holds_frames(path: str) -> bool:
    return Path(path).exists() and kind_of(path) in KINDS


def _labelled(config: Config) -> bool:
    return isinstance(config.target, File) and config.target.label_column is not None


def _check_fits(config: Config) -> None:
    """Refuses settings that have no meaning for mixed columns."""
    if not isinstance(config.target, File):
        raise InputError('columns and scale = "scores" are for a target that is a file; leave out')
    if not _holds_frames(config.target.file):
        raise InputError(
            f"{config.target.file}: has no columns of its own; columns, impute and scale = "
            f'"scores" are for existing files of kind {", ".join(KINDS)}'
        )
    if not _is_possible(config):
        raise InputError(
            'columns, impute and scale = "scores" make rows from Gaussian noise; leave source out'
        )
    for name in ("bounds", "latent"):
        if getattr(config, name) is not None:
            raise InputError(f"{name}: a table of mixed columns has none; leave it out")
    if config.scale not in (None, "scores"):
        raise InputError(
            f"scale is {config.scale!r} and columns are given, which are moved as normal scores; "
            "leave one of them out"
        )


def fit_mixed(config: Config, frame: Any, form: Form, *, conditional: bool) -> Mixed:
    """The coordinates for the rows of a frame, as a recipe's ``[columns]`` says.

    Args:
        config: of the run.
        frame: the rows that it is fitted to.
        form: of their file.
        conditional: whether each class of the label column has its own potential.
    """
    settings, ranges = _by_name(config, frame)
    if form.id_column is not None:
        settings.setdefault(form.id_column, "identifier")
    if conditional and isinstance(config.target, File):
        settings[config.target.label_column] = "label"
    codec = TableCodec.fit(frame, columns=settings, ranges=ranges, impute=bool(config.impute))
    points = codec.encode(frame, seed=config.seed)
    return Mixed(codec, Whitening.fit(points), form, frame)


def _by_name(config: Config, frame: Any) -> tuple[dict[Any, Any], dict[Any, Any]]:
    named = {str(name): name for name in frame.columns}
    kinds: dict[Any, Any] = {}
    ranges: dict[Any, Any] = {}
    for text, setting in (config.columns or {}).items():
        name = named.get(text, text)
        whole = setting if isinstance(setting, ColumnSetting) else ColumnSetting(kind=setting)
        if whole.kind is not None:
            kinds[name] = whole.kind
        if whole.range is not None:
            ranges[name] = tuple(_end(end) for end in whole.range)
    return kinds, ranges


def _end(end: Any) -> Any:
    return None if isinstance(end, float) and np.isinf(end) else end


def shown(mixed: Mixed, points: np.ndarray) -> np.ndarray:
    """White points in columns that a reader knows, shape (n, k)."""
    return mixed.codec.readable(mixed.whitening.decode(points.astype(np.float64)))


def shown_flow(mixed: Mixed, flow: Flow) -> Flow:
    """The flow as it is drawn and judged: in columns that a reader knows, without potentials."""
    particles = shown(mixed, flow.particles)
    frames = [shown(mixed, frame) for frame in flow.trajectory]
    spread = particles.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0) / UNITS_PER_SPREAD
    return replace(
        flow,
        particles=particles,
        trajectory=np.stack(frames) if frames else particles[None][:0],
        scaling=Scaling(np.median(particles, axis=0), scale, UNITS_PER_SPREAD),
        ride=None,
    )


def sample_rows(
    mixed: Mixed,
    flow: Flow,
    draw: Callable[..., tuple[np.ndarray, np.ndarray | None]],
    *,
    n: int,
    seed: int,
    where: Sequence[str] = (),
    balance: str | None = None,
) -> Selected:
    """n new rows of which the conditions hold.

    Args:
        mixed: of the run.
        flow: its flow.
        draw: of the source's points and labels, as ``SourceLaw.draw``.
        n: how many.
        seed: of the draw.
        where: conditions such as ``species=Adelie``.
        balance: a column of which all levels come equally often.

    Raises:
        InputError: no such column, or hardly any row is so.
    """
    conditions = conditions_of_words(mixed.codec, where)

    def rows(count: int, call: int) -> Any:
        values, labels = draw(count, seed=stream(seed + call, "sample"))
        return mixed.decode(flow(values, labels), labels)

    levels = None if balance is None else levels_of(mixed.codec, balance)
    return select(rows, n, conditions=conditions, balance=levels)


def mixed_as_shown(mixed: Mixed, inputs: Any) -> Any:
    """A run's inputs in the columns of ``shown``."""
    held_out = inputs.held_out
    return replace(
        inputs,
        source=shown(mixed, inputs.source),
        target=shown(mixed, inputs.target),
        held_out=None if held_out is None else shown(mixed, held_out),
        like=replace(inputs.like, columns=mixed.codec.coordinates),
    )


def appended(before: Any, rows: Any, path: Path) -> Any:
    """The rows of a file and new ones after them, of the same columns.

    Raises:
        InputError: the file has others.
    """
    import pandas

    if list(before.columns) != list(rows.columns):
        raise refusal(path, "has other columns than the run's rows", "give another file")
    return pandas.concat([before.astype(object), rows.astype(object)], ignore_index=True)
