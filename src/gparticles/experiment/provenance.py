"""The law that a run's source points were drawn from, kept so that more can be drawn later."""

import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.linalg

from gparticles.data import SOURCES, draw
from gparticles.data.sources import mean_and_spread, without_rounding
from gparticles.errors import InputError
from gparticles.flow.files import read_arrays, read_record, write_arrays, write_record
from gparticles.tables import Table

_STREAMS = ("target", "source", "held-out", "fresh", "resampled", "sample", "labels", "validation")


def stream(seed: int, purpose: str) -> int:
    """A seed for one purpose; equal seeds for two purposes would give clouds that are copies."""
    sequence = np.random.SeedSequence([seed, _STREAMS.index(purpose)])
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
    record = read_record(folder / "source.json")
    try:
        arrays = read_arrays(folder / "source.safetensors", record["checksum"])
        table = dict(record["table"])
        ids = [] if table.pop("has_ids") else None
        columns = table.pop("columns")
        labels = record["labels"]
        return SourceLaw(
            kind=record["kind"],
            name=record["name"],
            options=record["options"],
            rows=arrays.get("rows"),
            labels=None if labels is None else np.array(labels),
            like=Table(
                values=arrays["values"],
                columns=None if columns is None else tuple(columns),
                ids=ids,
                **table,
            ),
        )
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise InputError(f"{folder}: damaged source.json ({error}); run it again") from None


def form_of(table: Table) -> Table:
    """The table without its rows."""
    ids = None if table.ids is None else []
    return replace(table, values=table.values[:0], ids=ids, labels=None, warnings=())
