"""How full regions are in several batches: one row for each batch, one column for each region."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from gparticles.plots.style import literal, pictured

# beyond this factor, colours are the same
_MOST = 4


def composition_figure(
    shares: np.ndarray, ratios: np.ndarray, names: Sequence[str], *, base: str
) -> Figure:
    """Shares as text, on the colour of their density ratio.

    Args:
        shares: of regions in each batch, shape (batches, regions).
        ratios: shares over those of the base, the same shape, above 0.
        names: of the batches.
        base: what ratios are taken to, in words.
    """
    height = 1.6 + 0.4 * len(names)
    figure = Figure(figsize=(2.6 + 0.7 * shares.shape[1], height), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(np.log2(ratios), cmap="RdBu_r", vmin=-_MOST, vmax=_MOST, aspect="auto")
    for (row, column), share in np.ndenumerate(shares):
        axes.text(column, row, f"{share:.0%}", ha="center", va="center", fontsize=8)
    axes.set_yticks(range(len(names)), pictured(names, "batch"))
    literal(*axes.get_yticklabels())
    axes.set_xticks(range(shares.shape[1]), [str(k + 1) for k in range(shares.shape[1])])
    axes.set_xlabel("region of the corrected samples, the fullest first")
    figure.colorbar(image, label="log2 of the density ratio")
    literal(axes.set_title(f"shares of regions; colour: against {base}", fontsize=10))
    return figure
