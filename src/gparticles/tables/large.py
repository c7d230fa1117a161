"""Files of numbers that are larger than memory: random parts of their rows.

A file is read through once, in blocks, so that all of it is known to be numbers; after that only
the rows that are drawn are read.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from gparticles.errors import printable
from gparticles.tables.arrays import NpyFile
from gparticles.tables.files import TEXT_KINDS, kind_of
from gparticles.tables.row_groups import group_blocks, row_groups
from gparticles.tables.streams import ROWS as BLOCK
from gparticles.tables.streams import read_blocks
from gparticles.tables.table import Table, refusal

# rows of a part and for how many steps it serves
ROWS, STEPS = 2**14, 10
# bytes of float64 that rows read ahead from a parquet take, and from how many row groups they come
AHEAD, GROUPS = 2**27, 16
# bytes of float64 that a part takes at most, however many columns there are
PART = 2**26


class FileRows:
    """Rows of an npy or parquet file for ``gparticles.transport``, drawn in parts and never held.

    Of an npy a part is drawn uniformly. A parquet is read a few row groups at a time, in an order
    that changes from pass to pass, and their rows are shuffled; the first part is drawn uniformly.

    Args:
        path: of an npy, C order, shape (n, *event); of a parquet, or a folder of its parts, of
            numbers.
        id_column: of a parquet: a column that is left out.
        rows: of a part.
        every: steps for which a part serves.
        aside: rows that no part has: ``held_out``.
        seed: of what is drawn.

    Attributes:
        first: the table of the first part, by which units are found.
        held_out: rows that no part has, shape (aside, *event).
        count: of the file's rows.
        ends: the least and the largest number of every column, shape (2, *event).
        identity: a digest of all rows.

    Raises:
        InputError: a file of another kind, text or missing values anywhere in it, or too few rows.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "points.npy"
    >>> np.save(path, np.random.default_rng(0).normal(size=(1000, 2)))
    >>> FileRows(path, rows=50).part(3).shape
    (50, 2)
    """

    def __init__(
        self,
        path: str | Path,
        *,
        id_column: str | None = None,
        rows: int = ROWS,
        every: int = STEPS,
        aside: int = 0,
        seed: int = 0,
    ):
        self.path, self.every, self.seed = Path(path), every, seed
        self._reader = reader = _reader(self.path)
        self.count, width = reader.count, reader.width
        self.rows = min(rows, max(PART // (8 * width), 2), self.count - aside)
        if self.rows < 2:
            problem = f"holds {self.count} rows, {aside} of them kept aside"
            raise refusal(path, problem, "give more")
        generator = np.random.default_rng([seed, 0])
        drawn = generator.choice(self.count, self.rows + aside, replace=False)
        self._aside = np.sort(drawn[self.rows :])
        self.first, values = self._read_through(drawn, id_column)
        reader.id_column = self.first.id_name
        self.held_out = values[self.rows :]
        self.first = replace(self.first, values=values[: self.rows], ids=None, labels=None)

    def _read_through(self, drawn: np.ndarray, id_column: str | None) -> tuple[Table, np.ndarray]:
        """Checks every row; the table of the first ones, and the rows that are drawn."""
        order = np.argsort(drawn)
        digest = hashlib.blake2b()
        first, chosen, ends, start = None, [], [], 0
        for block in read_blocks(self.path, id_column=id_column):
            first = block if first is None else first
            low, high = np.searchsorted(drawn[order], [start, start + len(block)])
            chosen.append(block.values[drawn[order[low:high]] - start])
            ends += [block.values.min(axis=0), block.values.max(axis=0)]
            ends = [np.min(ends, axis=0), np.max(ends, axis=0)]
            digest.update(np.ascontiguousarray(block.values).data)
            start += len(block)
        assert first is not None
        if start != self.count:
            raise refusal(self.path, "changed while it was read", "run again once it is whole")
        self.ends = np.stack(ends).astype(first.values.dtype)
        self.identity = f"{digest.hexdigest()} {self._reader.layout} {self.rows} {self.every}"
        values = np.concatenate(chosen)
        drawn_values = np.empty_like(values)
        drawn_values[order] = values
        return first, drawn_values

    @property
    def note(self) -> str:
        """What is drawn, in one line."""
        return (
            f"{printable(str(self.path))}: {self.count:,} rows, of which phi is fitted to "
            f"{self.rows:,} random ones at a time, others every {self.every} steps; units, "
            "metrics and pictures know the first of these only"
        )

    def part(self, number: int) -> np.ndarray:
        """Random rows, shape (rows, *event): the same ones for a number, whatever came before.

        Raises:
            InputError: the file has changed.
        """
        if number == 0:
            return self.first.values
        return self._reader.part(number, rows=self.rows, aside=self._aside, seed=self.seed)

    def among(self, points: np.ndarray) -> int:
        """How many of these points, shape (k, *event), are rows of the file; reads all of it."""
        known, there = _hashed(points), np.zeros(len(points), bool)
        for block in read_blocks(self.path, id_column=self._reader.id_column):
            there |= np.isin(known, _hashed(block.values))
        return int(there.sum())


def _hashed(points: np.ndarray) -> np.ndarray:
    """A number for each row, the same for equal ones and else another, shape (k,)."""
    # adding 0 makes -0 the same bits as 0
    flat = np.ascontiguousarray(points.reshape(len(points), -1).astype(np.float64) + 0.0)
    factors = np.random.default_rng(0).integers(2**63, size=flat.shape[1], dtype=np.uint64) | 1
    mixed = flat.view(np.uint64) * factors
    return ((mixed ^ (mixed >> np.uint64(32))) * factors).sum(axis=1, dtype=np.uint64)


def _reader(path: Path) -> "_Npy | _Parquet":
    kind = kind_of(path)
    if kind == "npy":
        return _Npy(path)
    if kind == "parquet":
        return _Parquet(path)
    problem = f"rows of {kind} files cannot be drawn one by one"
    raise refusal(path, problem, "convert it to parquet")


class _Npy:
    """Rows by their numbers."""

    id_column: str | None = None

    def __init__(self, path: Path):
        self.file = NpyFile(path)
        self.count, self.width = self.file.count, self.file.width
        self.layout = "npy"

    def part(self, number: int, *, rows: int, aside: np.ndarray, seed: int) -> np.ndarray:
        generator = np.random.default_rng([seed, number])
        drawn = generator.choice(self.count, rows + len(aside), replace=False)
        return self.file.rows(drawn[~np.isin(drawn, aside)][:rows])


class _Parquet:
    """Rows of a few row groups at a time, shuffled."""

    id_column: str | None = None

    def __init__(self, path: Path):
        self.path = path
        self.groups, self.width = row_groups(path)
        self.sizes = np.array([group.rows for group in self.groups])
        self.starts = np.cumsum(self.sizes) - self.sizes
        self.count = int(self.sizes.sum())
        self.layout = f"parquet {self.sizes.tolist()}"
        self.held: tuple[int, np.ndarray] = (-1, np.zeros(0))

    def part(self, number: int, *, rows: int, aside: np.ndarray, seed: int) -> np.ndarray:
        most = AHEAD // (8 * self.width)
        mean = self.count / len(self.groups)
        together = min(len(self.groups), max(GROUPS, int(np.ceil(4 * rows / mean))))
        parts = max(1, int(min(most, together * mean)) // rows)
        ahead, position = divmod(number - 1, parts)
        if self.held[0] != ahead:
            share = min(1.0, most / (together * mean))
            order = self._order(ahead * together, together, seed)
            generator = np.random.default_rng([seed, 1, ahead])
            read = [self._some(at, share, aside=aside, generator=generator) for at in order]
            self.held = ahead, generator.permutation(np.concatenate(read))
        values = self.held[1]
        return values[np.arange(position * rows, (position + 1) * rows) % len(values)]

    def _order(self, start: int, count: int, seed: int) -> Iterator[int]:
        """Which groups come at these places of an endless row of shuffled passes."""
        for place in range(start, start + count):
            turn, at = divmod(place, len(self.groups))
            yield int(np.random.default_rng([seed, 2, turn]).permutation(len(self.groups))[at])

    def _some(
        self, at: int, share: float, *, aside: np.ndarray, generator: np.random.Generator
    ) -> np.ndarray:
        """A random share of the rows of a group, without those kept aside."""
        size, start = int(self.sizes[at]), int(self.starts[at])
        chosen = np.sort(generator.choice(size, int(np.ceil(share * size)), replace=False))
        chosen = chosen[~np.isin(chosen + start, aside)]
        values, before = [], 0
        for block in group_blocks(self.path, self.groups[at], BLOCK, id_column=self.id_column):
            low, high = np.searchsorted(chosen, [before, before + len(block)])
            values.append(block[chosen[low:high] - before])
            before += len(block)
        if before != size:
            raise refusal(self.path, "changed while it was read", "run again once it is whole")
        return np.concatenate(values)


def memory_needed(path: Path) -> int:
    """About how many bytes a file's numbers take in memory as float64.

    Of text it is estimated by its first rows; 0 for kinds that are not read in blocks.
    """
    kind = kind_of(path)
    if kind in ("csv", "tsv"):
        with path.open("rb") as stream:
            head = stream.read(2**16)
        line = max(head.count(b"\n"), 1)
        separators = head.count(b"," if kind == "csv" else b"\t")
        return int(path.stat().st_size / len(head) * (separators + line) * 8) if head else 0
    if kind in TEXT_KINDS or kind not in ("npy", "parquet"):
        return 0
    reader = _reader(path)
    return reader.count * reader.width * 8
