"""The AnnData face: what it writes, and genes over time."""

import numpy as np
import pytest

import gparticles as gpa
from gparticles.data import branching

anndata = pytest.importorskip("anndata", reason="anndata, of the extra anndata, is not installed")

N, GENES = 40, 7


@pytest.fixture(scope="module")
def made():
    course = branching(N, times=(0, 24, 48), rate=0.05, push=0.04, seed=1)
    generator = np.random.default_rng(0)
    loadings = np.linalg.qr(generator.normal(size=(GENES, 2)))[0]
    rest = 0.1 * generator.normal(size=(3 * N, GENES))
    rest -= rest @ loadings @ loadings.T
    obs = {
        "hours": [f"{time:g}h" for time in course.times],
        "fate": np.where(course.fates == 1, "up", "down"),
    }
    adata = anndata.AnnData(course.points @ loadings.T + rest, obs=obs)
    adata.var_names = [f"g{k}" for k in range(GENES)]
    adata.obs_names = [f"c{k}" for k in range(3 * N)]
    adata.obsm["X_pca"], adata.varm["PCs"] = course.points, loadings
    fitted = gpa.integrate_times(adata, "hours", fates_key="fate", fit_steps=500)
    return adata, fitted, loadings


def test_what_it_writes(made, tmp_path):
    adata, fitted, _ = made
    late = (adata.obs["hours"] == "48h").to_numpy()
    assert adata.obsm["X_gpa_velocity"].shape == (3 * N, 2)
    velocity = fitted.velocity(adata.obsm["X_pca"][late], 48.0)
    assert np.array_equal(adata.obsm["X_gpa_velocity"][late], velocity)
    assert np.isnan(adata.obs["gpa_growth"][late]).all()
    assert adata.uns["gpa_trajectory"]["fates"].tolist() == ["down", "up"]
    assert adata.uns["gpa_trajectory"]["unit"] == "hours"
    adata.write_h5ad(tmp_path / "course.h5ad")
    again = anndata.read_h5ad(tmp_path / "course.h5ad")
    assert np.array_equal(again.obsm["X_gpa_fates"], adata.obsm["X_gpa_fates"])


def test_genes_follow_their_components(made):
    adata, fitted, loadings = made
    group = np.flatnonzero(adata.obs["hours"] == "24h")
    curves = gpa.gene_curves(adata, fitted, ["g2", "g5"], group=group, times=[24.0, 0.0, 48.0])
    values = np.asarray(adata.X)[group][:, [2, 5]]
    # at their own time they are what was measured
    assert np.allclose(curves.mean[0], values.mean(axis=0), atol=1e-5)
    carried = fitted.carry(adata.obsm["X_pca"][group], 24.0, 48.0)
    change = (carried - adata.obsm["X_pca"][group]) @ loadings[[2, 5]].T
    assert np.allclose(curves.mean[2], (values + change).mean(axis=0), atol=1e-4)
    assert (curves.low <= curves.high).all()


def test_what_is_refused(made, refused):
    adata, fitted, _ = made
    plain = anndata.AnnData(np.ones((4, 2)), obs={"t": [0.0, 0.0, 1.0, np.nan]})
    refused(lambda: gpa.integrate_times(plain, "t"), "obsm has no 'X_pca'", "scanpy.pp.pca")
    plain.obsm["X_pca"] = np.ones((4, 2))
    refused(lambda: gpa.integrate_times(plain, "hours"), "obs has no 'hours'", "t")
    refused(lambda: gpa.integrate_times(plain, "t"), "entry 3 is missing", "remove")
    refused(lambda: gpa.integrate_times(np.ones(3), "t"), "anndata.AnnData")
    refused(lambda: gpa.gene_curves(adata, fitted, "g9"), "have no 'g9'")
    refused(lambda: gpa.gene_curves(adata, fitted, "g1", group=[]), "some")
    refused(lambda: gpa.gene_curves(adata, fitted, "g1", times=[99.0]), "between 0 and 48")
    refused(lambda: gpa.gene_curves(adata, fitted, "g1", times=[np.nan]), "give numbers")
    refused(lambda: gpa.gene_curves(adata[:9], fitted, "g1"), "of 120 cells, adata of 9")
    assert gpa.gene_curves(adata, fitted, "g1", times=24).mean.shape == (1, 1)
    refused(lambda: gpa.integrate_times(adata, "hours", fates_key="hours"), "give two classes")
    assert set(plain.obsm) == {"X_pca"}
    assert not plain.uns
