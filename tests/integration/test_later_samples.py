"""Later samples in an h5ad along the flows of ``gpa integrate``: their basis made from genes."""

import json
import shutil

import numpy as np
import pytest

from gparticles.flow.saving import write_record
from gparticles.tables import load

anndata = pytest.importorskip("anndata")
pandas = pytest.importorskip("pandas")
sparse = pytest.importorskip("scipy.sparse")

# anndata 0.13 itself sets options that pandas 3 is about to drop
pytestmark = pytest.mark.filterwarnings("ignore:The '[a-z._]*' option is deprecated")

CELLS, GENES, DIM = (40, 30), 12, 3
OPTIONS = ("--basis", "X_pca", "--steps", 3, "--held-out", 0, "--layer", "corrected")


def adata_of(rows=slice(None), genes=slice(None)):
    """Two laboratories; float32 counts of zeros too, with a PCA of X as scanpy makes it."""
    rng = np.random.default_rng(0)
    lab = np.repeat(["A", "B/2"], CELLS)
    values = rng.normal(size=(sum(CELLS), GENES)) * 2 + (lab != "A")[:, None] * 3
    values = np.maximum(values, 0).astype(np.float32)
    # one gene that the components do not need
    centred = (values - values.mean(axis=0)) * (np.arange(GENES) > 0)
    components = np.linalg.svd(centred, full_matrices=False)[2][:DIM].T
    components[0] = 0
    obs = pandas.DataFrame({"lab": lab}, index=[f"s{k}" for k in range(len(lab))])
    made = anndata.AnnData(values, obs=obs)
    made.var_names = [f"g{k}" for k in range(GENES)]
    made.obsm["X_pca"] = (centred @ components).astype(np.float32)
    made.varm["PCs"] = components
    return made[rows, genes].copy()


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with in.h5ad integrated, and the flow of its batch B/2."""
    from gparticles.command.main import main

    folder = tmp_path_factory.mktemp("integrated")
    adata_of().write_h5ad(folder / "in.h5ad")
    given = ["--batch-key", "lab", "--reference", "A", "-o", folder / "out.h5ad", *OPTIONS]
    assert main(["integrate", *map(str, [folder / "in.h5ad", *given])]) == 0
    return folder


@pytest.fixture
def flow(home):
    return home / "out-report" / "flows" / "B_2"


@pytest.fixture
def later(home):
    """The samples of B/2, and what the integration made of them."""
    moved = anndata.read_h5ad(home / "out.h5ad")
    rows = np.asarray(moved.obs["lab"]) == "B/2"
    return adata_of(rows), moved[rows]


def _transform(gpa, flow, adata, *options):
    adata.write_h5ad("later.h5ad")
    status, out, err = gpa("transform", flow, "later.h5ad", "-o", "moved.h5ad", *options)
    assert (status, "moved.h5ad" in out) == (0, True), err
    return anndata.read_h5ad("moved.h5ad"), err


def test_the_same_samples_move_alike(gpa, flow, later):
    adata, whole = later
    moved, err = _transform(gpa, flow, adata)
    assert err == ""
    for place in ("X_pca", "X_gpa"):
        np.testing.assert_allclose(moved.obsm[place], whole.obsm[place], atol=1e-4)
    expected = whole.layers["corrected"]
    np.testing.assert_allclose(moved.layers["corrected"], expected, atol=1e-4)
    np.testing.assert_array_equal(moved.X, adata.X)
    assert moved.uns["gparticles"]["flow"] == str(flow)


def test_genes_in_another_order_others_among_them_and_no_basis(gpa, flow, later):
    adata, whole = later
    order = np.random.default_rng(1).permutation(GENES)
    # the gene that no component needs goes, and one that none knows comes
    order = order[order > 0]
    shuffled = anndata.AnnData(
        sparse.csr_matrix(np.column_stack([adata.X[:, order], np.ones(len(adata))])),
        obs=adata.obs,
    )
    shuffled.var_names = [*adata.var_names[order], "other"]
    # a basis of its own, which says nothing beside the integration's
    shuffled.obsm["X_pca"] = np.ones((len(adata), 5), np.float32)
    moved, err = _transform(gpa, flow, shuffled)
    assert "obsm['X_pca'] is not in the components of the integration" in err
    np.testing.assert_allclose(moved.obsm["X_gpa"], whole.obsm["X_gpa"], atol=1e-4)
    expected = whole.layers["corrected"][:, order]
    np.testing.assert_allclose(moved.layers["corrected"][:, :-1], expected, atol=1e-4)
    np.testing.assert_array_equal(moved.layers["corrected"][:, -1], 1)


def test_raw_values_are_told(gpa, flow, later):
    adata, _ = later
    adata.X = adata.X * 1000
    _, err = _transform(gpa, flow, adata)
    assert "looks like logarithms" in err
    assert "later.h5ad like raw values" in err


def test_refusals(gpa, fails, flow, later, home, tmp_path):
    adata, _ = later
    adata[:, 3:].copy().write_h5ad("few.h5ad")
    twice = adata.copy()
    twice.var_names = ["g1", *twice.var_names[1:]]
    twice.write_h5ad("twice.h5ad")
    spoilt = adata.copy()
    spoilt.X[2, 2] = np.nan
    spoilt.write_h5ad("nan.h5ad")
    adata.write_h5ad("good.h5ad")

    def refused(name, *parts, out="o.h5ad", place=flow):
        fails(["transform", place, name, "-o", out], *parts)

    refused("few.h5ad", "lack 2 of the 11 genes", '"g1", "g2"')
    refused("twice.h5ad", "two genes are called 'g1'", "rename")
    refused("nan.h5ad", "X of 1 samples holds NaN", "the first of 's42'")
    refused("good.h5ad", ".h5ad comes out", out="o.csv")
    refused("none.h5ad", "no such file")
    shutil.copytree(flow, tmp_path / "tables")
    (tmp_path / "tables" / "flow" / "basis.json").unlink()
    refused("good.h5ad", "moves tables", place=tmp_path / "tables")
    assert not (tmp_path / "o.h5ad").exists()


def _without_projection(flow, folder):
    shutil.copytree(flow, folder)
    path = folder / "flow" / "basis.json"
    record = json.loads(path.read_text()) | {"why": "the reason"}
    del record["projection"]
    write_record(path, {name: record[name] for name in ("keys", "size", "why")})
    return folder


def test_a_basis_that_is_no_projection_of_x(gpa, fails, flow, later, tmp_path):
    adata, whole = later
    place = _without_projection(flow, tmp_path / "other")
    moved, err = _transform(gpa, place, adata)
    assert "taken as it is" in err
    np.testing.assert_allclose(moved.obsm["X_gpa"], whole.obsm["X_gpa"], atol=1e-4)
    adata.obsm["X_pca"] = adata.obsm["X_pca"][:, :2]
    adata.write_h5ad("two.h5ad")
    fails(["transform", place, "two.h5ad", "-o", "o.h5ad"], "(30, 2)", "3 columns")
    del adata.obsm["X_pca"]
    adata.write_h5ad("no.h5ad")
    fails(["transform", place, "no.h5ad", "-o", "o.h5ad"], "no 'X_pca'", "since the reason")


def test_components_in_a_table_ride_too(gpa, flow, later, tmp_path):
    adata, whole = later
    names = ",".join(f"X_pca {k + 1}" for k in range(DIM))
    np.savetxt("z.csv", adata.obsm["X_pca"], delimiter=",", header=names, comments="")
    assert gpa("transform", flow, "z.csv", "-o", "moved.csv")[0] == 0
    np.testing.assert_allclose(load("moved.csv").values, whole.obsm["X_gpa"], atol=1e-4)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda a: a.varm.clear(), "no PCs"),
        (lambda a: a.varm.update(PCs=np.ones((GENES, 2))), "not those of the basis"),
        (lambda a: a.obsm.update(X_pca=a.obsm["X_pca"] * 2), "not the projection"),
        (lambda a: setattr(a, "var_names", ["g1"] * GENES), "called 'g1'"),
    ],
)
@pytest.mark.filterwarnings("ignore:Variable names are not unique")
def test_why_there_is_no_projection(spoil, why):
    from gparticles.integration.basis import basis_of

    adata = adata_of()
    spoil(adata)
    found = basis_of(adata, {"basis": "X_pca"})
    assert found.projection is None
    assert why in found.why
