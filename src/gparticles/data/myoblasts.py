"""Human skeletal-muscle myoblasts over three days: Bioconductor's package HSMMSingleCell."""

from pathlib import Path

import numpy as np

from gparticles.data.studies import Study, package_file, r_objects
from gparticles.tables.table import refusal

MATRIX = Path("HSMMSingleCell/data/HSMM_expr_matrix.rda")
_SHEET, _GENES = "HSMM_sample_sheet", "HSMM_gene_annotation"


def hsmm(path: str | Path | None = None) -> Study:
    """271 myoblasts that become muscle, at 0, 24, 48 and 72 hours, of 47,192 genes.

    Trapnell et al., Nature Biotechnology 32, 2014, 381-386: log(1 + FPKM). Bioconductor's package
    HSMMSingleCell, which Debian has as ``r-bioc-hsmmsinglecell``. Its attributes are hours, media,
    pseudotime and state.

    Args:
        path: of ``HSMM_expr_matrix.rda``, beside which the two other files lie; found where R
            keeps packages, which ``R_LIBS`` can name.

    Raises:
        InputError: it is not found or damaged, or the package rdata is not installed.
    """
    names = {"debian": "r-bioc-hsmmsinglecell", "bioconductor": "HSMMSingleCell"}
    place = package_file(MATRIX, **names) if path is None else Path(path)
    matrix, sheet, genes = (
        r_objects(place.with_name(f"{name}.rda")) for name in (place.stem, _SHEET, _GENES)
    )
    try:
        counts = matrix[place.stem]
        cells = sheet[_SHEET]
        attributes = {
            name.lower(): cells[name].astype(str).to_numpy(str)
            for name in ("Hours", "Media", "Pseudotime", "State")
        }
        short = tuple(map(str, genes[_GENES]["gene_short_name"]))
        values = np.log1p(np.asarray(counts, np.float64).T)
        samples = tuple(map(str, cells.index))
    except (KeyError, AttributeError, TypeError, ValueError) as error:
        raise refusal(place, f"is not HSMMSingleCell's ({error})", "get it again") from None
    return Study(values, samples, short, attributes)
