"""Runs on tables of mixed columns: frames in, white normal scores that move, frames out."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gparticles.choosing import DEFAULT, Way, WayChoice, choose_way
from gparticles.errors import InputError
from gparticles.experiment.config import Config, File, Noise
from gparticles.flow import Flow
from gparticles.flow.scaling import UNITS_PER_SPREAD, Scaling
from gparticles.flow.sharding import of_first
from gparticles.synthesizer import TableUnits
from gparticles.tables import Table
from gparticles.tables.codec import TableCodec
from gparticles.tables.columns import Identifier
from gparticles.tables.files import kind_of
from gparticles.tables.mixed import KINDS, Form
from gparticles.tables.table import listed
from gparticles.tables.whitening import Whitening

# held-out or new rows, of which fewer say nothing
FEWEST_ROWS = 10


@dataclass(frozen=True)
class Mixed:
    """A table of mixed columns, and how it is moved.

    Attributes:
        units: its coordinates.
        frame: the rows that the run is fitted to.
        held_out: real rows that it does not see, or None.
        choice: of the way, or None where the recipe has settings of its own.
    """

    units: TableUnits
    frame: Any
    held_out: Any = None
    choice: WayChoice | None = None

    @property
    def way(self) -> Way:
        return DEFAULT if self.choice is None else self.choice.way

    def settings(self, *, classes: int | None, seed: int) -> dict[str, Any]:
        """Arguments of ``transport`` for the chosen way."""
        rows, dim = len(self.frame), len(self.units.whitening.back)
        return self.way.settings(rows, dim, classes=classes, seed=seed)

    def judged(self, frame: Any) -> Any:
        """The columns of rows that are compared: names of rows are like nobody else's."""
        columns = self.units.codec.columns
        return frame[[c.name for c in columns if not isinstance(c, Identifier)]]

    def table(self, points: np.ndarray, labels: np.ndarray | None, *, name: str) -> Table:
        """White points as the table that a flow takes."""
        columns = tuple(f"direction {k + 1}" for k in range(points.shape[1]))
        kind = "csv" if self.units.form is None else self.units.form.kind
        return Table(values=points, columns=columns, labels=labels, kind=kind, name=name)


def repeated(codec: TableCodec, frame: Any, held_out: Any, *, name: str) -> str | None:
    """What is wrong with held-out rows that a run is fitted to; None where none is."""
    names = [column.name for column in codec.columns if column.coordinates]
    known = set(map(tuple, frame[names].astype(str).to_numpy().tolist()))
    rows = list(map(tuple, held_out[names].astype(str).to_numpy().tolist()))
    return repetition(sum(row in known for row in rows), len(rows), name=name)


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
    own = (config.scale, config.bounds, config.latent)
    return _is_possible(config) and all(setting is None for setting in own)


def as_numbers(config: Config) -> Config:
    """The same run on numbers in units of each column, for what takes nothing else."""
    return config.model_copy(update={"scale": "columns"}) if scores_wanted(config) else config


def _is_possible(config: Config) -> bool:
    plain = config.source is None or config.source == Noise(noise="gaussian")
    return plain and isinstance(config.target, File) and _holds_frames(config.target.file)


OWN_SETTINGS = (
    *("f", "lipschitz", "potential", "integrator", "steps", "step_size", "cooldown", "fit_steps"),
    *("learning_rate", "batch_size", "stop"),
)
"""Keys of a recipe with any of which nothing is chosen."""


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


def fit_mixed(config: Config, frame: Any, form: Form, *, held_out: Any, conditional: bool) -> Mixed:
    """The coordinates for the rows of a frame, as a recipe's ``[columns]`` says.

    Args:
        config: of the run.
        frame: the rows that it is fitted to.
        form: of their file.
        held_out: rows that it does not see, or None.
        conditional: whether each class of the label column has its own potential.
    """
    _check_task(config, frame, held_out)
    settings, ranges = _by_name(config, frame)
    if form.id_column is not None:
        settings.setdefault(form.id_column, "identifier")
    if conditional and isinstance(config.target, File):
        if config.target.label_column is None:
            raise InputError(
                f"{config.target.file}: has no labels, which conditional = true needs; name their "
                "column with label_column, or leave conditional out"
            )
        settings[config.target.label_column] = "label"
    try:
        codec = TableCodec.fit(frame, columns=settings, ranges=ranges, impute=bool(config.impute))
    except InputError as error:
        file = config.target.file if isinstance(config.target, File) else "the target"
        raise InputError(f"{file}: {error}") from None
    points = codec.encode(frame, seed=config.seed)
    noise = DEFAULT.noise if config.potential is None else 0.0
    return Mixed(TableUnits(codec, Whitening.fit(points), noise, form), frame, held_out)


def with_choice(config: Config, mixed: Mixed) -> Mixed:
    """The same, moved in a way that is chosen by held-out rows, unless the recipe has settings."""
    if config.reverse or any(getattr(config, name) is not None for name in OWN_SETTINGS):
        return mixed
    codec = mixed.units.codec
    points, labels = codec.encode(mixed.frame, seed=config.seed), codec.labels(mixed.frame)
    choice = choose_way(
        points, labels, settled=codec.settled, closeness=config.closeness, seed=config.seed
    )
    # of several processes each has chosen, and a last digit may decide otherwise
    way = Way(**of_first(asdict(choice.way), config.devices))
    choice = replace(choice, way=way)
    return replace(mixed, units=replace(mixed.units, noise=choice.way.noise), choice=choice)


def _check_task(config: Config, frame: Any, held_out: Any) -> None:
    """Whether the column that the rows shall teach can be learnt, and be tested.

    Raises:
        InputError: it is not there or constant, or too few rows are held out or asked for.
    """
    if config.task is None:
        return
    names = {str(name): name for name in frame.columns}
    if config.task not in names:
        raise InputError(f"task: no column {config.task!r}; choose one of {listed(list(names))}")
    if frame[names[config.task]].nunique() < 2:
        raise InputError(f"task: column {config.task!r} is constant; name another one")
    if held_out is None:
        raise InputError(
            "task: what new rows teach is tested on rows that are held out; give --validation 0.2"
        )
    known = held_out[names[config.task]].dropna() if config.task in held_out else frame.iloc[:0, 0]
    if len(known) < FEWEST_ROWS or known.nunique() < 2:
        raise InputError(
            f"task: of column {config.task!r} fewer than {FEWEST_ROWS} values are held out, or all "
            "the same; hold out more rows, or name another column"
        )
    if (config.n or len(frame)) < FEWEST_ROWS:
        raise InputError(f"task: {config.n} new rows teach nothing; give -n {FEWEST_ROWS} or more")


def without_dropped(config: Config, frame: Any, form: Form) -> tuple[Any, Form]:
    """A file's rows without the columns that the recipe drops."""
    dropped = {name for name, setting in (config.columns or {}).items() if setting.kind == "drop"}
    kept = [k for k, name in enumerate(frame.columns) if str(name) not in dropped]
    if len(kept) == frame.shape[1]:
        return frame, form
    named = None if str(form.id_column) in dropped else form.id_column
    gaps = tuple(form.gaps[k] for k in kept)
    return frame.iloc[:, kept], replace(form, gaps=gaps, id_column=named)


def _by_name(config: Config, frame: Any) -> tuple[dict[Any, Any], dict[Any, Any]]:
    named = {str(name): name for name in frame.columns}
    kinds: dict[Any, Any] = {}
    ranges: dict[Any, Any] = {}
    for text, setting in (config.columns or {}).items():
        name = named.get(text, text)
        if setting.kind is not None and setting.kind != "drop":
            kinds[name] = setting.kind
        if setting.range is not None:
            ranges[name] = tuple(_end(end) for end in setting.range)
    return kinds, ranges


def _end(end: Any) -> Any:
    return None if isinstance(end, float) and np.isinf(end) else end


def shown(units: TableUnits, points: np.ndarray) -> np.ndarray:
    """White points in columns that a reader knows, shape (n, k)."""
    return units.codec.readable(units.whitening.decode(points.astype(np.float64)))


def shown_flow(units: TableUnits, flow: Flow, *, seed: int) -> Flow:
    """The flow as it is drawn and judged: in columns that a reader knows, without potentials.

    The noise after the flow belongs to the particles and to the last of the frames.
    """
    particles = units.codec.readable(units.ended(flow.particles, seed=seed))
    frames = [shown(units, frame) for frame in flow.trajectory[:-1]]
    spread = particles.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0) / UNITS_PER_SPREAD
    return replace(
        flow,
        particles=particles,
        trajectory=np.stack([*frames, particles]) if len(flow.trajectory) else particles[None][:0],
        scaling=Scaling(np.median(particles, axis=0), scale, UNITS_PER_SPREAD),
        ride=None,
    )


def mixed_as_shown(units: TableUnits, inputs: Any) -> Any:
    """A run's inputs in the columns of ``shown``."""
    held_out = inputs.held_out
    return replace(
        inputs,
        source=shown(units, inputs.source),
        target=shown(units, inputs.target),
        held_out=None if held_out is None else shown(units, held_out),
        like=replace(inputs.like, columns=units.codec.coordinates),
    )
