"""``gpa integrate``: batches moved onto a reference, in an h5ad or in one matrix for each batch."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from gparticles.command import console
from gparticles.command.options import MOST, MOST_SEED, check_meaning, command_line
from gparticles.errors import InputError

_H5AD = ("batch_key", "basis", "layer")
_FILES = ("transpose", "id_column")


def integrate(
    inputs: Annotated[
        list[Path],
        typer.Argument(metavar="FILES", help="One .h5ad, or a csv, tsv or parquet for each batch."),
    ],
    *,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="An .h5ad; or a folder, or one csv for all batches.")
    ],
    reference: Annotated[
        str | None,
        typer.Option(metavar="BATCH", help="The batch that stays: a file, or a batch's name."),
    ] = None,
    pooled: Annotated[
        bool,
        typer.Option("--pooled", help="No batch stays: all move onto the pool of all batches."),
    ] = False,
    batch_key: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="h5ad: the column of obs with batches.")
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            "--labels",
            "--labels-key",
            metavar="COLUMN|FILE",
            help="Classes; each moves onto the same class of the reference.",
        ),
    ] = None,
    balance: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN|FILE",
            help="Classes whose shares in a batch are weighted to be the reference's.",
        ),
    ] = None,
    judge_by: Annotated[
        str | None,
        typer.Option(metavar="COLUMN|FILE", help="Classes that the flow does not see."),
    ] = None,
    basis: Annotated[
        str | None, typer.Option(metavar="KEY", help="h5ad: what to correct; X_pca by default.")
    ] = None,
    adjusted_basis: Annotated[
        str, typer.Option(metavar="KEY", help="h5ad: where it is written.")
    ] = "X_gpa",
    layer: Annotated[
        str | None, typer.Option(metavar="KEY", help="h5ad: a layer for the corrected genes.")
    ] = None,
    latent_dim: Annotated[
        int, typer.Option(min=1, max=MOST, help="Principal components to move in.")
    ] = 50,
    steps: Annotated[int | None, typer.Option(min=1, max=MOST, help="Of the flow.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=MOST_SEED, help="Of everything random.")] = 0,
    held_out: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            min=0,
            max=0.9,
            help="Kept from a second fit to judge by; 0.2 by default where there are enough.",
        ),
    ] = None,
    transpose: Annotated[
        bool, typer.Option("--transpose", help="Genes are in rows, samples in columns.")
    ] = False,
    id_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="The column of identifiers.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what exists.")] = False,
) -> None:
    """Correct batch effects: move every batch onto a reference batch, and report on it.

    The reference comes out as it went in; with --pooled there is none. Beside the data come
    report.html and metrics.json, with numbers on samples that a second fit did not see.
    """
    settings = dict(locals())
    paths, place = settings.pop("inputs"), settings.pop("out")
    defaults = {"adjusted_basis": "X_gpa", "latent_dim": 50, "seed": 0}
    words = ["integrate", *map(str, paths), "--out", str(place)]
    command = command_line(words, settings, defaults=defaults)
    _check_kind(paths, settings)
    _check_onto(settings)
    del settings["pooled"]
    done = _carried_out(paths, place, {**settings, "command": command})
    for line in summary(done):
        console.result(line)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(integrate)


def _check_kind(paths: list[Path], settings: dict[str, Any]) -> None:
    kinds = {path.suffix.lower() == ".h5ad" for path in paths}
    if kinds == {True, False} or (kinds == {True} and len(paths) > 1):
        raise InputError("give one .h5ad, or one csv, tsv or parquet for each batch")
    if True in kinds:
        check_meaning(settings, _FILES, kind="an .h5ad")
    else:
        check_meaning(settings, _H5AD, kind="csv, tsv and parquet")
    if True in kinds and not settings["batch_key"]:
        raise InputError("--batch-key: is missing; name the column of obs that tells batches apart")


def _check_onto(settings: dict[str, Any]) -> None:
    if settings["pooled"] and settings["reference"] is not None:
        raise InputError("--reference and --pooled: give one of them")
    if not settings["pooled"] and settings["reference"] is None:
        raise InputError(
            "--reference: is missing; name the batch that stays, or give --pooled, "
            "with which none does"
        )


def _carried_out(paths: list[Path], out: Path, settings: dict[str, Any]) -> Any:
    # JAX takes a second to load, and what is wrong with the options is told at once
    from gparticles.integration.request import Request

    with (
        console.gentle_interrupts() as interrupt,
        console.progress_bar() as bar,
        console.stages("integration"),
    ):
        callbacks = [callback for callback in (bar, interrupt) if callback is not None]
        request = Request(**settings, callbacks=callbacks)
        try:
            if request.batch_key is not None:
                from gparticles.integration.h5ad import integrate_h5ad

                return integrate_h5ad(paths[0], out, request, say=console.say)
            from gparticles.integration.matrices import integrate_files

            return integrate_files(paths, out, request, say=console.say)
        except KeyboardInterrupt:
            raise console.InterruptedRunError("stopped; nothing was written") from None


def summary(done: Any) -> Iterator[str]:
    """What was made, how good it is, and where it lies."""
    finished = done.finished
    batches = finished.batches
    counts = finished.whole.counts
    size = sum(counts.values()) if batches.reference is None else counts[batches.reference]
    for name, outcome in finished.outcomes.items():
        onto = f"onto {batches.onto} ({size} samples)"
        yield f"{name} ({counts[name]} samples) {onto}: {outcome}"
    judged, what = finished.held_out, "held-out samples"
    if judged is None:
        judged, what = finished.whole, "the samples that were fitted"
    mixed = [side["neighbour_mixing"]["value"] for side in (judged.before, judged.after)]
    yield f"mixing of {what}: {mixed[0]:.3g} before, {mixed[1]:.3g} after (1 is perfect)"
    area = "label_auc_across_batches"
    if judged.after.get(area, {}).get("value") is not None:
        areas = [side[area]["value"] for side in (judged.before, judged.after)]
        yield f"labels learnt across batches (AUC): {areas[0]:.3f} before, {areas[1]:.3f} after"
    alone = [part.record() for part in finished.parts.values()]
    if count := sum(row["without_counterpart"] for row in alone):
        ends = (sum(row[f"without_counterpart_{end}"] for row in alone) for end in ("low", "high"))
        yield f"without counterpart: about {count} samples ({' to '.join(map(str, ends))})"
    yield f"corrected: {', '.join(map(str, done.files))}"
    yield f"report:    {done.report / 'report.html'} (open it in a browser)"
    for name, folder in list(done.flows.items())[:1]:
        place = shlex.quote(str(done.report / "flows" / folder))
        yield f"later samples of {name}: gpa transform {place} FILE -o FILE"
