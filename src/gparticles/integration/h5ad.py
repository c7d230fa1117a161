"""``gpa integrate`` of an h5ad: ``gparticles.integrate`` on a file, with a report."""

import re
import warnings
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gparticles.checks import check_points
from gparticles.errors import InputError
from gparticles.experiment.provenance import SourceLaw
from gparticles.experiment.staging import check_free, staged
from gparticles.integration.annotated import Keys, move_batches, read_batches
from gparticles.integration.basis import Basis, basis_of, dense
from gparticles.integration.batches import Batches, Flows, check_batches
from gparticles.integration.judging import judge_all
from gparticles.integration.request import Done, Options, held_out_judgement
from gparticles.integration.summary import Finished, notes_of, write_outcome
from gparticles.latent import PCA, move_latents
from gparticles.tables import Table
from gparticles.tables.cohorts import scale_warnings
from gparticles.tables.table import listed

# entries of a dense X in float64: 2 GiB
MAX_ENTRIES = 2**28
USUAL = "X_pca"

Say = Callable[[str], None]


def integrate_h5ad(path: Path, out: Path, options: Options, say: Say) -> Done:
    """Reads an h5ad, moves all batches onto the reference, and writes another one.

    Args:
        path: of the h5ad.
        out: of the one to write.
        options: with their ``batch_key``.
        say: called with warnings.

    Raises:
        InputError: anything that the user can mend, before anything is written.
    """
    if out.suffix.lower() != ".h5ad":
        raise InputError(f"{out}: an .h5ad comes out as one; let its name end in .h5ad")
    report = f"{out.stem}-report"
    check_free([out, out.parent / report], force=options.force)
    adata = read_h5ad(path)
    keys = _keys(options)
    column_of(adata, keys.key, "--batch-key", path)
    notes = [] if keys.basis in adata.obsm or options.basis else [_decompose(adata, options)]
    batches = replace(read_batches(adata, keys), judged=_judged(adata, options, path))
    notes += [*_scales(adata, batches, options, made=bool(notes)), *check_batches(batches)]
    told = len(notes)
    for line in notes:
        say(line)
    flows, finished = _finished(adata, batches, options, notes)
    for line in notes[told:]:
        say(line)
    with staged(out.parent) as stage:
        (stage / report).mkdir()
        folders = _keep(stage / report / "flows", flows, basis_of(adata, asdict(keys)))
        write_outcome(stage / report, finished, seed=options.seed)
        adata.write_h5ad(stage / out.name)
    return Done(files=[out], report=out.parent / report, flows=folders, finished=finished)


def _keys(options: Options) -> Keys:
    return Keys(
        key=str(options.batch_key),
        reference=options.reference,
        basis=options.basis or USUAL,
        adjusted_basis=options.adjusted_basis,
        labels_key=options.labels,
        balance_key=options.balance,
        layer=options.layer,
    )


def _finished(
    adata: Any, batches: Batches, options: Options, notes: list[str]
) -> tuple[Flows, Finished]:
    """Integrates in place and judges; appends to the notes."""
    keys, settings = _keys(options), options.flow_settings
    flows, bounds = move_batches(adata, keys, batches, **settings)
    notes += notes_of(flows, batches)
    move = partial(move_latents, **settings)
    held_out = held_out_judgement(batches, move, _as_it_is, options=options, say=notes.append)
    after = dense(adata.obsm[options.adjusted_basis])
    return flows, Finished(
        batches=batches,
        whole=judge_all(batches, after, _as_it_is, seed=options.seed),
        held_out=held_out,
        space=f"obsm[{keys.basis!r}] before and obsm[{keys.adjusted_basis!r}] after",
        outcomes={name: flow.outcome for name, flow in flows.items()},
        bounds=bounds,
        notes=notes,
        command=options.command,
        settings=options.shown(),
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


def _scales(adata: Any, batches: Batches, options: Options, *, made: bool) -> list[str]:
    """What is told of X where it is used: batches on other scales than the rest."""
    if adata.X is None or not (made or options.layer):
        return []
    parts = {str(name): adata.X[batches.names == name] for name in np.unique(batches.names)}
    return scale_warnings({name: float(part.max()) for name, part in parts.items()})


def _as_it_is(_: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    return lambda points: points


def read_h5ad(path: Path) -> Any:
    """An ``anndata.AnnData`` in memory.

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
            return anndata.read_h5ad(path)
    except Exception as error:  # its readers raise many kinds for a broken file
        reason = " ".join(str(error).split()).partition("(")[0].strip() or type(error).__name__
        raise InputError(f"{path}: cannot be read ({reason}); write it anew") from None


def _decompose(adata: Any, options: Options) -> str:
    """Makes ``X_pca`` and ``PCs``, and says so."""
    if adata.X is None or adata.n_obs * adata.n_vars > MAX_ENTRIES:
        why = "has no X" if adata.X is None else "is too large to be decomposed here"
        raise InputError(
            f"basis: obsm has no {USUAL!r}, but {listed(list(adata.obsm)) or 'nothing'}, and the "
            f"file {why}; name a basis, or make one with scanpy.pp.pca"
        )
    values = check_points(dense(adata.X), "X")
    codec = PCA(options.latent_dim).fit(values, seed=options.seed)
    adata.obsm[USUAL] = codec.encode(values).astype(np.float32)
    if codec.components is not None:
        adata.varm["PCs"] = codec.components.T
    return (
        f"obsm has no {USUAL}: it was made here, {codec.latent_dim} principal components of X, and "
        "written beside the result"
    )


def _judged(adata: Any, options: Options, path: Path) -> np.ndarray | None:
    name = options.judge_by or options.labels or options.balance
    return None if name is None else column_of(adata, name, "labels", path)


def column_of(adata: Any, name: str, what: str, path: Path) -> np.ndarray:
    """A column of ``obs`` as text, "" where it is missing, shape (n,).

    Raises:
        InputError: there is no such column; those that there are get listed.
    """
    if name not in adata.obs:
        raise InputError(
            f"{path}, {what}: obs has no column {name!r}, but {listed(list(adata.obs.columns))}; "
            "name one of these"
        )
    column = adata.obs[name]
    return np.where(np.asarray(column.isna()), "", np.asarray(column.astype(str), dtype=str))
