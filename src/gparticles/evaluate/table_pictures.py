"""Pictures of new rows beside real ones, written into a folder."""

from pathlib import Path
from typing import Any

from gparticles.evaluate.association import associations, differing_pairs
from gparticles.evaluate.frame_units import FrameUnits
from gparticles.evaluate.pairwise import subset
from gparticles.plots.tables import MOST_PANELS, save_associations, save_margins, save_pairs

MARGINS, ASSOCIATIONS, PAIRS = "margins.png", "associations.png", "pairs.png"
# rows of each table that are drawn, and columns of a matrix that can still be read
_ROWS, _COLUMNS = 2000, 60


def save_table_pictures(new: Any, real: Any, folder: Path, *, seed: int = 0) -> list[Path]:
    """Columns overlaid, the two matrices of associations, and the pairs that differ most.

    Args:
        new, real: DataFrames of the same columns.
        folder: exists already.
        seed: of the rows that are drawn, where there are many.

    Returns:
        The files, each with a name in ``CAPTIONS``; matrices and pairs need two columns.
    """
    real, new = (frame.iloc[subset(len(frame), _ROWS, seed=seed)] for frame in (real, new))
    units = FrameUnits.of(real)
    cells, names = (units.rows(real).cells, units.rows(new).cells), units.names
    files = [save_margins(*cells, folder / MARGINS, names=names)]
    if len(names) < 2:
        return files
    few, other = (each[:_COLUMNS] for each in cells)
    names, matrices = names[:_COLUMNS], (associations(few), associations(other))
    files.append(save_associations(*matrices, folder / ASSOCIATIONS, names=names))
    pairs = [(pair.first, pair.second) for pair in differing_pairs(*matrices)]
    return [*files, save_pairs(few, other, folder / PAIRS, pairs=pairs, names=names)]


CAPTIONS = {
    MARGINS: f"Each column's distribution in real and in new rows; the first {MOST_PANELS} of them",
    ASSOCIATIONS: "How strongly each two columns go together: Spearman's correlation of numbers, "
    "the correlation ratio of a number and kinds, Cramer's V of kinds",
    PAIRS: "The pairs of columns whose association differs most between real and new rows",
}
