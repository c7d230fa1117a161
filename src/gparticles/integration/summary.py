"""What is written of an integration beside the data: figures, numbers and a page."""

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gparticles.experiment.folder import METRICS
from gparticles.experiment.pictures import REPORT, versions
from gparticles.integration import composition
from gparticles.integration.batches import Batches, Flows
from gparticles.integration.judging import Judgement
from gparticles.latent import Counterparts, LatentBound
from gparticles.latent.bound import MEANING
from gparticles.outputs import replace_file
from gparticles.report.batches_page import (
    BatchesPage,
    MeasureRow,
    MeasureTable,
    measured_rows,
    write_batches_report,
)
from gparticles.report.words import number

# beyond, a map of neighbours takes minutes
MAX_UMAP = 20_000
_TOLD = (
    "The flow was told the labels, of held-out samples as well: what is said of labels flatters it."
)
# of the pool
_OWN = (
    " The pool holds a batch's own samples too, one half of it none of the other's: the halves are "
    "no measure there."
)


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A finished integration.

    Attributes:
        batches: before.
        whole: judged on all samples.
        held_out: judged on samples kept from a second fit, or None.
        space: what the space is in which it was judged, in words.
        outcomes: batch to how its flow ended.
        bounds: batch to the latent bound of its flow.
        parts: batch to what was estimated of its composition; empty where nothing was.
        notes: what the user should know.
        command: what made it.
        settings: names and values.
    """

    batches: Batches
    whole: Judgement
    held_out: Judgement | None
    space: str
    outcomes: dict[str, str]
    bounds: dict[str, LatentBound]
    parts: dict[str, Counterparts]
    notes: Sequence[str]
    command: str
    settings: dict[str, Any]


def outcomes_of(flows: Flows) -> dict[str, str]:
    """How each flow ended, with what its codec lost."""
    return {
        name: f"{flow.outcome}, in {flow.latent_target.shape[1]} components, which hold "
        f"{100 - 100 * flow.lost[0]:.0f} % of its variance; the rest is added back"
        for name, flow in flows.items()
    }


def notes_of(flows: Flows, batches: Batches) -> list[str]:
    """What the flows tell, each line once; with the batch's name where not all tell it."""
    batches_of: dict[str, list[str]] = {}
    for name, flow in flows.items():
        # what a flow calls labels are a batch's here
        called = {"labels": f"labels of {name}", "target_labels": f"labels of {batches.onto}"}
        for line in flow.notes:
            first, colon, rest = line.partition(":")
            note = f"{called.get(first, first)}{colon}{rest}"
            batches_of.setdefault(note, []).append(name)
    return [
        note
        if len(names) == len(flows) or note.startswith("labels of ")
        else f"{', '.join(names)}: {note}"
        for note, names in batches_of.items()
    ]


def write_outcome(folder: Path, done: Finished, *, seed: int) -> None:
    """Writes ``figures/``, ``metrics.json`` and ``report.html`` into a folder, which exists."""
    pictures = _figures(folder / "figures", done, seed)
    metrics = _metrics(done)
    write_batches_report(folder / REPORT, _page(done), pictures)
    replace_file(folder / METRICS, (json.dumps(metrics, indent=1) + "\n").encode())


def _metrics(done: Finished) -> dict[str, Any]:
    judged = {"all": done.whole, "held_out": done.held_out}
    return {
        **{name: _entry(part) for name, part in judged.items() if part is not None},
        "space": done.space,
        "outcomes": done.outcomes,
        "latent_bound": {name: bound.record() for name, bound in done.bounds.items()},
        "composition": {name: part.record() for name, part in done.parts.items()},
        "notes": list(done.notes),
        "settings": done.settings,
    }


def _entry(judged: Judgement) -> dict[str, Any]:
    return {"samples": judged.counts, "before": judged.before, "after": judged.after}


def _figures(folder: Path, done: Finished, seed: int) -> list[tuple[Path, str]]:
    from gparticles.plots.before_after import View, before_after_figure, groups_in_words

    folder.mkdir(exist_ok=True)
    names = done.batches.names
    groups = {"batch": names}
    if done.batches.judged is not None:
        groups["label"] = done.batches.judged
    flat = [_principal(space) for space in done.whole.space]
    drawn = {"pca": ("principal components of each", flat)}
    maps = [_umap(space, seed) for space in done.whole.space]
    if maps[0] is not None and maps[1] is not None:
        drawn["umap"] = ("UMAP, which keeps neighbours and no distances", maps)
    figures = []
    for name, (caption, (before, after)) in drawn.items():
        views = {"before": View(*before), "after": View(*after)}
        path = folder / f"{name}.png"
        before_after_figure(views, groups).savefig(path, dpi=110, metadata={"Software": None})
        words = f"Before and after: {caption}. {groups_in_words(groups)}"
        figures.append((path, words.rstrip()))
    return [*figures, *_composition_figure(folder, done, seed)]


def _composition_figure(folder: Path, done: Finished, seed: int) -> list[tuple[Path, str]]:
    if not done.parts:
        return []
    found = composition.regions(done.whole.space[1], done.batches.names, seed=seed)
    path = folder / "composition.png"
    drawn = composition.figure(found, done.batches.reference)
    drawn.savefig(path, dpi=110, metadata={"Software": None})
    words = (
        "Composition: the corrected samples fall into regions (k-means), and each row is a batch. "
        "In the cells stand the shares of its samples, and the colour is the density ratio."
    )
    return [(path, words)]


def _principal(space: np.ndarray) -> tuple[np.ndarray, tuple[str, str]]:
    from gparticles.plots.projection import Projection

    # columns of nothing: few columns would be shown as they are
    padded = np.column_stack([space, np.zeros((len(space), 4))])
    project = Projection(padded)
    first, second = (
        f"principal component {k + 1} ({share:.0%})" for k, share in enumerate(project.shares)
    )
    return project(padded), (first, second)


def _umap(space: np.ndarray, seed: int) -> Any:
    if not 15 < len(space) <= MAX_UMAP:
        return None
    with warnings.catch_warnings():
        # it warns of what it imports
        warnings.simplefilter("ignore")
        try:
            import umap  # type: ignore[import-not-found]
        except ImportError:
            return None
        points = umap.UMAP(random_state=seed, n_jobs=1).fit_transform(space)
    return np.asarray(points, np.float64), ("UMAP 1", "UMAP 2")


def _page(done: Finished) -> BatchesPage:
    batches = done.batches
    sizes = ", ".join(f"{name} {count}" for name, count in done.whole.counts.items())
    tables = [
        MeasureTable(
            "All samples",
            f"The samples that the flow was fitted to ({sizes}), judged in {done.space}. It has "
            "seen them, so these numbers flatter it.",
            measured_rows(done.whole.before, done.whole.after),
        )
    ]
    if done.held_out is not None:
        kept = ", ".join(f"{name} {count}" for name, count in done.held_out.counts.items())
        words = (
            f"Samples that a second fit did not see ({kept}), carried along its flow. The space "
            "they are judged in is that of the samples it saw, and labels are learnt from those."
        )
        rows = measured_rows(done.held_out.before, done.held_out.after)
        tables.insert(0, MeasureTable("Held-out samples", words, rows))
    if batches.labels is not None:
        tables = [table._replace(words=f"{table.words} {_TOLD}") for table in tables]
    stays = ", and none stays" if batches.reference is None else f"; {batches.reference} stays"
    return BatchesPage(
        name="Batches before and after",
        description=f"{', '.join(batches.others)} moved onto {batches.onto}{stays} as it is.",
        facts=[
            ("reference", batches.reference or "none: the pool of all batches"),
            ("samples", sizes),
            ("columns", str(batches.points.shape[1])),
        ],
        notes=done.notes,
        tables=[*tables, *_composition_table(done), _bound_table(done)],
        command=done.command,
        settings=[*_shown(done.settings), *done.outcomes.items()],
        versions=versions(),
    )


def _composition_table(done: Finished) -> list[MeasureTable]:
    return [composition.table(done.parts, done.batches.onto)] if done.parts else []


def _bound_table(done: Finished) -> MeasureTable:
    rows = tuple(
        MeasureRow(
            title=f"{name} from {done.batches.onto}",
            before=number(bound.before),
            after=number(bound.after),
            ideal="",
            words=_words(bound, done.batches.onto),
        )
        for name, bound in done.bounds.items()
    )
    return MeasureTable("Latent bound", MEANING + _OWN * (done.batches.reference is None), rows)


def _words(bound: LatentBound, onto: str) -> str:
    if bound.after is None:
        return bound.sentence
    halves = "" if bound.halves is None else f"; two random halves of {onto}: {bound.halves:.4g}"
    return f"at most, for L = {bound.lipschitz:.3g} nats per data unit{halves}"


def _shown(settings: dict[str, Any]) -> list[tuple[str, str]]:
    return [(name, str(value)) for name, value in settings.items() if value is not None]
