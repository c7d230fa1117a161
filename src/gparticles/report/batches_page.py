"""The page of an integration: batches before and after, and how well they mix."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from gparticles.outputs import replace_file
from gparticles.report.page import Page, in_place, part, template
from gparticles.report.words import number, readable

MEASURES = {
    "neighbour_mixing": (
        "mixing of neighbours",
        "share of other batches among a sample's nearest neighbours, over what chance gives; "
        "above 1, samples prefer the other batch",
    ),
    "batch_silhouette": (
        "silhouette of batches",
        "0: a sample is as far from its own batch as from the others; towards 1: batches are apart",
    ),
    "ilisi": (
        "batches per neighbourhood",
        "how many batches a neighbourhood effectively holds (iLISI, not rescaled)",
    ),
    "label_silhouette": (
        "silhouette of labels",
        "the higher, the further samples of different labels are apart",
    ),
    "clisi": (
        "labels per neighbourhood",
        "how many labels a neighbourhood effectively holds (cLISI, not rescaled)",
    ),
    "label_auc_across_batches": (
        "labels learnt across batches",
        "area under the ROC curve of labels learnt on one batch and predicted on another; "
        "1/2 by chance",
    ),
    "w2": (
        "distance to the reference",
        "Wasserstein-2 distance of the samples that move to the reference's, in units of the data; "
        "above 0 for two samples of one law",
    ),
    "w2_between": (
        "distance between batches",
        "Wasserstein-2 distance of each batch's samples to those of all others, in units of the "
        "data; above 0 for two samples of one law",
    ),
}
"""Titles of the measures, and what they mean."""


class MeasureRow(NamedTuple):
    """One measure before and after, as text."""

    title: str
    before: str
    after: str
    ideal: str
    words: str


class MeasureTable(NamedTuple):
    """Measures of one set of samples."""

    title: str
    words: str
    rows: tuple[MeasureRow, ...]


@dataclass(frozen=True, kw_only=True)
class BatchesPage(Page):
    """What the page says besides.

    Attributes:
        tables: measures.
    """

    tables: Sequence[MeasureTable]


def measured_rows(before: dict[str, Any], after: dict[str, Any]) -> tuple[MeasureRow, ...]:
    """The measures that both have, in the order of `MEASURES`."""
    return tuple(
        MeasureRow(
            title=title,
            before=number(before[name]["value"]),
            after=number(after[name]["value"]),
            ideal=number(after[name]["ideal"]),
            words=words,
        )
        for name, (title, words) in MEASURES.items()
        if name in before and name in after
    )


def write_batches_report(
    path: Path, page: BatchesPage, pictures: Sequence[tuple[Path, str]]
) -> Path:
    """Writes the page: one file that needs no network.

    Args:
        path: of the page.
        page: its words and numbers; all of them are escaped.
        pictures: PNG files with their captions.
    """
    html = template("batches.html.jinja").render(
        page=page, pictures=in_place(pictures), css=part("page.css")
    )
    replace_file(path, readable(html).encode())
    return path
