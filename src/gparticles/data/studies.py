"""Public gene-expression studies: GEO's series matrices, and Bioconductor's bladder-cancer data."""

import csv
import gzip
import os
import warnings
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gparticles.data.fetching import Remote, data_folder, fetch
from gparticles.errors import InputError
from gparticles.tables.table import MISSING, quoted, refusal

GEO = "https://ftp.ncbi.nlm.nih.gov/geo/series"
"""Where NCBI keeps the Gene Expression Omnibus."""

BLADDER = Path("bladderbatch/data/bladderdata.rda")
_LIBRARIES = ("/usr/lib/R/site-library", "/usr/local/lib/R/site-library", "/usr/lib/R/library")


class Study(NamedTuple):
    """Samples of gene expression.

    Attributes:
        values: shape (n, d), one row for each sample, in the study's units; NaN where missing.
        samples: n identifiers.
        genes: d names of genes or probe sets.
        attributes: name to text for each sample, shape (n,); "" where not given.
    """

    values: np.ndarray
    samples: tuple[str, ...]
    genes: tuple[str, ...]
    attributes: dict[str, np.ndarray]


def geo_series(accession: str, *, address: str = GEO) -> Study:
    """A series of the Gene Expression Omnibus, fetched once and kept.

    Its server states no checksum: the one of the first download is written beside the file, and
    the file is compared with it ever after, so that it cannot change unnoticed.

    Args:
        accession: such as "GSE26639", the paper's source, or "GSE76275", its target.
        address: of the folder of series, or of a copy.

    Raises:
        InputError: no accession of a series, it cannot be fetched, it is not what was fetched
            before, or what `read_series_matrix` refuses.
    """
    digits = accession.removeprefix("GSE")
    if digits == accession or not digits.isdecimal():
        raise refusal(repr(accession), "is no series of GEO", 'give one such as "GSE26639"')
    group = f"GSE{digits[:-3]}nnn"
    url = f"{address}/{group}/{accession}/matrix/{accession}_series_matrix.txt.gz"
    place = data_folder() / f"{accession}_series_matrix.txt.gz"
    record = place.with_name(f"{place.name}.sha256")
    known = record.read_text().strip() if record.exists() else None
    path = fetch(Remote(url, known))
    if known is None:
        import pooch

        record.write_text(f"sha256:{pooch.file_hash(str(path))}\n")
    return read_series_matrix(path)


def read_series_matrix(path: str | Path) -> Study:
    """Reads a series matrix as GEO writes it, .txt or .txt.gz.

    Lines that begin with ``!Sample_`` hold an attribute of every sample; cells such as ``er: 1`` of
    ``characteristics`` become attributes of their own. The table stands between
    ``!series_matrix_table_begin`` and ``..._end``.

    Raises:
        InputError: it cannot be read, holds no table, or a row of another length or with text.
    """
    path = Path(path)
    with _opened(path) as stream:
        rows = csv.reader(stream, delimiter="\t")
        attributes, samples = _attributes(rows, path)
        genes, values = _matrix(rows, samples, path)
    return Study(values, samples, genes, attributes)


def bladder_cancer(path: str | Path | None = None) -> Study:
    """57 bladder samples of 22,283 probe sets, measured on five days (Affymetrix HG-U133A, log2).

    Dyrskjot et al., Cancer Research 64, 2004, 4040-4048, as Leek et al. prepared it for studies of
    batch effects: Bioconductor's package bladderbatch, which Debian has as ``r-bioc-bladderbatch``.
    Its attributes are batch, cancer (Normal, Biopsy, Cancer) and outcome.

    Args:
        path: of ``bladderdata.rda``; found where R keeps packages, which ``R_LIBS`` can name.

    Raises:
        InputError: it is not found or damaged, or the package rdata is not installed.
    """
    names = {"debian": "r-bioc-bladderbatch", "bioconductor": "bladderbatch"}
    place = package_file(BLADDER, **names) if path is None else Path(path)
    objects = r_objects(place)
    try:
        entry = objects["bladderEset"]
        matrix = _part(_part(entry, "assayData"), "exprs")
        frame = _part(_part(entry, "phenoData"), "data")
        attributes = {str(name): _texts(frame[name]) for name in frame.columns}
        genes, samples = (tuple(map(str, matrix.coords[d].values)) for d in matrix.dims)
        values = np.asarray(matrix, np.float64).T
    except (KeyError, AttributeError, TypeError, ValueError) as error:
        raise refusal(place, f"is not Bioconductor's bladderdata.rda ({error})", "get it") from None
    return Study(values, samples, genes, attributes)


def package_file(place: Path, *, debian: str, bioconductor: str) -> Path:
    """A file of an R package, where R keeps packages.

    Raises:
        InputError: it is not there; the line says what to install.
    """
    named = [p for name in ("R_LIBS", "R_LIBS_USER") for p in os.environ.get(name, "").split(":")]
    for library in (*filter(None, named), *_LIBRARIES):
        if (Path(library) / place).is_file():
            return Path(library) / place
    raise InputError(
        f"{place.name} is not where R keeps packages; install Debian's {debian} or "
        f"Bioconductor's {bioconductor}, name the library's folder in R_LIBS, or give its path"
    )


def r_objects(path: Path) -> Any:
    """What an .rda holds, by name.

    Raises:
        InputError: it cannot be read, or the package rdata is not installed.
    """
    try:
        import rdata
    except ImportError:
        raise InputError(
            "an .rda needs rdata, which is not installed; pip install 'gparticles[genes]'"
        ) from None
    if not path.is_file():
        raise refusal(path, "there is no such file", "check the path")
    try:
        with warnings.catch_warnings():
            # classes of R that it does not know come as plain objects, which is enough
            warnings.simplefilter("ignore")
            return rdata.read_rda(path)
    except Exception as error:  # its parser raises many kinds for a broken file
        raise refusal(path, f"is damaged ({type(error).__name__})", "get it again") from None


def _part(thing: Any, name: str) -> Any:
    """What R calls thing$name or thing@name."""
    return thing[name] if hasattr(thing, "keys") else getattr(thing, name)


def _texts(column: Any) -> np.ndarray:
    # R keeps whole numbers as floats
    whole = column.dtype.kind == "f" and bool((column == column.round()).all())
    return (column.astype(int) if whole else column).astype(str).to_numpy(str)


def _opened(path: Path) -> Any:
    try:
        with path.open("rb") as stream:
            packed = stream.read(2) == b"\x1f\x8b"
    except OSError as error:
        raise refusal(path, f"cannot be read ({error.strerror})", "check the path") from None
    opened = gzip.open if packed else open
    return opened(path, "rt", encoding="utf-8", errors="replace", newline="")


def _lines(rows: Iterator[list[str]], path: Path) -> Iterator[list[str]]:
    try:
        yield from rows
    except (EOFError, OSError, zlib.error, csv.Error) as error:
        raise refusal(path, f"is damaged ({error})", "delete it and get it again") from None


def _attributes(
    rows: Iterator[list[str]], path: Path
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """What is said of the samples, and their identifiers; stops at the beginning of the table."""
    cells: dict[str, list[str]] = {}
    for row in _lines(rows, path):
        if row and row[0] == "!series_matrix_table_begin":
            samples = tuple(next(rows, ["", ""])[1:])
            if not samples:
                raise refusal(path, "its table names no samples", "get it again")
            n = len(samples)
            whole = {name: np.array(v) for name, v in cells.items() if len(v) == n and any(v)}
            return whole, samples
        if row and row[0].startswith("!Sample_"):
            _take(cells, row[0].removeprefix("!Sample_"), row[1:])
    raise refusal(path, "holds no series_matrix_table", "give a series matrix of GEO")


def _take(cells: dict[str, list[str]], name: str, row: list[str]) -> None:
    if not name.startswith("characteristics"):
        cells.setdefault(name, row)
        return
    # one row may hold several characteristics, and one may be spread over rows
    for k, cell in enumerate(row):
        key, colon, value = cell.partition(":")
        if colon:
            column = cells.setdefault(key.strip(), [""] * len(row))
            if k < len(column):
                column[k] = value.strip()


def _matrix(
    rows: Iterator[list[str]], samples: tuple[str, ...], path: Path
) -> tuple[tuple[str, ...], np.ndarray]:
    genes, values = [], []
    for row in _lines(rows, path):
        if row and row[0] == "!series_matrix_table_end":
            if not genes:
                raise refusal(path, "its table is empty", "get the matrix of another series")
            # samples become rows
            return tuple(genes), np.ascontiguousarray(np.array(values, np.float32).T)
        if len(row) != len(samples) + 1:
            problem = f"row {quoted(row[0] if row else '')} has {len(row) - 1} values"
            raise refusal(path, f"{problem} for {len(samples)} samples", "get it again")
        genes.append(row[0])
        values.append(_numbers(row[1:], row[0], path))
    raise refusal(path, "its table has no end", "delete it and get it again")


def _numbers(cells: Iterable[str], gene: str, path: Path) -> np.ndarray:
    try:
        return np.array([np.nan if c.casefold() in MISSING else c for c in cells], np.float32)
    except ValueError:
        raise refusal(path, f"gene {quoted(gene)}: text among numbers", "get it again") from None
