"""The law that a run's source points were drawn from, kept so that more can be drawn later."""

from dataclasses import MISSING, asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.linalg
from pydantic import ValidationError

from gparticles.data import SOURCES, draw
from gparticles.data.sources import mean_and_spread, without_rounding
from gparticles.errors import InputError, printable
from gparticles.experiment.checked import built
from gparticles.experiment.config import cloud_model
from gparticles.flow.saving import read_arrays, read_record, write_arrays, write_record
from gparticles.tables import Table
from gparticles.tables.files import SUFFIXES

_STREAMS = ("target", "source", "held-out", "fresh", "resampled", "sample", "labels", "validation")


def stream(seed: int, purpose: str, part: int = 0) -> int:
    """A seed for one purpose; equal seeds for two purposes would give clouds that are copies.

    Args:
        part: of what is drawn in several parts; 0 for the first or only one.
    """
    parts = [part] if part else []
    sequence = np.random.SeedSequence([seed, _STREAMS.index(purpose), *parts])
    return int(sequence.generate_state(1)[0])


def balanced_labels(labels: np.ndarray, n: int, *, seed: int) -> np.ndarray:
    """n labels in the proportions of those given, to within one of each, in random order.

    >>> sorted(balanced_labels(np.array(["a", "b", "b"]), 6, seed=0).tolist())
    ['a', 'a', 'b', 'b', 'b', 'b']
    """
    classes, counts = np.unique(labels, return_counts=True)
    share = counts / counts.sum() * n
    whole = np.floor(share).astype(int)
    generator = np.random.default_rng(seed)
    # the largest remainders get what is missing; the noise breaks ties at random
    remainder = share - whole + 1e-9 * generator.random(len(classes))
    whole[np.argsort(-remainder)[: n - whole.sum()]] += 1
    return generator.permutation(np.repeat(classes, whole))


def condensed(noise: str, target: np.ndarray) -> np.ndarray:
    """A few rows to which the same noise is fitted as to all of the target's.

    Args:
        noise: a key of ``gparticles.data.SOURCES``.
        target: shape (rows, *event).

    Returns:
        At most d + 1 rows, d the number of coordinates, shape (k, *event), float64.
    """
    flat = without_rounding(target)
    if noise == "uniform":
        rows = np.stack([flat.min(axis=0), flat.max(axis=0)])
    elif noise == "logistic":
        # two rows at distance s / sqrt(2) from their mean have standard deviation s
        mean, spread = mean_and_spread(flat)
        offset = spread / np.sqrt(2)
        rows = mean + np.stack([-offset, offset])
    else:
        rows = _same_moments(flat)
    return rows.reshape(len(rows), *target.shape[1:])


def _same_moments(flat: np.ndarray) -> np.ndarray:
    """At most d + 1 rows with the mean and the sample covariance of all rows."""
    n, d = flat.shape
    if n <= d + 1:
        return flat
    mean, _ = mean_and_spread(flat)
    factor = np.linalg.qr(flat - mean, mode="r")
    # Helmert's rows are orthonormal and sum to zero: they add the covariance and no mean
    spread = scipy.linalg.helmert(d + 1).T @ factor
    return mean + spread * np.sqrt(d / (n - 1))


@dataclass(frozen=True, kw_only=True)
class SourceLaw:
    """Where source points come from, and in what form moved points are written.

    Attributes:
        kind: "noise", "dataset", "file" or "custom"; only the first two can be drawn from again.
        name: of the noise or the sampler, or the file's path.
        options: of the sampler.
        rows: points to which the noise is fitted, shape (k, *event); None but for noise.
        labels: the target's labels, for the proportions of the classes; None if unconditional.
        like: a table without rows: header, kind and dtype of what comes out.
    """

    kind: str
    name: str
    options: dict[str, Any]
    rows: np.ndarray | None
    labels: np.ndarray | None
    like: Table

    def draw(self, n: int, *, seed: int) -> tuple[np.ndarray, np.ndarray | None]:
        """n points, shape (n, *event), and their labels, shape (n,), or None.

        Raises:
            InputError: the source was a file.
        """
        values, labels = self._points(n, seed)
        if self.labels is None:
            return values, None
        if labels is None:
            labels = balanced_labels(self.labels, n, seed=stream(seed, "labels"))
        return values, labels

    def _points(self, n: int, seed: int) -> tuple[np.ndarray, np.ndarray | None]:
        if self.kind == "dataset":
            return draw(self.name, n, seed=seed, options=self.options)
        if self.kind == "noise" and self.rows is not None:
            values = SOURCES[self.name](self.rows, n, seed=seed)
            return values.astype(self.like.values.dtype), None
        raise InputError(
            f"the particles came from {self.name}, of which there is no more to draw; "
            "use gpa transform on new points"
        )

    def save(self, folder: Path) -> None:
        """Writes ``source.json`` and ``source.safetensors`` into a folder."""
        arrays = {"values": self.like.values[:0]}
        if self.rows is not None:
            arrays["rows"] = self.rows
        table = {f.name: getattr(self.like, f.name) for f in fields(Table)}
        kept = {k: v for k, v in table.items() if k not in ("values", "ids", "labels", "warnings")}
        checksum = write_arrays(folder / "source.safetensors", arrays)
        record = {
            **{k: v for k, v in asdict(self).items() if k in ("kind", "name", "options")},
            "labels": None if self.labels is None else self.labels.tolist(),
            "table": {**kept, "has_ids": self.like.ids is not None},
            "checksum": checksum,
        }
        write_record(folder / "source.json", record)


def load_law(folder: Path) -> SourceLaw:
    """Reads what ``SourceLaw.save`` wrote.

    Raises:
        InputError: it is missing, damaged or of a newer schema.
    """
    path = folder / "source.json"
    record = read_record(path)
    try:
        arrays = read_arrays(folder / "source.safetensors", record["checksum"])
        table = dict(record["table"])
        table |= {name: tuple(table[name]) for name in _TUPLES if table.get(name) is not None}
        table |= {"ids": [] if table.pop("has_ids") else None, "labels": None, "warnings": ()}
        like = built(Table, {**_defaults(), **table, "values": arrays["values"]}, path)
        labels = None if record["labels"] is None else np.array(record["labels"])
        law = {name: record[name] for name in ("kind", "name", "options")}
        law |= {"rows": arrays.get("rows"), "labels": labels, "like": like}
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: is damaged ({error!r}); run it again") from None
    return _checked(built(SourceLaw, law, path), path)


# what JSON knows as lists
_TUPLES = ("columns", "whole_names")


def _defaults() -> dict[str, Any]:
    """Of the fields of a table that earlier versions did not know."""
    return {f.name: f.default for f in fields(Table) if f.default is not MISSING}


# more than any file has
_MOST_COLUMNS = 2**31


def _places(table: Table) -> tuple[int | None, int | None]:
    return table.id_position, table.label_position


def _checked(law: SourceLaw, path: Path) -> SourceLaw:
    """The law, if more can be drawn by it, or if it says that nothing can."""
    wrong = None
    if law.like.kind not in {*SUFFIXES.values()}:
        wrong = f"no files are of kind {law.like.kind!r}"
    elif not all(0 <= (at or 0) < _MOST_COLUMNS for at in _places(law.like)):
        wrong = "its ids or labels stand where no column can be"
    elif law.labels is not None and (law.labels.ndim != 1 or law.labels.dtype.kind not in "Uifb"):
        wrong = "its labels are no labels"
    elif law.kind == "noise" and (
        law.name not in SOURCES
        or law.rows is None
        or law.rows.shape[1:] != law.like.values.shape[1:]
    ):
        wrong = f"there is no such noise as {law.name!r} here"
    elif law.kind == "dataset" and not _is_dataset(law.name, law.options):
        wrong = f"there is no such dataset as {law.name!r} here"
    elif law.kind not in ("noise", "dataset", "file", "custom"):
        wrong = f"nothing comes from {law.kind!r}"
    if wrong is not None:
        raise InputError(f"{path}: is damaged ({printable(wrong)}); run it again")
    return law


def _is_noise(law: SourceLaw) -> bool:
    rows, event = law.rows, law.like.values.shape[1:]
    fits = rows is not None and rows.shape[1:] == event and np.isfinite(rows).all()
    return law.name in SOURCES and bool(fits)


def _is_dataset(name: str, options: dict[str, Any]) -> bool:
    try:
        return cloud_model(name).model_validate({"dataset": name, **options}) is not None
    except ValidationError:
        return False


def form_of(table: Table) -> Table:
    """The table without its rows."""
    ids = None if table.ids is None else []
    return replace(table, values=table.values[:0], ids=ids, labels=None, warnings=())
