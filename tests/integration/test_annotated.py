"""Batches of an AnnData object: what is written, what is left alone, what is refused."""

import numpy as np
import pytest

import gparticles
from gparticles.integration.annotated import integrate
from gparticles.integration.basis import column_of
from tests.grids import few_usual

anndata = pytest.importorskip("anndata")
pandas = pytest.importorskip("pandas")
sparse = pytest.importorskip("scipy.sparse")

# anndata 0.13 itself sets options that pandas 3 is about to drop
pytestmark = pytest.mark.filterwarnings("ignore:The '[a-z._]*' option is deprecated")

# the shapes of tests/latent, so that one process compiles them once
SHORT = {"steps": 8, "fit_steps": 1}
GENES, COMPONENTS = 8, 2
SIZES = {"A": 40, "B": 30, "C": 30}
CELLS = sum(SIZES.values())


def _made(x=None):
    """100 cells of 3 interleaved batches, float32, with a PCA of X in 2 components."""
    rng = np.random.default_rng(0)
    batches = rng.permutation(np.repeat(list(SIZES), list(SIZES.values())))
    values = rng.normal(size=(CELLS, GENES)) * 2 + (batches == "B")[:, None] * 3
    values = np.round(np.where(values < 0, 0, values), 3).astype(np.float32)
    centred = values - values.mean(axis=0)
    components = np.linalg.svd(centred, full_matrices=False)[2][:COMPONENTS].T
    obs = pandas.DataFrame(
        {"batch": pandas.Categorical(batches, categories=[*SIZES, "unused"])},
        index=[f"cell{i}" for i in range(CELLS)],
    )
    # in every batch, both classes
    obs["type"] = np.where(obs.groupby("batch", observed=True).cumcount() % 2, "x", "y")
    var = pandas.DataFrame(index=[f"gene{i}" for i in range(GENES)])
    made = anndata.AnnData(values if x is None else x(values), obs=obs, var=var)
    made.obsm["X_pca"] = (centred @ components).astype(np.float32)
    made.varm["PCs"] = components
    return made


def _run(adata, **settings):
    return integrate(adata, "batch", **{"reference": "A", **SHORT, **settings})


def _alone(source, target, **settings):
    """One batch, moved by hand with the same defaults."""
    settings = {"align": gparticles.GaussianMap(), "overlap": gparticles.Overlap()} | settings
    settings["codec"] = gparticles.latent.Identity()
    settings = SHORT | {"step_size": 0.1, "keep_residual": False} | settings
    return gparticles.latent_transport(source, target, **settings).particles


def test_the_package_offers_it():
    assert gparticles.integrate is integrate


def test_each_batch_moves_onto_the_reference():
    adata = _made()
    assert _run(adata, seed=2) is None
    z, moved = adata.obsm["X_pca"], adata.obsm["X_gpa"]
    batches = np.asarray(adata.obs["batch"])
    np.testing.assert_array_equal(moved[batches == "A"], z[batches == "A"])
    # the one that spreads more first, and the other onto what has joined the reference as well
    onto = z[batches == "A"]
    for name in sorted("BC", key=lambda name: -z[batches == name].var(axis=0).sum()):
        rows = batches == name
        np.testing.assert_array_equal(moved[rows], _alone(z[rows], onto, seed=2))
        onto = np.concatenate([onto, moved[rows]])
    assert moved.dtype == np.float32


def test_nothing_else_is_touched():
    adata = _made(sparse.csr_matrix)
    before = adata.copy()
    _run(adata, layer="corrected")
    assert sparse.issparse(adata.X)
    np.testing.assert_array_equal(adata.X.toarray(), before.X.toarray())
    pandas.testing.assert_frame_equal(adata.obs, before.obs)
    pandas.testing.assert_frame_equal(adata.var, before.var)
    np.testing.assert_array_equal(adata.obsm["X_pca"], before.obsm["X_pca"])
    assert set(adata.obsm) - set(before.obsm) == {"X_gpa"}
    assert set(adata.layers) - set(before.layers) == {"corrected"}
    assert set(adata.uns) - set(before.uns) == {"gparticles"}
    assert set(adata.varm) == set(before.varm)


@pytest.mark.parametrize("x", [np.asarray, sparse.csr_matrix, sparse.csc_matrix])
def test_the_corrected_genes(x):
    adata = _made(x)
    _run(adata, layer="corrected")
    dense = _made().X.astype(np.float64)
    change = adata.obsm["X_gpa"].astype(np.float64) - adata.obsm["X_pca"]
    genes = adata.layers["corrected"]
    np.testing.assert_allclose(genes, dense + change @ adata.varm["PCs"].T, rtol=1e-5, atol=1e-5)
    reference = np.asarray(adata.obs["batch"]) == "A"
    np.testing.assert_array_equal(genes[reference], _made().X[reference])
    # projected again, the corrected genes are the corrected basis
    again = (genes - dense.mean(axis=0)) @ adata.varm["PCs"]
    np.testing.assert_allclose(again, adata.obsm["X_gpa"], atol=1e-4)
    assert genes.dtype == np.float32


def test_labels_are_kept_together():
    adata = _made()
    _run(adata, labels_key="type")
    z, batches = adata.obsm["X_pca"], np.asarray(adata.obs["batch"])
    labels = np.asarray(adata.obs["type"]).astype(str)
    rows, fixed = batches == "B", batches == "A"
    by_hand = _alone(z[rows], z[fixed], labels=labels[rows], target_labels=labels[fixed])
    np.testing.assert_array_equal(adata.obsm["X_gpa"][rows], by_hand)


GAPS = {
    "None": lambda labels: labels.where(labels.index != "cell3", None),
    "text of NaN": lambda labels: labels.where(labels.index != "cell3", np.nan).astype(str),
    "text of None": lambda labels: labels.where(labels.index != "cell3", "None"),
    "Categorical": lambda labels: labels.where(labels.index != "cell3", None).astype("category"),
    "pandas text": lambda labels: labels.where(labels.index != "cell3", None).astype("string"),
    "text of NA": lambda labels: labels.where(labels.index != "cell3", "<NA>"),
    "empty": lambda labels: labels.where(labels.index != "cell3", ""),
}


@pytest.mark.parametrize("kind", GAPS)
def test_a_missing_label_is_no_class_however_it_is_written(kind):
    obs = _made().obs["type"].astype(object)
    adata = anndata.AnnData(np.zeros((CELLS, 1)), obs=GAPS[kind](obs).to_frame())
    labels = column_of(adata, "type", "labels_key")
    assert labels[3] == ""
    np.testing.assert_array_equal(np.delete(labels, 3), np.delete(obs.to_numpy(str), 3))


def test_numbers_beside_gaps_are_the_same_labels():
    codes = np.where(np.arange(CELLS) == 3, np.nan, np.arange(CELLS) % 3)
    adata = anndata.AnnData(np.zeros((CELLS, 1)), obs={"code": codes, "whole": np.arange(CELLS)})
    assert column_of(adata, "code", "labels_key")[:5].tolist() == ["0", "1", "2", "", "1"]
    assert column_of(adata, "whole", "labels_key")[:2].tolist() == ["0", "1"]


def test_without_the_affine_map_it_is_the_flow():
    adata = _made()
    _run(adata, align=None, overlap=None, step_size=0.5)
    z, batches = adata.obsm["X_pca"], np.asarray(adata.obs["batch"])
    flow = gparticles.transport(z[batches == "B"], z[batches == "A"], step_size=0.5, **SHORT)
    np.testing.assert_array_equal(adata.obsm["X_gpa"][batches == "B"], flow.particles)


def test_missing_labels_follow_their_neighbours():
    adata, full = _made(), _made()
    z, batches = adata.obsm["X_pca"], np.asarray(adata.obs["batch"])
    # classes that neighbours know: each on its side of the batch's median
    for made in (adata, full):
        side = np.zeros(CELLS, bool)
        for name in SIZES:
            rows = batches == name
            side[rows] = z[rows, 0] > np.median(z[rows, 0])
        made.obs["side"] = np.where(side, "high", "low")
    far = int(np.argmax(np.where(batches == "B", z[:, 0], -np.inf)))
    _set(adata, "side", far, None)
    for made in (adata, full):
        _run(made, labels_key="side")
    np.testing.assert_array_equal(adata.obsm["X_gpa"], full.obsm["X_gpa"])


def test_without_a_reference_all_move_onto_the_pool():
    # without a network, which would be compiled for the pool's shape
    exact = {"potential": gparticles.ExactPotential(), "fit_steps": None, "steps": 2}
    adata = _made()
    integrate(adata, "batch", overlap=None, **exact)
    z, moved = adata.obsm["X_pca"].astype(float), adata.obsm["X_gpa"]
    batches = np.asarray(adata.obs["batch"])
    means = [z[batches == name].mean(axis=0) for name in SIZES]
    middle = np.mean(means, axis=0)
    pool = z.copy()
    for name, mean in zip(SIZES, means, strict=True):
        pool[batches == name] += middle - mean
    for name in SIZES:
        rows = batches == name
        by_hand = _alone(z[rows], pool, overlap=None, **exact)
        np.testing.assert_allclose(moved[rows], by_hand, atol=1e-4)
        # onto the middle, up to what two short steps move
        gap = np.linalg.norm(moved[rows].mean(axis=0) - middle)
        assert gap < 0.2 * np.linalg.norm(z[rows].mean(axis=0) - middle)
    assert adata.uns["gparticles"]["reference"] is None


def test_balanced_by_weights():
    adata = _made()
    _run(adata, balance_key="type")
    batches, types = np.asarray(adata.obs["batch"]), np.asarray(adata.obs["type"])
    z, rows, fixed = adata.obsm["X_pca"], batches == "B", batches == "A"
    weights = gparticles.class_weights(types[rows], types[fixed])
    by_hand = _alone(z[rows], z[fixed], source_weights=weights)
    np.testing.assert_array_equal(adata.obsm["X_gpa"][rows], by_hand)


def test_the_record_survives_a_file(tmp_path):
    adata = _made()
    _run(adata, layer="corrected", bounds=(-50, 50))
    adata.write_h5ad(tmp_path / "a.h5ad")
    kept = anndata.read_h5ad(tmp_path / "a.h5ad").uns["gparticles"]
    assert kept["version"] == gparticles.__version__
    assert kept["reference"] == "A"
    assert kept["labels_key"] is None
    assert list(kept["settings"]["bounds"]) == [-50, 50]
    assert list(kept["batches"]) == ["B", "C"]
    assert "KL" in kept["settings"]["f"]
    assert kept["history"]["divergence"].shape == (2, SHORT["steps"])
    assert all("step" in outcome for outcome in kept["outcomes"])


def test_backed_files(tmp_path):
    for name, x in (("dense", np.asarray), ("sparse", sparse.csr_matrix)):
        path = tmp_path / f"{name}.h5ad"
        _made(x).write_h5ad(path)
        adata = anndata.read_h5ad(path, backed="r")
        _run(adata, layer="corrected")
        expected = _made()
        _run(expected, layer="corrected")
        np.testing.assert_array_equal(adata.layers["corrected"], expected.layers["corrected"])
        assert adata.isbacked
        adata.file.close()


def _of_dask(x):
    da = pytest.importorskip("dask.array")
    return da.from_array(np.asarray(x), chunks=(30, 5))


def _of_sparse_blocks(x):
    return _of_dask(x).rechunk((30, -1)).map_blocks(sparse.csr_matrix)


def _backed(x):
    def opened(values, folder):
        _made(lambda _: x(values)).write_h5ad(folder / "backed.h5ad")
        return anndata.read_h5ad(folder / "backed.h5ad", backed="r")

    return opened


LAZY = {
    "dask": lambda values, _: _made(lambda _: _of_dask(values)),
    "dask, sparse": lambda values, _: _made(lambda _: _of_sparse_blocks(values)),
    "backed": _backed(np.asarray),
    "backed, sparse": _backed(sparse.csr_matrix),
}


@pytest.mark.parametrize("kind", few_usual(LAZY, ("dask", "backed, sparse")))
def test_genes_that_memory_does_not_hold(kind, tmp_path, monkeypatch):
    pytest.importorskip("dask.array")
    monkeypatch.setattr("gparticles.integration.genes.BLOCK_ENTRIES", 30 * GENES)
    lazy, held = LAZY[kind](_made().X, tmp_path), _made()
    for adata in (lazy, held):
        # a basis of its own, made of blocks here and of the whole there
        del adata.obsm["X_pca"], adata.varm["PCs"]
        _run(adata, layer="corrected", latent_dim=COMPONENTS)
        np.testing.assert_array_equal(_made().X, np.asarray(_dense(adata.X[:])))
    np.testing.assert_allclose(lazy.varm["PCs"], held.varm["PCs"], atol=1e-6)
    np.testing.assert_allclose(lazy.obsm["X_pca"], held.obsm["X_pca"], atol=1e-4)
    np.testing.assert_allclose(lazy.obsm["X_gpa"], held.obsm["X_gpa"], atol=1e-2)
    genes = lazy.layers["corrected"]
    # nothing is computed, and the rows come in blocks
    assert hasattr(genes, "dask")
    assert genes.dtype == np.float32
    assert genes.chunks == ((30, 30, 30, 10), (GENES,))
    change = lazy.obsm["X_gpa"].astype(np.float64) - lazy.obsm["X_pca"]
    expected = _made().X + change @ lazy.varm["PCs"].T
    np.testing.assert_allclose(genes.compute(), expected, rtol=1e-5, atol=1e-5)
    if not lazy.isbacked:
        lazy.write_h5ad(tmp_path / "written.h5ad")
        written = anndata.read_h5ad(tmp_path / "written.h5ad").layers["corrected"]
        np.testing.assert_array_equal(written, genes.compute())


def _dense(matrix):
    matrix = matrix.compute() if hasattr(matrix, "compute") else matrix
    return matrix.toarray() if hasattr(matrix, "toarray") else matrix


def test_genes_that_cannot_be_read_in_blocks(refused, tmp_path, monkeypatch):
    pytest.importorskip("dask.array")
    by_genes = _backed(sparse.csc_matrix)(_made().X, tmp_path)
    refused(lambda: _run(by_genes, layer="corrected"), "stored by genes (csc)")
    lacking = _made(_of_dask)
    del lacking.obsm["X_pca"]
    refused(lambda: _run(lacking), "with latent_dim")
    assert not lacking.obsm
    monkeypatch.setattr("gparticles.integration.genes.MOST_GENES", 7)
    refused(lambda: _run(lacking, latent_dim=2), "8 genes", "highly_variable_genes")
    monkeypatch.setattr("gparticles.integration.genes.MOST_GENES", 8)
    values = _made().X
    values[3, 4] = np.nan
    spoilt = _made(lambda _: _of_dask(values))
    del spoilt.obsm["X_pca"]
    refused(lambda: _run(spoilt, latent_dim=2), "NaN", "'gene4'")


def test_batches_of_numbers():
    adata = _made()
    adata = adata[adata.obs["batch"] != "C"].copy()
    adata.obs["run"] = np.where(adata.obs["batch"] == "A", 1, 2)
    integrate(adata, "run", reference=1, **SHORT)
    assert list(adata.uns["gparticles"]["batches"]) == ["2"]
    adata.obs["run"] = adata.obs["run"].astype(float)
    integrate(adata, "run", reference=1.0, **SHORT)
    assert list(adata.uns["gparticles"]["batches"]) == ["2"]


def _set(adata, column, row, value):
    values = adata.obs[column].astype(object)
    values.iloc[row] = value
    adata.obs[column] = values


def _spoilt(how):
    adata = _made()
    how(adata)
    return adata


REFUSED = {
    "basis": (lambda a: None, {"basis": "X_umap"}, ["X_umap", "X_pca"]),
    "no basis": (lambda a: a.obsm.clear(), {}, ["empty", "scanpy.pp.pca"]),
    "same name": (lambda a: None, {"adjusted_basis": "X_pca"}, ["another name"]),
    "reference": (lambda a: None, {"reference": "Z"}, ["'Z'", '"A", "B", "C"']),
    "unused category": (lambda a: None, {"reference": "unused"}, ['"A", "B", "C"']),
    "labels": (lambda a: None, {"labels_key": "no"}, ["'no'", '"batch", "type"']),
    "one sample": (lambda a: _set(a, "batch", 3, "D"), {}, ['batch "D" has fewer', "join them"]),
    "two samples": (
        lambda a: [_set(a, "batch", k, name) for k, name in enumerate("DDE")],
        {},
        ['batches "D", "E" have fewer than 3 samples', "join them"],
    ),
    "names of cells": (
        lambda a: a.obs.__setitem__("batch", a.obs_names),
        {"reference": None},
        ["100 samples are in 100 batches", "another column"],
    ),
    "all the same": (
        lambda a: a.obsm["X_pca"].__setitem__(np.asarray(a.obs["batch"]) == "B", 1.5),
        {},
        ["batch 'B'", "all of its samples are the same"],
    ),
    "no batch": (lambda a: _set(a, "batch", 3, None), {}, ["missing in 1 rows", "cell3"]),
    "no label": (
        lambda a: [_set(a, "type", k, None) for k in np.flatnonzero(a.obs["batch"] == "B")],
        {"labels_key": "type"},
        ["'B'", "all are missing"],
    ),
    "one-sided label": (
        lambda a: _set(a, "type", int(np.flatnonzero(a.obs["batch"] == "B")[0]), "new"),
        {"labels_key": "type"},
        ["'new'", "'B'", '"x", "y"'],
    ),
    "align": (lambda a: None, {"align": "affine"}, ["GaussianMap"]),
    "overlap": (lambda a: None, {"overlap": 1, "reference": None}, ["overlap is 1", "gpa.Overlap"]),
    "batch made text": (lambda a: _set(a, "batch", 3, "nan"), {}, ["missing in 1 rows", "cell3"]),
    "masked": (
        lambda a: a.obsm.update(X_pca=np.ma.masked_greater(a.obsm["X_pca"], 1)),
        {},
        ["obsm['X_pca']", "is masked"],
    ),
    "no PCs": (lambda a: a.varm.clear(), {"layer": "new"}, ["PCs", "none"]),
    "other PCs": (
        lambda a: a.varm.update(PCs=np.ones((GENES, 3))),
        {"layer": "new"},
        ["3 components", "2"],
    ),
    "nan": (lambda a: a.obsm["X_pca"].__setitem__((4, 0), np.nan), {}, ["cell4", "1 rows"]),
    "setting": (lambda a: None, {"lipschitz": -1.0}, ["batch 'B'", "lipschitz"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_and_nothing_written(case, refused):
    how, settings, parts = REFUSED[case]
    adata = _spoilt(how)
    refused(lambda: _run(adata, **settings), *parts)
    assert "X_gpa" not in adata.obsm
    assert not adata.layers
    assert "gparticles" not in adata.uns


def test_other_refusals(refused):
    refused(lambda: _run(np.ones((3, 2))), "ndarray", "AnnData")
    refused(lambda: integrate(_made(), "no", reference="A"), "'no'", '"batch", "type"')
    alone = _made()
    alone = alone[alone.obs["batch"] == "A"].copy()
    refused(lambda: _run(alone), "one batch only")
    strange = _made()
    strange.obs["type"] = np.where(strange.obs["batch"] == "B", "z", "x")
    refused(lambda: _run(strange, labels_key="type"), "'z'", "'B'", 'which has "x"')


def test_a_label_of_the_reference_alone_is_told():
    adata = _made()
    _set(adata, "type", int(np.flatnonzero(adata.obs["batch"] == "A")[0]), "z")
    exact = {"potential": gparticles.ExactPotential(), "fit_steps": None, "steps": 1}
    with pytest.warns(UserWarning, match="label 'z' is seen in 'A', the reference, only"):
        _run(adata, balance_key="type", **exact)


def test_what_was_estimated_of_compositions_is_told(tmp_path):
    adata = _made()
    # a fifth of B is something that A lacks
    rows = np.flatnonzero(adata.obs["batch"] == "B")[:6]
    adata.obsm["X_pca"][rows] += 40
    _run(adata)
    adata.write_h5ad(tmp_path / "a.h5ad")
    told = anndata.read_h5ad(tmp_path / "a.h5ad").uns["gparticles"]["composition"]
    assert told["batches"].tolist() == ["B", "C"]
    assert 6 <= told["without_counterpart"][0] <= 9
    assert np.all(told["without_counterpart_low"] <= told["without_counterpart_high"])
    assert np.all(told["cost_after"] < told["cost_before"] + 0.02)
    np.testing.assert_allclose(told["region_shares"].sum(axis=1), 1)
    moves = adata.obsm["X_gpa"][rows] - adata.obsm["X_pca"][rows]
    np.testing.assert_allclose(moves, np.tile(moves[0], (6, 1)), atol=1e-4)


def test_how_far_batches_are_from_the_reference():
    adata = _made()
    _run(adata, overlap=None)
    kept = adata.uns["gparticles"]["latent_bound"]
    z, batches = adata.obsm["X_pca"], np.asarray(adata.obs["batch"])
    for k, name in enumerate("BC"):
        rows, fixed = batches == name, batches == "A"
        for when, points in (("before", z), ("after", adata.obsm["X_gpa"])):
            true = gparticles.divergence(
                points[rows], z[fixed], lipschitz=kept["lipschitz"][k], tolerance=1e-4
            )
            # in the basis nothing is decoded
            assert true.lower <= kept[when][k] <= 1.06 * true.upper
