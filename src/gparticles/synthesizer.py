"""New rows of a table with whatever columns it has."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from gparticles.checks import check_count, check_seed
from gparticles.choosing import WAYS, FittedWay, Way, WayChoice, blurred, choose_way
from gparticles.choosing.choice import SECONDS
from gparticles.choosing.ways import PARTICLES, in_proportion
from gparticles.errors import InputError
from gparticles.flow import Flow, load_flow, transport
from gparticles.flow.lazily import in_parts, is_lazy
from gparticles.flow.saving import read_arrays, read_record, write_arrays, write_record
from gparticles.tables.codec import TableCodec
from gparticles.tables.conditions import (
    Selected,
    conditions_of,
    labels_asked,
    levels_of,
    select,
)
from gparticles.tables.margins import Margins
from gparticles.tables.mixed import Form
from gparticles.tables.stored import packed, unpacked
from gparticles.tables.whitening import Whitening

AUTO = "auto"
# rows that are learnt of a frame of Dask's, whose number memory need not hold
MOST_ROWS = 100_000
_RECORD, _ARRAYS, _STATE = "table.json", "table.safetensors", "synthesizer.json"


@dataclass(frozen=True)
class TableUnits:
    """The coordinates in which a table's rows are moved, and the way back.

    Attributes:
        codec: of the rows.
        whitening: of the codec's points.
        noise: that comes after a flow, as ``gparticles.choosing.Way`` says.
        form: of the table's file, or None where it was a frame.
        margins: that the codec's points get after the noise, or None.
    """

    codec: TableCodec
    whitening: Whitening
    noise: float
    form: Form | None = None
    margins: Margins | None = None

    def encode(self, frame: Any, *, seed: int = 0) -> np.ndarray:
        """White points of rows, shape (n, r)."""
        return self.whitening.encode(self.codec.encode(frame, seed=seed))

    def ended(self, white: np.ndarray, *, seed: int) -> np.ndarray:
        """The codec's points of where a flow ended, with noise and margins, shape (n, k)."""
        noisy = blurred(white.astype(np.float64), self.noise, seed=seed)
        points = self.whitening.decode(noisy)
        return points if self.margins is None else self.margins.apply(points)

    def with_margins(self, flow: Flow, frame: Any, *, seed: int) -> "TableUnits":
        """With the margins of a frame's rows for what a flow makes of its own particles."""
        made = replace(self, margins=None).ended(flow.particles, seed=seed)
        return replace(self, margins=Margins.fit(made, self.codec.encode(frame, seed=seed)))

    def decode(self, white: np.ndarray, labels: np.ndarray | None = None, *, seed: int = 0) -> Any:
        """The rows of where a flow ended."""
        return self.codec.decode(self.ended(white, seed=seed), labels)

    def save(self, folder: Path) -> None:
        """Writes ``table.json`` and ``table.safetensors`` into a folder."""
        arrays: dict[str, np.ndarray] = {}
        record = {
            "codec": packed(self.codec, arrays),
            "whitening": packed(self.whitening, arrays),
            "noise": self.noise,
            "form": packed(self.form, arrays),
            "margins": packed(self.margins, arrays),
        }
        checksum = write_arrays(folder / _ARRAYS, arrays)
        write_record(folder / _RECORD, {**record, "checksum": checksum})


def load_units(folder: Path) -> TableUnits | None:
    """What ``TableUnits.save`` wrote into a folder, or None where it holds nothing such.

    Raises:
        InputError: it is damaged.
    """
    path = folder / _RECORD
    if not path.exists():
        return None
    record = read_record(path)
    try:
        arrays = read_arrays(folder / _ARRAYS, record["checksum"])
        units = TableUnits(
            codec=TableCodec.from_record(record["codec"], arrays),
            whitening=unpacked(record["whitening"], arrays, {"Whitening": Whitening}),
            noise=float(record["noise"]),
            form=unpacked(record["form"], arrays, {"Form": Form}),
            # of which earlier versions knew nothing
            margins=unpacked(record.get("margins"), arrays, {"Margins": Margins}),
        )
        units.decode(np.zeros((2, len(units.whitening.back))))
    except InputError:
        raise
    except Exception as error:  # whatever a damaged record leads to
        raise InputError(f"{path}: is damaged ({error!r}); make it anew") from None
    return units


class Synthesizer(BaseEstimator):
    """Learns the rows of a DataFrame of mixed columns, and makes new ones.

    Columns may be numbers, whole numbers, categories, truths or dates, and cells may be missing;
    what comes out has the dtypes, categories, grids and ranges of what went in. ``docs/tables.md``
    says what is done with each kind.

    Args:
        seed: of everything random.
        potential: "auto" chooses a way by scores on held-out rows; else "network", "tight network"
            or "no network", a ``gparticles.choosing.Way``, or a potential as for
            ``gparticles.transport``.
        columns: what columns are, where it is not as their cells look; see ``TableCodec.fit``. A
            column that is a "label" has a potential for each of its classes.
        ranges: (low, high) of columns, None for an end without a bound.
        impute: new rows have no missing cells.
        closeness: 0 (new) to 1 (near the rows that were learnt), or None for what scores best.
        seconds: what choosing may take about.

    Attributes:
        codec_: between rows and points.
        flow_: from white noise to these points, in coordinates where they are white.
        choice_: what was chosen, from what and why; None where the potential was given, and after
            loading, where ``flow_.choice`` and ``report_`` have its record.
        report_: what the columns are, what was chosen, and how it scored; for people and JSON.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"size": [1.5, 2.5, 2.1, 1.8] * 3, "kind": ["a", "b", "b", "a"] * 3})
    >>> new = Synthesizer(seed=0, potential=Way(steps=2)).fit(frame).sample(5)
    >>> new.shape, set(new["kind"]) <= {"a", "b"}
    ((5, 2), True)
    """

    codec_: TableCodec
    flow_: Flow
    choice_: WayChoice | None
    report_: dict[str, Any]
    _made: FittedWay
    _labels: np.ndarray | None

    def __init__(
        self,
        *,
        seed: int = 0,
        potential: Any = AUTO,
        columns: Mapping[Any, Any] | None = None,
        ranges: Mapping[Any, Any] | None = None,
        impute: bool = False,
        closeness: float | None = None,
        seconds: float = SECONDS,
    ):
        self.seed = seed
        self.potential = potential
        self.columns = columns
        self.ranges = ranges
        self.impute = impute
        self.closeness = closeness
        self.seconds = seconds

    def fit(self, frame: Any) -> "Synthesizer":
        """Learns the rows of a DataFrame; of one of Dask's, 100,000 at random where there are more.

        Raises:
            InputError: a table that cannot be used, in one line with the mend.
        """
        check_seed(self.seed)
        frame, notes = _held(frame, seed=self.seed) if is_lazy(frame) else (frame, ())
        codec = TableCodec.fit(frame, columns=self.columns, ranges=self.ranges, impute=self.impute)
        points, labels = codec.encode(frame, seed=self.seed), codec.labels(frame)
        self.choice_ = None
        if isinstance(self.potential, str) and self.potential == AUTO:
            self.choice_ = choose_way(
                points,
                labels,
                settled=codec.settled,
                closeness=self.closeness,
                seconds=self.seconds,
                seed=self.seed,
            )
        self._made = self._fitted(points, labels)
        self.codec_, self._labels, self.flow_ = codec, labels, self._made.flow
        choice = None if self.choice_ is None else self.choice_.to_dict()
        if choice is not None:
            self.flow_.settings["choice"] = choice
        self.report_ = {
            "rows": len(frame),
            "columns": {str(name): kind for name, kind in codec.kinds.items()},
            "notes": [*notes, *codec.notes],
            "choice": choice,
            "outcome": self.flow_.outcome,
        }
        self._calls = 0
        return self

    def _fitted(self, points: np.ndarray, labels: np.ndarray | None) -> FittedWay:
        way = self.potential if self.choice_ is None else self.choice_.way
        if isinstance(way, str):
            if way not in WAYS:
                names = ", ".join(f'"{name}"' for name in (AUTO, *WAYS))
                raise InputError(f"potential is {way!r}: use {names}, a way or a potential")
            way = WAYS[way]
        if isinstance(way, Way):
            return way.fit(points, labels=labels, seed=self.seed)
        whitening = Whitening.fit(points)
        white = whitening.encode(points)
        generator = np.random.default_rng([self.seed, 0])
        source = generator.standard_normal((PARTICLES, white.shape[1]))
        classes = None if labels is None else in_proportion(labels, PARTICLES, generator)
        flow = transport(
            source, white, labels=classes, target_labels=labels, potential=way, seed=self.seed
        )
        return FittedWay(whitening, flow, 0.0).with_margins(points, seed=self.seed)

    def sample(
        self,
        n: int,
        *,
        where: Mapping[Any, Any] | None = None,
        balance: Any = None,
        seed: int | None = None,
        partitions: int | None = None,
    ) -> Any:
        """n new rows, a DataFrame.

        Args:
            n: how many.
            where: what holds for all of them: for columns by name a cell, a list of cells, or
                (low, high) with None for no end. Rows are drawn until n satisfy it;
                ``report_["acceptance"]`` says which share did. A column that is a "label" is drawn
                as asked.
            balance: the name of a column of categories that shall be equally frequent.
            seed: of the draw; by default every call draws other rows, in the same order each time.
            partitions: asks for a ``dask.dataframe`` of so many, each of which is drawn when Dask
                computes it, by a seed of its own, and balanced for itself. One that is computed
                twice has the same rows.

        Raises:
            InputError: no such column or category, or hardly a row satisfies the conditions.
        """
        check_is_fitted(self, "codec_")
        n = check_count(n, "n")
        if seed is None:
            seed, self._calls = self._calls, self._calls + 1
        check_seed(seed)
        drawn = partial(self._drawn, where=where, balance=balance)
        if partitions is None:
            selected = drawn(n, seed=seed)
            self.report_["acceptance"] = selected.acceptance
            return self.codec_.numbered(selected.frame)
        form = drawn(1, seed=seed).frame.iloc[:0]
        make = partial(_part, self.codec_, drawn, seed)
        return in_parts(make, n, check_count(partitions, "partitions"), form=form)

    def _drawn(self, n: int, *, where: Any, balance: Any, seed: int) -> Selected:
        conditions = conditions_of(self.codec_, where)
        column = None if balance is None else levels_of(self.codec_, balance)
        labels = labels_asked(self.codec_, self._labels, conditions, column)

        def draw(count: int, call: int) -> Any:
            own = [seed, call] if call else seed
            generator = np.random.default_rng(own)
            classes = None if labels is None else in_proportion(labels, count, generator)
            points = self._made.draw(count, labels=classes, seed=_mixed(own))
            return self.codec_.decode(points, classes)

        return select(draw, n, conditions=conditions, balance=column)

    def save(self, directory: str | Path, *, overwrite: bool = False) -> Path:
        """Writes the synthesizer into a directory, from which ``load_synthesizer`` reads it.

        Raises:
            InputError: the directory holds a flow already, or it cannot be saved.
        """
        check_is_fitted(self, "codec_")
        folder = self.flow_.save(directory, overwrite=overwrite)
        made = self._made
        units = TableUnits(self.codec_, made.whitening, made.noise, margins=made.margins)
        units.save(folder)
        labels = None if self._labels is None else self._labels.tolist()
        write_record(folder / _STATE, {"report": self.report_, "labels": labels})
        return folder


def load_synthesizer(directory: str | Path) -> Synthesizer:
    """A fitted synthesizer from what ``Synthesizer.save`` wrote.

    Raises:
        InputError: there is none, or it is damaged.
    """
    folder = Path(directory)
    units = load_units(folder)
    if units is None:
        raise InputError(f"{folder}: holds no synthesizer; give a folder that save wrote")
    record = read_record(folder / _STATE)
    made = Synthesizer()
    made.codec_, made.flow_, made.choice_ = units.codec, load_flow(folder), None
    made._made = FittedWay(units.whitening, made.flow_, units.noise, units.margins)
    try:
        made.report_ = dict(record["report"])
        labels = record["labels"]
        made._labels = None if labels is None else np.array(labels, np.str_)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{folder / _STATE}: is damaged ({error!r}); save it anew") from None
    made._calls = 0
    return made


def _held(frame: Any, *, seed: int) -> tuple[Any, tuple[str, ...]]:
    """Rows of a ``dask.dataframe`` in memory, and a note where these are not all."""
    total = len(frame)
    if total <= MOST_ROWS:
        return frame.compute(), ()
    part = frame.sample(frac=MOST_ROWS / total, random_state=seed).compute()
    note = f"{len(part)} rows of {total} were learnt, drawn at random: the frame is one of Dask's"
    return part, (note,)


def _part(codec: TableCodec, drawn: Any, seed: int, start: int, count: int, number: int) -> Any:
    """One partition of new rows; the first is that of a draw which is not cut."""
    frame = drawn(count, seed=_mixed([seed, 1, number]) if number else seed).frame
    return codec.numbered(frame, start=start).set_axis(range(start, start + count))


def _mixed(seed: Any) -> int:
    """One number for a seed and how often it was used."""
    return seed if isinstance(seed, int) else int(np.random.SeedSequence(seed).generate_state(1)[0])
