"""``gpa integrate``: what it writes and says of matrices and of an h5ad, and what it refuses."""

import json
import sys
from dataclasses import dataclass, field, replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from gparticles.data import synthetic_expression
from gparticles.flow import ExactPotential
from gparticles.integration import annotated, matrices, request
from gparticles.integration.batches import Batches, check_batches
from gparticles.integration.judging import judge, split
from gparticles.latent import move_latents
from gparticles.tables import load

SIZES, GENES, DIM = (40, 30), 12, 3
SHORT = ("--latent-dim", DIM, "--steps", 3, "--judge-by", "kind")
FAST = (*SHORT, "--held-out", 0)


def write(path, values, columns, rows, kinds=None):
    names = ["sample", *(["kind"] if kinds is not None else []), *columns]
    lines = [",".join(names)]
    for k, row in enumerate(values.tolist()):
        kind = [kinds[k]] if kinds is not None else []
        lines.append(",".join([rows[k], *kind, *map(repr, row)]))
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Two cohorts in a.csv and b.csv of the current folder, with a column of kinds."""
    monkeypatch.chdir(tmp_path)
    found = synthetic_expression(SIZES, genes=GENES, effect=4.0, seed=1)
    genes = [f"g{k}" for k in range(GENES)]
    for batch in "AB":
        rows = found.batches == batch
        names = [f"{batch}{k}" for k in range(rows.sum())]
        kinds = np.array(["x", "y"])[found.labels[rows]]
        values = found.values[rows].astype(np.float64).round(4)
        write(tmp_path / f"{batch.lower()}.csv", values, genes, names, kinds)
    return found


@dataclass
class Shift:
    """In the place of a flow, which takes seconds to compile: moves mean onto mean."""

    particles: np.ndarray
    shift: np.ndarray
    outcome: str = "was shifted"
    notes: tuple[str, ...] = ()
    counterparts: None = None
    lost: tuple[float, float] = (0.25, 0.25)
    latent_target: np.ndarray = field(default_factory=lambda: np.zeros((1, DIM)))
    # so that there is no latent bound
    decoder_lipschitz: None = None
    lipschitz: None = None

    def __call__(self, points, labels=None):
        return points + self.shift

    def save(self, folder):
        folder.mkdir(parents=True)
        return folder


@pytest.fixture
def shifted(monkeypatch):
    """The command with shifts in the place of flows."""

    def move(source, target, **_):
        shift = target.mean(axis=0) - source.mean(axis=0)
        return Shift(source + shift, shift)

    monkeypatch.setattr(matrices, "move_batch", move)


def integrate(gpa, *options, inputs=("a.csv", "b.csv"), out="out"):
    return gpa("integrate", *inputs, "--reference", "a", "-o", out, *options)


@pytest.mark.slow
def test_two_matrices(gpa, made, tmp_path):
    status, out, err = integrate(gpa, *SHORT)
    assert (status, err) == (0, "")
    assert "b (30 samples) onto a (40 samples)" in out
    assert "mixing of held-out samples: " in out
    folder = tmp_path / "out"
    assert sorted(p.name for p in folder.iterdir()) == [
        "a.csv",
        "b.csv",
        "figures",
        "flows",
        "metrics.json",
        "report.html",
    ]
    # the reference comes back bit for bit, and so does everything that is no number of a gene
    assert (folder / "a.csv").read_bytes() == (tmp_path / "a.csv").read_bytes()
    before, after = (load(p / "b.csv", label_column="kind") for p in (tmp_path, folder))
    assert (before.ids, before.columns) == (after.ids, after.columns)
    assert before.labels is not None
    np.testing.assert_array_equal(before.labels, after.labels)
    reference = load("a.csv", label_column="kind").values
    gap = [abs(table.values.mean(0) - reference.mean(0)).mean() for table in (before, after)]
    assert gap[1] < 0.25 * gap[0]
    metrics = json.loads((folder / "metrics.json").read_text())
    # a fifth of both batches, in the proportions of the kinds
    assert metrics["held_out"]["samples"] == {"a": 8, "b": 6}
    assert metrics["all"]["samples"] == {"a": 40, "b": 30}
    for part in ("all", "held_out"):
        sides = [metrics[part][side] for side in ("before", "after")]
        assert sides[0]["neighbour_mixing"]["value"] < 0.3 < sides[1]["neighbour_mixing"]["value"]
        assert sides[1]["w2"]["value"] < sides[0]["w2"]["value"]
        assert set(sides[0]) == set(sides[1])
        assert "label_auc_across_batches" in sides[1]
    assert metrics["settings"]["judge_by"] == "kind"
    bound = metrics["latent_bound"]["b"]
    assert bound["after"] < bound["before"]
    assert bound["decoder_lipschitz"] == pytest.approx(1)
    page = (folder / "report.html").read_text()
    assert "Latent bound" in page
    assert "Composition, estimated" in page
    assert (folder / "figures" / "composition.png").stat().st_size > 5_000
    told = metrics["composition"]["b"]
    assert "b: samples without counterpart" in page
    assert told["without_counterpart"] <= told["without_counterpart_high"] <= 10
    assert told["cost_after"] < told["cost_before"]
    assert f"at most, for L = {bound['lipschitz']:.3g} nats per data unit" in page
    assert f"two random halves of a: {bound['halves']:.4g}" in page
    _later_samples_ride_the_flow_that_is_kept(gpa, tmp_path)


def _later_samples_ride_the_flow_that_is_kept(gpa, folder):
    lines = (folder / "b.csv").read_text().splitlines()
    # without the column of kinds, which the flow does not know
    rows = [
        # in another order, and with a gene that it does not know
        ",".join([name, *reversed(cells), "other" if name == "sample" else "1"])
        for name, _, *cells in (line.split(",") for line in lines)
    ]
    (folder / "later.csv").write_text("\n".join([rows[0], *rows[11:17]]) + "\n")
    assert gpa("transform", "out/flows/b", "later.csv", "-o", "moved.csv")[0] == 0
    moved, whole = load("moved.csv"), load("out/b.csv", label_column="kind")
    assert moved.ids == (whole.ids or [])[10:16]
    np.testing.assert_allclose(moved.values, whole.values[10:16], rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("shifted")
def test_corrected_values(gpa, made):
    status, _, err = integrate(gpa, *FAST)
    assert (status, err) == (0, "")
    before, after = (load(p, label_column="kind").values for p in ("b.csv", "out/b.csv"))
    onto = load("a.csv", label_column="kind").values
    np.testing.assert_allclose(after, before + (onto.mean(0) - before.mean(0)), rtol=1e-9)


@pytest.mark.usefixtures("shifted")
def test_onto_the_pool_no_batch_stays(gpa, made, tmp_path):
    status, out, _ = gpa("integrate", "a.csv", "b.csv", "--pooled", "-o", "out", *SHORT)
    assert status == 0
    assert "a (40 samples) onto the pool of all batches (70 samples)" in out
    before, after = (
        [load(p / f"{name}.csv", label_column="kind").values for name in "ab"]
        for p in (tmp_path, tmp_path / "out")
    )
    # both means to the mean of both, up to the samples that are taken to have no counterpart
    middle = (before[0].mean(0) + before[1].mean(0)) / 2
    for old, new in zip(before, after, strict=True):
        np.testing.assert_allclose(new, old + (middle - old.mean(0)), atol=0.02)
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["settings"]["reference"] == "none (pooled)"
    assert set(metrics["outcomes"]) == {"a", "b"}
    assert "w2" not in metrics["all"]["after"]
    for part in ("all", "held_out"):
        sides = [metrics[part][side]["w2_between"]["value"] for side in ("before", "after")]
        assert sides[1] < sides[0]
    assert {p.name for p in (tmp_path / "out" / "flows").iterdir()} == {"a", "b"}
    page = (tmp_path / "out" / "report.html").read_text()
    assert "moved onto the pool of all batches, and none stays as it is" in page
    assert "--pooled" in page
    assert "Latent bound" in page


def test_what_batches_move_onto_is_said_once(fails, made):
    command = ["integrate", "a.csv", "b.csv", "-o", "out"]
    fails(command, "--reference: is missing", "--pooled")
    fails([*command, "--reference", "a", "--pooled"], "give one of them")


@pytest.mark.usefixtures("shifted")
def test_umap_is_drawn_where_it_is_installed(gpa, made, tmp_path, monkeypatch):
    class Umap:
        def __init__(self, random_state, n_jobs):
            assert (random_state, n_jobs) == (7, 1)

        def fit_transform(self, points):
            assert points.shape == (70, DIM)
            return points[:, :2].astype(np.float32)

    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=Umap))
    assert integrate(gpa, *FAST, "--seed", 7)[0] == 0
    assert (tmp_path / "out" / "figures" / "umap.png").stat().st_size > 10_000
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 2
    assert "http" not in page.replace("http-equiv", "")


@pytest.mark.usefixtures("shifted")
def test_one_file_for_all_batches(gpa, made, tmp_path):
    status, out, err = integrate(gpa, *FAST, out="all.csv")
    assert status == 0, err
    assert "all-report/report.html" in out
    table = load("all.csv", label_column="batch")
    assert len(table) == 70
    assert table.labels is not None
    assert table.labels.tolist() == ["a"] * 40 + ["b"] * 30
    np.testing.assert_array_equal(table.values[:40], load("a.csv", label_column="kind").values)


@pytest.mark.usefixtures("shifted")
def test_genes_in_rows_and_labels_in_a_file(gpa, made, tmp_path):
    kinds = ["sample,kind"]
    for name in "ab":
        table = load(f"{name}.csv", label_column="kind")
        assert table.ids
        assert table.columns
        assert table.labels is not None
        kinds += [f"{i},{k}" for i, k in zip(table.ids, table.labels.tolist(), strict=True)]
        write(tmp_path / f"{name}t.csv", table.values.T, table.ids, list(table.columns))
    (tmp_path / "kinds.csv").write_text("\n".join(kinds) + "\n")
    plain = integrate(gpa, *FAST)
    status, _, err = gpa(
        *("integrate", "at.csv", "bt.csv", "--reference", "at.csv", "--transpose"),
        *(*FAST[:4], "--held-out", 0, "--judge-by", "kinds.csv", "-o", "out2"),
    )
    assert (status, err, plain[0]) == (0, "", 0)
    rows, columns = load("out2/bt.csv"), load("out/b.csv", label_column="kind")
    np.testing.assert_allclose(rows.values.T, columns.values, rtol=1e-9)
    assert rows.columns == tuple(columns.ids or ())
    assert (tmp_path / "out2" / "at.csv").read_bytes() == (tmp_path / "at.csv").read_bytes()


@pytest.mark.usefixtures("shifted")
def test_nothing_is_replaced_without_being_asked(gpa, made, fails, tmp_path):
    (tmp_path / "out").mkdir()
    kept = tmp_path / "out" / "mine.txt"
    kept.write_text("mine")
    command = ["integrate", "a.csv", "b.csv", "--reference", "a", "-o", "out", *FAST]
    fails(command, "out: exists", "--force")
    assert gpa(*command, "--force")[0] == 0
    assert kept.read_text() == "mine"
    assert (tmp_path / "out" / "b.csv").exists()
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


REFUSED = {
    "reference": (("--reference", "c"), ['"a", "b"']),
    "label column": (("--reference", "a", "--labels", "type"), ['"type"', '"kind"']),
    "h5ad only": (("--reference", "a", "--basis", "X_pca"), ["--basis", "leave it out"]),
    "held out": (("--reference", "a", "--held-out", "0.01"), ["--held-out 0.01", "0 to judge by"]),
    "joint transposed": (("--reference", "a", "--transpose", "-o", "o.csv"), ["give a folder"]),
    "two columns": (("--reference", "a", "--balance", "type"), ["'kind' and 'type'", "file"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(fails, made, case, tmp_path):
    options, parts = REFUSED[case]
    judged = [] if "--labels" in options else ["--judge-by", "kind"]
    fails(["integrate", "a.csv", "b.csv", "-o", "out", *judged, *options], *parts)
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("shifted")
def test_labels_that_only_one_batch_has(gpa, made, fails, tmp_path):
    path = tmp_path / "b.csv"
    lines = path.read_text().splitlines()
    name, _, *cells = lines[1].split(",")
    path.write_text("\n".join([lines[0], ",".join([name, "odd", *cells]), *lines[2:]]) + "\n")
    command = ["integrate", "a.csv", "b.csv", "--reference", "a", "-o", "out"]
    fails([*command, "--labels", "kind"], "'odd'", "'b'", '"x", "y"', "--judge-by")
    status, _, err = gpa(*command, *FAST)
    assert status == 0
    assert "label 'odd' is seen in 'b' only" in err


@pytest.mark.usefixtures("shifted")
def test_small_batches_are_judged_on_all_samples(gpa, made, tmp_path):
    lines = (tmp_path / "b.csv").read_text().splitlines()[:6]
    (tmp_path / "b.csv").write_text("\n".join(lines) + "\n")
    status, out, err = integrate(gpa, *SHORT)
    assert status == 0
    assert "nothing was held out" in err
    assert "mixing of the samples that were fitted" in out


def test_batches_are_split_once_and_before_the_first_fit(gpa, made, fails, monkeypatch):
    calls = []

    def move(source, target, **settings):
        calls.append(len(source))
        shift = target.mean(axis=0) - source.mean(axis=0)
        assert settings["names"][0] == "g0"
        return Shift(source + shift, shift)

    def counted(*arguments, **settings):
        calls.append("split")
        return split(*arguments, **settings)

    monkeypatch.setattr(matrices, "move_batch", move)
    monkeypatch.setattr(request, "split", counted)
    assert integrate(gpa, *SHORT)[0] == 0
    assert calls == ["split", 24, 30]
    calls.clear()
    command = ["integrate", "a.csv", "b.csv", "--reference", "a", "-o", "other", *SHORT]
    fails([*command, "--held-out", "0.01"], "0 to judge by")
    assert calls == ["split"]


def test_confounded_labels_are_told(made):
    confounded = Batches(
        points=made.values.astype(float),
        names=made.batches.astype(str),
        reference="A",
        judged=np.where(made.batches == "A", "x", "y"),
    )
    lines = check_batches(confounded)
    assert "no two batches have two labels in common" in lines[0]
    assert len(lines) == 3
    assert "label_auc_across_batches" not in judge(confounded.points, confounded)
    assert check_batches(replace(confounded, judged=made.labels.astype(str))) == []


def test_balanced_classes(made):
    batches = Batches(
        points=made.values.astype(float),
        names=made.batches.astype(str),
        reference="A",
        judged=np.where(np.arange(70) % 5 == 0, "", made.labels.astype(str)),
    )
    found = judge(batches.points, batches)
    # no neighbours of other batches, and samples without a label do not count as a class
    assert found["neighbour_mixing"]["value"] < 0.2
    assert found["neighbour_mixing"]["neighbours"] == 15
    assert found["clisi"]["value"] < 2


@pytest.fixture
def h5ad(made, tmp_path):
    anndata = pytest.importorskip("anndata")
    pandas = pytest.importorskip("pandas")
    obs = pandas.DataFrame(
        {"lab": made.batches.astype(str), "kind": np.array(["x", "y"])[made.labels]},
        index=[f"s{k}" for k in range(70)],
    )
    adata = anndata.AnnData(made.values, obs=obs)
    adata.write_h5ad(tmp_path / "in.h5ad")
    return anndata


pandas_says = pytest.mark.filterwarnings("ignore:The '[a-z._]*' option is deprecated")
H5AD = ("integrate", "in.h5ad", "--batch-key", "lab", "--reference", "A", "-o", "out.h5ad", *FAST)


@pandas_says
def test_an_h5ad(gpa, made, h5ad, tmp_path):
    status, out, err = gpa(*H5AD, "--layer", "corrected")
    assert status == 0, err
    assert "obsm has no X_pca: it was made here, 3 principal components" in err
    assert "out-report/report.html" in out
    adata = h5ad.read_h5ad(tmp_path / "out.h5ad")
    assert adata.obsm["X_gpa"].shape == (70, DIM)
    change = adata.obsm["X_gpa"].astype(float) - adata.obsm["X_pca"]
    expected = made.values + change @ adata.varm["PCs"].T
    np.testing.assert_allclose(adata.layers["corrected"], expected, rtol=1e-4, atol=1e-4)
    rows = made.batches == "A"
    np.testing.assert_array_equal(adata.layers["corrected"][rows], made.values[rows])
    metrics = json.loads((tmp_path / "out-report" / "metrics.json").read_text())
    assert metrics["all"]["samples"] == {"A": 40, "B": 30}
    assert "X_gpa" in metrics["space"]
    bound = metrics["latent_bound"]["B"]
    assert bound["after"] < bound["before"]
    kept = adata.uns["gparticles"]["latent_bound"]
    assert kept["after"].tolist() == [bound["after"]]
    assert kept["sentences"].tolist()[0].startswith("Latent bound: ")
    assert "gpa transform out-report/flows/B FILE" in out


@pandas_says
def test_an_h5ad_onto_the_pool(gpa, made, h5ad, tmp_path, monkeypatch):
    # without a network, which would be compiled for the pool's shapes
    exact = partial(move_latents, potential=ExactPotential())
    monkeypatch.setattr(annotated, "move_latents", exact)
    options = [part for part in H5AD if part not in ("--reference", "A")]
    assert gpa(*options, "--pooled")[0] == 0
    adata = h5ad.read_h5ad(tmp_path / "out.h5ad")
    change = np.abs(adata.obsm["X_gpa"] - adata.obsm["X_pca"]).max(axis=1)
    assert change.min() > 0
    assert {p.name for p in (tmp_path / "out-report" / "flows").iterdir()} == {"A", "B"}
    means = [adata.obsm["X_gpa"][made.batches == name].mean(axis=0) for name in "AB"]
    start = [adata.obsm["X_pca"][made.batches == name].mean(axis=0) for name in "AB"]
    assert np.linalg.norm(means[0] - means[1]) < 0.2 * np.linalg.norm(start[0] - start[1])


@pandas_says
@pytest.mark.thorough
def test_an_h5ad_that_stays_in_its_file(gpa, h5ad, monkeypatch):
    pytest.importorskip("dask.array")
    assert gpa(*H5AD, "--layer", "corrected")[0] == 0
    monkeypatch.setattr("gparticles.integration.genes.MAX_ENTRIES", 100)
    monkeypatch.setattr("gparticles.integration.h5ad.MAX_ENTRIES", 100)
    monkeypatch.setattr("gparticles.integration.genes.BLOCK_ENTRIES", 1000)
    status, _, err = gpa(*H5AD, "--layer", "corrected", "-o", "blocks.h5ad")
    assert status == 0, err
    assert "3 principal components of X" in err
    once, blocks = h5ad.read_h5ad("out.h5ad"), h5ad.read_h5ad("blocks.h5ad")
    np.testing.assert_array_equal(blocks.X, once.X)
    np.testing.assert_allclose(blocks.obsm["X_gpa"], once.obsm["X_gpa"], atol=1e-2)
    np.testing.assert_allclose(blocks.layers["corrected"], once.layers["corrected"], atol=1e-2)
    assert list(blocks.uns["gparticles"]["batches"]) == ["B"]
    status, _, err = gpa("transform", "blocks-report/flows/B", "in.h5ad", "-o", "later.h5ad")
    assert status == 0, err
    assert h5ad.read_h5ad("later.h5ad").layers["corrected"].shape == once.X.shape


@pandas_says
def test_raw_and_logarithms_mixed_in_an_h5ad(gpa, made, h5ad, tmp_path):
    adata = h5ad.read_h5ad(tmp_path / "in.h5ad")
    adata.X[made.batches == "B"] = 2 ** adata.X[made.batches == "B"]
    adata.write_h5ad(tmp_path / "in.h5ad")
    status, _, err = gpa(*H5AD)
    assert status == 0
    assert "A looks like logarithms" in err
    assert "B like raw values" in err


@pandas_says
@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (("--batch-key", "batch"), ["--batch-key", "'batch'", '"lab", "kind"']),
        (("--reference", "Z"), ["'Z'", '"A", "B"']),
        (("--basis", "X_umap"), ["'X_umap'", "obsm is empty"]),
        (("--judge-by", "type"), ['"lab", "kind"']),
        (("--transpose",), ["--transpose", "h5ad"]),
        (("-o", "out.csv"), [".h5ad"]),
    ],
)
def test_h5ad_refusals(fails, h5ad, options, parts, tmp_path):
    fails([*H5AD, *options], *parts)
    assert not (tmp_path / "out.h5ad").exists()


def test_files_that_cannot_be_meant(fails, made, tmp_path):
    (tmp_path / "bad.h5ad").write_bytes(b"nothing")
    tail = ["--reference", "A", "-o", "o.h5ad"]
    fails(["integrate", "a.csv", "bad.h5ad", *tail], "one .h5ad, or one csv")
    fails(["integrate", "bad.h5ad", *tail], "--batch-key")
    fails(["integrate", "a.csv", *tail[:3], "o"], "one batch only")
    pytest.importorskip("anndata")
    fails(["integrate", "no.h5ad", "--batch-key", "k", *tail], "no such file")
    fails(["integrate", "bad.h5ad", "--batch-key", "k", *tail], "cannot be read")


def test_labels_partly_missing_in_a_column(gpa, made, tmp_path):
    path = tmp_path / "b.csv"
    lines = path.read_text().splitlines()
    for row, cell in ((3, "NA"), (7, "")):
        name, _, *cells = lines[row].split(",")
        lines[row] = ",".join([name, cell, *cells])
    path.write_text("\n".join(lines) + "\n")
    short = (*FAST[:4], "--held-out", 0)
    status, _, err = integrate(gpa, "--labels", "kind", *short)
    assert status == 0
    assert "labels of b: 2 were missing" in err
    after = (tmp_path / "out" / "b.csv").read_text().splitlines()
    # every label as it came in, and the gaps too
    assert [line.split(",")[:2] for line in after] == [line.split(",")[:2] for line in lines]
    assert gpa("transform", "out/flows/b", "b.csv", "-o", "moved.csv")[0] == 0
    again = (tmp_path / "moved.csv").read_text().splitlines()
    assert [line.split(",")[:2] for line in again] == [line.split(",")[:2] for line in lines]
    moved, whole = (
        load(p, label_column="kind", label_gaps=True).values for p in ("moved.csv", "out/b.csv")
    )
    np.testing.assert_allclose(moved, whole, rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("shifted")
def test_one_name_in_two_batches(gpa, made, tmp_path):
    path = tmp_path / "b.csv"
    path.write_text(path.read_text().replace("\nB3,", "\nA3,"))
    assert "names of samples" not in integrate(gpa, *FAST)[2]
    status, _, err = integrate(gpa, *FAST, out="all.csv")
    assert status == 0
    assert '1 names of samples are in more than one file ("A3")' in err
