"""``gpa integrate`` of an h5ad: ``gparticles.integrate`` on a file, with a report."""

import re
import shutil
import warnings
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gparticles.errors import InputError
from gparticles.experiment.provenance import SourceLaw
from gparticles.integration.annotated import Keys, move_batches, read_batches
from gparticles.integration.basis import Basis, basis_of, column_of, dense
from gparticles.integration.batches import Batches, Flows, check_batches
from gparticles.integration.composition import parts_of
from gparticles.integration.genes import MAX_ENTRIES, largest_by_batch, principal
from gparticles.integration.judging import judge_all, judge_kept_out
from gparticles.integration.request import Done, Notes, Request, held_out
from gparticles.integration.summary import Finished, notes_of, write_outcome
from gparticles.latent import move_latents
from gparticles.outputs import check_free, staged
from gparticles.tables import Table
from gparticles.tables.cohorts import scale_warnings
from gparticles.tables.table import listed

USUAL = "X_pca"


def integrate_h5ad(path: Path, out: Path, request: Request, *, say: Callable[[str], None]) -> Done:
    """Reads an h5ad, moves all batches onto the reference, and writes another one.

    Args:
        path: of the h5ad.
        out: of the one to write.
        request: with its ``batch_key``.
        say: called with what the user should know.

    Returns:
        What was made.

    Raises:
        InputError: anything that the user can mend, before anything is written.
    """
    if out.suffix.lower() != ".h5ad":
        raise InputError(f"{out}: an .h5ad comes out as one; let its name end in .h5ad")
    report = f"{out.stem}-report"
    check_free(out, out.parent / report, force=request.force)
    adata = opened_h5ad(path)
    keys = _keys(request)
    made = [] if keys.basis in adata.obsm or request.basis else [_decompose(adata, request)]
    batches = replace(read_batches(adata, keys), judged=_judged(adata, request))
    notes = Notes(say)
    notes.add(*made, *_scales(adata, batches, request, made=bool(made)), *check_batches(batches))
    flows, finished = _finished(adata, batches, request, notes)
    with staged(out.parent) as stage:
        (stage / report).mkdir()
        folders = _keep(stage / report / "flows", flows, basis_of(adata, asdict(keys)))
        write_outcome(stage / report, finished, seed=request.seed)
        write_h5ad(adata, stage / out.name, asdict(keys))
    return Done(files=[out], report=out.parent / report, flows=folders, finished=finished)


def _keys(request: Request) -> Keys:
    return Keys(
        key=str(request.batch_key),
        reference=request.reference,
        basis=request.basis or USUAL,
        adjusted_basis=request.adjusted_basis,
        labels_key=request.labels,
        balance_key=request.balance,
        layer=request.layer,
    )


def _finished(
    adata: Any, batches: Batches, request: Request, notes: Notes
) -> tuple[Flows, Finished]:
    """Integrates in place and judges; appends to the notes."""
    keys, settings = _keys(request), request.flow_settings
    parts = held_out(batches, request, notes)
    flows, bounds = move_batches(adata, keys, batches, **settings)
    notes.add(*notes_of(flows, batches))
    move = partial(move_latents, **settings)
    kept_out = judge_kept_out(batches, move, _as_it_is, parts=parts, seed=request.seed)
    after = dense(adata.obsm[request.adjusted_basis])
    return flows, Finished(
        batches=batches,
        whole=judge_all(batches, after, _as_it_is, seed=request.seed),
        held_out=kept_out,
        space=f"obsm[{keys.basis!r}] before and obsm[{keys.adjusted_basis!r}] after",
        outcomes={name: flow.outcome for name, flow in flows.items()},
        bounds=bounds,
        parts=parts_of(flows),
        notes=notes.lines,
        command=request.command,
        settings=request.shown(),
    )


def _keep(folder: Path, flows: Flows, basis: Basis) -> dict[str, str]:
    """One folder for each flow, which ``gpa transform`` takes; batch to its name."""
    kept: dict[str, str] = {}
    columns = tuple(f"{basis.keys['basis']} {k + 1}" for k in range(basis.size))
    for name, flow in flows.items():
        plain = re.sub(r"[^\w.+-]", "_", name).lstrip(".")[:100] or "batch"
        # two batches that differ in what a folder's name cannot hold
        while plain in kept.values():
            plain += "_"
        stored = flow.save(folder / plain / "flow")
        form = Table(values=np.zeros((0, basis.size), np.float32), columns=columns, kind="csv")
        law: dict[str, Any] = {"kind": "file", "name": name, "options": {}}
        SourceLaw(**law, rows=None, labels=None, like=replace(form, header=True)).save(stored)
        basis.save(stored)
        kept[name] = plain
    return kept


def _scales(adata: Any, batches: Batches, request: Request, *, made: bool) -> list[str]:
    """What is told of X where it is used: batches on other scales than the rest."""
    if adata.X is None or not (made or request.layer):
        return []
    return scale_warnings(largest_by_batch(adata, batches.names))


def _as_it_is(_: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    return lambda points: points


def read_h5ad(path: Path, **options: Any) -> Any:
    """An ``anndata.AnnData``, in memory.

    Args:
        path: of the file.
        options: of ``anndata.read_h5ad``.

    Raises:
        InputError: anndata is not installed, no such file, or it cannot be read.
    """
    try:
        with warnings.catch_warnings():
            # its own, about what newer versions will do
            warnings.simplefilter("ignore", FutureWarning)
            import anndata
    except ImportError:
        raise InputError(
            "an .h5ad needs anndata, which is not installed; pip install 'gparticles[anndata]'"
        ) from None
    if not path.is_file():
        raise InputError(f"{path}: there is no such file; check the path")
    try:
        with warnings.catch_warnings():
            # whoever looks genes up by name refuses such
            warnings.filterwarnings("ignore", "Variable names are not unique")
            return anndata.read_h5ad(path, **options)
    except Exception as error:  # its readers raise many kinds for a broken file
        reason = " ".join(str(error).split()).partition("(")[0].strip() or type(error).__name__
        raise InputError(f"{path}: cannot be read ({reason}); write it anew") from None


def opened_h5ad(path: Path) -> Any:
    """The same; an X of more than ``MAX_ENTRIES`` stays in the file.

    Raises:
        InputError: as ``read_h5ad``.
    """
    adata = read_h5ad(path, backed="r")
    if adata.X is not None and adata.n_obs * adata.n_vars > MAX_ENTRIES:
        return adata
    adata.file.close()
    return read_h5ad(path)


def write_h5ad(adata: Any, path: Path, keys: dict[str, Any]) -> None:
    """Writes an integrated object; one whose X stayed in its file by a copy of this file.

    Args:
        adata: from ``opened_h5ad``.
        path: where to.
        keys: of ``gparticles.integration.annotated.Keys``, by name: what is new.
    """
    if not adata.isbacked:
        adata.write_h5ad(path)
        return
    import h5py
    from anndata.io import write_elem

    shutil.copyfile(adata.filename, path)
    places = (
        (adata.obsm, "obsm", keys["basis"]),
        (adata.obsm, "obsm", keys["adjusted_basis"]),
        (adata.varm, "varm", "PCs"),
        (adata.layers, "layers", keys["layer"]),
        (adata.uns, "uns", "gparticles"),
    )
    with h5py.File(path, "r+") as file:
        for values, group, name in places:
            if name in values:
                write_elem(file, f"{group}/{name}", values[name])


def _decompose(adata: Any, request: Request) -> str:
    """Makes ``X_pca`` and ``PCs``, and says so."""
    if adata.X is None:
        raise InputError(
            f"basis: obsm has no {USUAL!r}, but {listed(list(adata.obsm)) or 'nothing'}, and the "
            "file has no X; name a basis, or make one with scanpy.pp.pca"
        )
    made = principal(adata, request.latent_dim, seed=request.seed)
    adata.obsm[USUAL], adata.varm["PCs"] = made.points, made.components.T
    return (
        f"obsm has no {USUAL}: it was made here, {len(made.components)} principal components of X, "
        "and written beside the result"
    )


def _judged(adata: Any, request: Request) -> np.ndarray | None:
    name = request.judge_by or request.labels or request.balance
    return None if name is None else column_of(adata, name, "labels")
