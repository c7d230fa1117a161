"""The way of a user of scanpy: PCA, integrate, neighbours; where scanpy is installed."""

import warnings

import numpy as np
import pytest

import gparticles as gpa
from tests.grids import few_usual

scanpy = pytest.importorskip("scanpy", reason="needs scanpy: pip install 'gparticles[bench]'")
anndata = pytest.importorskip("anndata")

# every batch of another size compiles programs
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow]
GENES = 30


def _cells(sizes, seed=0):
    """Batches of three cell types, in which every batch has shares and a shift of its own."""
    rng = np.random.default_rng(seed)
    types = 4 * rng.normal(size=(3, GENES))
    rows, names, labels = [], [], []
    for k, size in enumerate(sizes):
        chosen = rng.choice(3, p=rng.dirichlet(np.full(3, 2.0)), size=size)
        shift = (k > 0) * rng.normal(size=GENES)
        rows.append(types[chosen] + rng.normal(size=(size, GENES)) + shift)
        names += [f"batch {k}"] * size
        labels += [f"type {c}" for c in chosen]
    made = anndata.AnnData(np.concatenate(rows).astype(np.float32))
    made.obs["batch"], made.obs["type"] = names, labels
    made.obs["batch"] = made.obs["batch"].astype("category")
    scanpy.pp.pca(made, n_comps=10)
    return made


def _own_type(cells):
    """By the graph that scanpy made."""
    graph = cells.obsp["connectivities"].tocoo()
    types = np.asarray(cells.obs["type"])
    return float((types[graph.row] == types[graph.col]).mean())


@pytest.mark.parametrize("reference", few_usual([None, "batch 0"], few=["batch 0"]))
def test_three_batches_of_very_different_sizes(reference):
    cells = _cells((400, 120, 25))
    gpa.integrate(cells, key="batch", reference=reference, steps=8, fit_steps=1)
    scanpy.pp.neighbors(cells, use_rep="X_gpa")
    assert _own_type(cells) > 0.98
    told = cells.uns["gparticles"]["composition"]
    assert len(told["batches"]) == (3 if reference is None else 2)
    np.testing.assert_allclose(told["region_shares"].sum(axis=1), 1)


def test_twenty_batches(tmp_path):
    cells = _cells((40,) * 20)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gpa.integrate(cells, key="batch", reference="batch 3", steps=4, fit_steps=1)
    scanpy.pp.neighbors(cells, use_rep="X_gpa")
    assert _own_type(cells) > 0.95
    cells.write_h5ad(tmp_path / "a.h5ad")
    kept = anndata.read_h5ad(tmp_path / "a.h5ad").uns["gparticles"]["composition"]
    assert kept["without_counterpart"].shape == (19,)
