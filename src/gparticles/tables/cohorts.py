"""Several matrices of samples and genes, aligned by the genes' names."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gparticles.errors import printable
from gparticles.tables.files import kind_of, load
from gparticles.tables.separated import records
from gparticles.tables.table import (
    Table,
    check_same_columns,
    listed,
    quoted,
    refusal,
    without_missing,
)

# logarithms of intensities or counts stay below, raw ones soon do not
_LARGEST_LOG, _SMALLEST_RAW = 30.0, 100.0


@dataclass(frozen=True, kw_only=True)
class Cohorts:
    """Batches of samples with the same genes in the same order.

    Attributes:
        names: of the batches, what their files are called without the ending.
        tables: samples in rows, the common genes as columns; kind and names as they came.
        transposed: whether genes were in rows.
        warnings: what the user should know, a line each.
    """

    names: tuple[str, ...]
    tables: tuple[Table, ...]
    transposed: bool
    warnings: tuple[str, ...]

    @property
    def values(self) -> np.ndarray:
        """All samples, batch after batch, shape (N, d)."""
        return np.concatenate([table.values for table in self.tables])

    @property
    def batches(self) -> np.ndarray:
        """The name of each sample's batch, shape (N,)."""
        return np.repeat(self.names, [len(table) for table in self.tables])

    @property
    def ids(self) -> list[str]:
        """The samples' identifiers, shape (N,)."""
        return [name for table in self.tables for name in table.ids or ()]

    @property
    def genes(self) -> tuple[str, ...]:
        """The common genes, in the order of the first file; () where none has names."""
        return self.tables[0].columns or ()

    @property
    def labels(self) -> np.ndarray | None:
        """The column of labels, where all files have one, as text, shape (N,); "" is missing."""
        parts = [without_missing(t.labels) for t in self.tables if t.labels is not None]
        return np.concatenate(parts) if len(parts) == len(self.tables) else None


def read_cohorts(
    paths: Sequence[Path],
    *,
    transpose: bool = False,
    id_column: str | None = None,
    label_column: str | None = None,
) -> Cohorts:
    """Reads one matrix for each batch and keeps the genes that all of them have.

    Args:
        paths: csv, tsv (also .gz) or parquet; at least two. The first one's order of genes is kept.
            Or all npy or npz, sparse ones too, whose columns are the same genes in the same order.
        transpose: genes are in rows, and samples in columns.
        id_column: of the samples, or with ``transpose`` of the genes.
        label_column: a column of classes, where samples are in rows.

    Raises:
        InputError: fewer than two files or two of one name, what ``gparticles.data.load`` refuses,
            genes without names or one twice, a batch of one sample, no common gene.
    """
    if len(paths) < 2:
        raise refusal(paths[0], "is one batch only", "give at least two files")
    names = [_stem(path) for path in paths]
    if (twice := _repeated(names)) is not None:
        raise refusal(listed(paths), f"two files are called {quoted(twice)}", "rename one")
    columns = {"id_column": id_column, "label_column": label_column}
    tables = [_samples(path, transpose=transpose, **columns) for path in paths]
    if all(table.columns is None for table in tables):
        kept, notes = tuple(tables), [_checked_widths(tables)]
    else:
        common, notes = _common_genes(tables)
        kept = tuple(with_genes(table, common) for table in tables)
    return Cohorts(
        names=tuple(names),
        tables=kept,
        transposed=transpose,
        warnings=(*notes, *_code_warnings(kept), *scale_warnings(_largest(kept))),
    )


def read_labels(path: Path, ids: Sequence[str]) -> np.ndarray:
    """The label of every sample from a csv or tsv of two columns with a header.

    Args:
        path: identifiers in the first column, labels in the second.
        ids: of the samples.

    Returns:
        Shape (n,), text; empty for samples that have none.

    Raises:
        InputError: the file cannot be read, an identifier twice, or no sample of these in it.
    """
    ending = "".join(path.suffixes).lower()
    kind = ("tsv" if ".tsv" in ending else "csv") + (".gz" if ending.endswith(".gz") else "")
    rows = list(records(path, kind))[1:]
    short = [line for line, row in rows if len(row) < 2]
    if short:
        mend = "give identifiers and labels in two columns, with a header"
        raise refusal(path, f"row {short[0]} has fewer than two columns", mend)
    known = {row[0]: row[1] for _, row in rows}
    if len(known) < len(rows):
        twice = _repeated([row[0] for _, row in rows])
        raise refusal(path, f"names sample {quoted(twice)} twice", "keep one row for each")
    labels = without_missing(np.array([known.get(name, "") for name in ids]))
    if not any(labels):
        mend = "the first column must hold the samples' identifiers"
        raise refusal(path, f"labels none of the samples, such as {listed(ids[:2])}", mend)
    return labels


def _stem(path: Path) -> str:
    kind = kind_of(path)
    if kind == "images":
        raise refusal(path, "names no genes", "give csv, tsv or parquet")
    name = printable(path.name)
    return name[: -len(kind) - 1] if name.lower().endswith(f".{kind}") else name


def _samples(
    path: Path, *, transpose: bool, id_column: str | None, label_column: str | None
) -> Table:
    table = load(path, id_column=id_column, label_column=label_column, label_gaps=True)
    if transpose:
        table = _transposed(table)
    if table.values.ndim != 2:
        raise refusal(path, "holds images", "give a matrix of samples and genes")
    if len(table) == 1:
        raise refusal(path, "holds one sample, which has no distribution", "leave it out")
    if (twice := _repeated(table.columns or ())) is not None:
        raise refusal(path, f"two genes are called {quoted(twice)}", "rename or average them")
    ids = table.ids or [f"{_stem(path)}-{k + 1}" for k in range(len(table))]
    if (twice := _repeated(ids)) is not None:
        raise refusal(path, f"two samples are called {quoted(twice)}", "rename one")
    return replace(table, ids=ids, id_name=table.id_name or "sample", warnings=())


def _transposed(table: Table) -> Table:
    if table.ids is None:
        mend = "give them in its first column, or leave out --transpose"
        raise refusal(table.name, "has no names of genes", mend)
    ids = None if table.columns is None else list(table.columns)
    values = np.ascontiguousarray(table.values.T)
    return replace(table, values=values, columns=tuple(table.ids), ids=ids, labels=None)


def _repeated(names: Sequence[str]) -> str | None:
    """The first name that is there twice."""
    return next((name for name, count in Counter(names).items() if count > 1), None)


def _checked_widths(tables: Sequence[Table]) -> str:
    """The note that columns without names are taken by position."""
    for table in tables[1:]:
        check_same_columns(tables[0], table)
    return "the files name no genes: column k of each is taken for the same gene"


def _common_genes(tables: Sequence[Table]) -> tuple[list[str], list[str]]:
    """The genes that all tables have, in the first one's order, and what is left out."""
    for table in tables:
        if table.columns is None:
            mend = "give them in its first row, or name them in none of the files"
            raise refusal(table.name, "has no names of genes", mend)
    sets = [set(table.columns or ()) for table in tables]
    common = set.intersection(*sets)
    if not common:
        firsts = " and ".join(
            f"{_short(table)} begins with {listed((table.columns or ())[:2])}"
            for table in tables[:2]
        )
        mend = "name genes alike, or give --transpose where genes are in rows"
        raise refusal("genes", f"no name is in all files: {firsts}", mend)
    others = ", ".join(
        f"{len(genes) - len(common)} of {_short(table)}"
        for genes, table in zip(sets, tables, strict=True)
        if len(genes) > len(common)
    )
    note = f"{len(common)} genes are in all files and are used; left out: {others}"
    return [gene for gene in tables[0].columns or () if gene in common], [note] * bool(others)


def _short(table: Table) -> str:
    return Path(table.name).name


def with_genes(table: Table, genes: Sequence[str]) -> Table:
    """The table with these of its columns, in this order.

    Raises:
        InputError: it lacks one of them.
    """
    lacking = sorted(set(genes) - set(table.columns or ()))
    if lacking:
        mend = "give all that are needed"
        if set(lacking) & set(table.ids or ()):
            mend = "its rows are called so: write it with samples in rows"
        raise refusal(table.name, f"has no column {listed(lacking)}", mend)
    if tuple(genes) == table.columns:
        return table
    at = {gene: k for k, gene in enumerate(table.columns or ())}
    chosen = [at[gene] for gene in genes]
    return replace(table, values=table.values[:, chosen], columns=tuple(genes))


def _code_warnings(tables: Sequence[Table]) -> list[str]:
    """A line where a few columns are whole numbers and all others are not, as codes of classes."""
    values = np.concatenate([table.values for table in tables])
    whole = np.flatnonzero(
        (values == np.rint(values)).all(axis=0) & np.ptp(values, axis=0).astype(bool)
    )
    if not 0 < len(whole) <= max(1, values.shape[1] // 20):
        return []
    names = [tables[0].columns[k] if tables[0].columns else k + 1 for k in whole.tolist()]
    return [
        f"{listed(names)}: whole numbers only, but taken for a gene as all other columns; name it "
        "in --labels or --judge-by, or remove it, if it holds classes"
    ]


def _largest(tables: Sequence[Table]) -> dict[str, float]:
    return {_short(table): float(table.values.max()) for table in tables}


def scale_warnings(largest: Mapping[str, float]) -> list[str]:
    """A line where some values look like logarithms and others do not, or none do.

    Args:
        largest: what is compared, by name, to its largest value.
    """
    raw = [name for name, most in largest.items() if most > _SMALLEST_RAW]
    logs = [name for name, most in largest.items() if most <= _LARGEST_LOG]
    if raw and logs:
        return [
            f"{logs[0]} looks like logarithms (largest value {largest[logs[0]]:.4g}) and "
            f"{raw[0]} like raw values ({largest[raw[0]]:.4g}): bring them to one scale first, as "
            f"by log2(x + 1) of {raw[0]}"
        ]
    if raw:
        return [
            f"values reach {max(largest.values()):.4g}, as raw ones do: a few genes decide all "
            "distances; log2(x + 1) is usual"
        ]
    return []
