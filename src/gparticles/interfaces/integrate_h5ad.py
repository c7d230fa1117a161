"""``gpa integrate`` of an h5ad: ``gparticles.integrate`` on a file, with a report."""

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gparticles.checks import check_points
from gparticles.data.table import listed
from gparticles.errors import InputError
from gparticles.interfaces.integration import Batches, check_batches, judge_all
from gparticles.interfaces.integration_options import Done, Options, held_out_judgement
from gparticles.interfaces.integration_report import Finished, write_outcome
from gparticles.interfaces.scverse import integrate
from gparticles.interfaces.staging import check_free, staged
from gparticles.latent import PCA, move_latents

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
    adata = _read(path)
    made = options.basis is None and USUAL not in adata.obsm
    notes = [_decompose(adata, options)] if made else []
    finished = _finished(adata, options, notes)
    for line in notes:
        say(line)
    with staged(out.parent) as stage:
        (stage / report).mkdir()
        write_outcome(stage / report, finished, seed=options.seed)
        adata.write_h5ad(stage / out.name)
    return Done(files=[out], report=out.parent / report, finished=finished)


def _finished(adata: Any, options: Options, notes: list[str]) -> Finished:
    """Integrates in place and judges; appends to the notes."""
    judged = _judged(adata, options)
    basis, key = options.basis or USUAL, str(options.batch_key)
    integrate(
        adata,
        key=key,
        reference=options.reference,
        basis=basis,
        adjusted_basis=options.adjusted_basis,
        labels_key=options.labels,
        balance_key=options.balance,
        layer=options.layer,
        **options.flow_settings,
    )
    batches = Batches(
        points=_matrix(adata.obsm[basis]),
        names=_text(adata, key),
        reference=options.reference,
        labels=None if options.labels is None else _text(adata, options.labels),
        balance=None if options.balance is None else _text(adata, options.balance),
        judged=judged,
    )
    notes += check_batches(batches)
    move = partial(move_latents, **options.flow_settings)
    held_out = held_out_judgement(batches, move, _as_it_is, options=options, say=notes.append)
    after = _matrix(adata.obsm[options.adjusted_basis])
    record = adata.uns["gparticles"]
    return Finished(
        batches=batches,
        whole=judge_all(batches, after, _as_it_is, seed=options.seed),
        held_out=held_out,
        space=f"obsm[{basis!r}] before and obsm[{options.adjusted_basis!r}] after",
        outcomes=dict(zip(record["batches"].tolist(), record["outcomes"].tolist(), strict=True)),
        notes=notes,
        command=options.command,
        settings=options.shown(),
    )


def _as_it_is(_: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    return lambda points: points


def _read(path: Path) -> Any:
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
        return anndata.read_h5ad(path)
    except Exception as error:  # its readers raise many kinds for a broken file
        reason = " ".join(str(error).split())[:100]
        raise InputError(f"{path}: cannot be read ({reason}); write it anew") from None


def _decompose(adata: Any, options: Options) -> str:
    """Makes ``X_pca`` and ``PCs``, and says so."""
    if adata.X is None or adata.n_obs * adata.n_vars > MAX_ENTRIES:
        why = "has no X" if adata.X is None else "is too large to be decomposed here"
        raise InputError(
            f"basis: obsm has no {USUAL!r}, but {listed(list(adata.obsm)) or 'nothing'}, and the "
            f"file {why}; name a basis, or make one with scanpy.pp.pca"
        )
    dense = adata.X.toarray() if hasattr(adata.X, "toarray") else np.asarray(adata.X)
    codec = PCA(options.latent_dim).fit(check_points(dense, "X"), seed=options.seed)
    adata.obsm[USUAL] = codec.encode(dense).astype(np.float32)
    if codec.components is not None:
        adata.varm["PCs"] = codec.components.T
    return (
        f"obsm has no {USUAL}: it was made here, {codec.latent_dim} principal components of X, and "
        "written beside the result"
    )


def _judged(adata: Any, options: Options) -> np.ndarray | None:
    name = options.judge_by or options.labels or options.balance
    if name is None:
        return None
    if name not in adata.obs:
        raise InputError(
            f"labels: obs has no column {name!r}, but {listed(list(adata.obs.columns))}; name one "
            "of these"
        )
    return _text(adata, name)


def _text(adata: Any, name: str) -> np.ndarray:
    column = adata.obs[name]
    return np.where(np.asarray(column.isna()), "", np.asarray(column.astype(str), dtype=str))


def _matrix(found: Any) -> np.ndarray:
    return np.asarray(found.toarray() if hasattr(found, "toarray") else found)
