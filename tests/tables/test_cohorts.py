"""Matrices of several batches: genes aligned by name, and what is refused or told."""

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse

from gparticles.errors import InputError
from gparticles.tables import load
from gparticles.tables.cohorts import read_cohorts, read_labels, with_genes

GENES = ("tp53", "esr1", "erbb2", "mki67")


def write(path, rows, genes=GENES, samples=None, extra=()):
    names = samples or [f"{path.stem}{k}" for k in range(len(rows))]
    lines = [",".join(["sample", *(name for name, _ in extra), *genes])]
    for k, row in enumerate(rows):
        cells = [names[k], *(column[k] for _, column in extra), *map(str, row)]
        lines.append(",".join(cells))
    path.write_text("\n".join(lines) + "\n")
    return path


def values(n=3, d=4, top=9.0, seed=0):
    return np.random.default_rng(seed).uniform(1, top, (n, d)).round(3)


@pytest.fixture
def pair(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    a, b = values(3), values(2, seed=1)
    order = [2, 0, 3, 1]
    write(Path("a.csv"), a)
    write(Path("b.csv"), b[:, order], genes=[GENES[k] for k in order])
    return [Path("a.csv"), Path("b.csv")], np.concatenate([a, b])


def test_genes_are_aligned_by_name(pair):
    paths, expected = pair
    cohorts = read_cohorts(paths)
    np.testing.assert_array_equal(cohorts.values, expected)
    assert cohorts.genes == GENES
    assert cohorts.batches.tolist() == ["a", "a", "a", "b", "b"]
    assert cohorts.ids == ["a0", "a1", "a2", "b0", "b1"]
    assert cohorts.warnings == ()
    assert cohorts.labels is None


def test_the_intersection_is_used_and_its_size_said(pair):
    paths, expected = pair
    write(Path("b.csv"), expected[3:][:, [3, 1]], genes=["mki67", "esr1"])
    cohorts = read_cohorts(paths)
    assert cohorts.genes == ("esr1", "mki67")
    np.testing.assert_array_equal(cohorts.values, expected[:, [1, 3]])
    assert cohorts.warnings == ("2 genes are in all files and are used; left out: 2 of a.csv",)


def test_genes_in_rows(pair):
    paths, expected = pair
    for path, rows, samples in ((Path("a.csv"), expected[:3], 3), (Path("b.csv"), expected[3:], 2)):
        names = [f"{path.stem}{k}" for k in range(samples)]
        lines = [",".join(["gene", *names])]
        lines += [",".join([g, *map(str, r)]) for g, r in zip(GENES, rows.T.tolist(), strict=True)]
        path.write_text("\n".join(lines) + "\n")
    cohorts = read_cohorts(paths, transpose=True)
    np.testing.assert_array_equal(cohorts.values, expected)
    assert (cohorts.genes, cohorts.ids) == (GENES, ["a0", "a1", "a2", "b0", "b1"])


def test_a_column_of_labels(pair):
    paths, expected = pair
    write(paths[0], expected[:3], extra=[("er", ["pos", "neg", "pos"])])
    write(paths[1], expected[3:], extra=[("er", ["neg", "pos"])])
    cohorts = read_cohorts(paths, label_column="er")
    assert cohorts.labels is not None
    assert cohorts.labels.tolist() == ["pos", "neg", "pos", "neg", "pos"]


def _spoilt(name):
    a, b = Path("a.csv"), Path("b.csv")
    if name == "twice":
        write(b, values(2), genes=("tp53", "esr1", "tp53", "mki67"))
    if name == "none":
        write(b, values(2), genes=("x1", "x2", "x3", "x4"))
    if name == "one":
        write(b, values(1))
    if name == "missing":
        b.write_text("sample,tp53,esr1\nb0,1,\nb1,2,3\n")
    if name == "sample twice":
        write(b, values(2), samples=["s", "s"])
    if name == "no header":
        b.write_text("1,2,3,4\n2,3,4,5\n")
    return [a, b]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("twice", ["b.csv", '"tp53"', "a name of its own"]),
        ("none", ["no name is in all files", '"tp53"', '"x1"', "--transpose"]),
        ("one", ["b.csv", "one row"]),
        ("missing", ["b.csv", "row 2", '"esr1"', "missing value"]),
        ("sample twice", ["b.csv", '"s"', "rename"]),
        ("no header", ["b.csv", "no names of genes"]),
    ],
)
def test_refusals(pair, name, parts):
    with pytest.raises(InputError) as caught:
        read_cohorts(_spoilt(name))
    for part in parts:
        assert part in str(caught.value)


def test_one_sample_and_a_gene_twice_in_rows(pair):
    Path("b.csv").write_text("gene,s1\ntp53,1\nesr1,2\n")
    with pytest.raises(InputError, match="holds one sample"):
        read_cohorts([Path("b.csv"), Path("a.csv")], transpose=True)
    Path("c.csv").write_text("gene,s1,s2\ntp53,1,2\ntp53,2,3\n")
    with pytest.raises(InputError, match='two genes are called "tp53"'):
        read_cohorts([Path("c.csv"), Path("a.csv")], transpose=True)


def test_files_that_are_no_batches(pair, tmp_path):
    paths, _ = pair
    with pytest.raises(InputError, match="one batch only"):
        read_cohorts(paths[:1])
    with pytest.raises(InputError, match='two files are called "a"'):
        read_cohorts([paths[0], paths[0]])
    with pytest.raises(InputError, match="names no genes"):
        read_cohorts([paths[0], Path("b.zip")])


def test_scales_that_differ_are_told(pair):
    paths, expected = pair
    write(paths[1], (2 ** (expected[3:] + 3)).round(1))
    (line,) = read_cohorts(paths).warnings
    assert "a.csv looks like logarithms" in line
    assert "b.csv like raw values" in line
    write(paths[0], (2 ** (expected[:3] + 3)).round(1))
    (line,) = read_cohorts(paths).warnings
    assert "as raw ones do" in line


def test_labels_of_a_file(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("sample,er\ns1,pos\ns2,NA\ns9,neg\n")
    assert read_labels(path, ["s1", "s2", "s3"]).tolist() == ["pos", "", ""]
    for text, part in (
        ("sample,er\ns1\n", "fewer than two columns"),
        ("sample,er\ns1,a\ns1,b\n", "twice"),
        ("sample,er\nx,a\n", "none of the samples"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=part):
            read_labels(path, ["s1", "s2"])
    with pytest.raises(InputError, match="cannot be read"):
        read_labels(tmp_path / "no.csv", ["s1"])


def test_a_column_of_codes_is_told(pair):
    paths, expected = pair
    codes = [("subtype", ["0", "1", "0"]), ("subtype", ["1", "0"])]
    for path, rows, column in zip(paths, (expected[:3], expected[3:]), codes, strict=True):
        write(path, rows, extra=[column])
    (line,) = read_cohorts(paths).warnings
    assert line.startswith('"subtype": whole numbers only')
    assert read_cohorts(paths, label_column="subtype").warnings == ()
    # counts are whole everywhere, and no codes
    for path, rows in zip(paths, (expected[:3], expected[3:]), strict=True):
        write(path, rows.round() + 1)
    assert read_cohorts(paths).warnings == ()


def test_labels_may_be_missing(tmp_path):
    cells = {"a": ["1", "NA", "2"], "b": ["1", "2", "2"]}
    for name, kinds in cells.items():
        rows = [f"{name}{k},{kind},{k}.5,{k + 1}.25" for k, kind in enumerate(kinds)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["sample,kind,g,h", *rows]) + "\n")
    found = read_cohorts([tmp_path / "a.csv", tmp_path / "b.csv"], label_column="kind")
    assert found.labels.tolist() == ["1", "", "2", "1", "2", "2"]
    # as they came, so that they can be written again
    assert found.tables[0].labels.tolist() == ["1", "NA", "2"]


def test_labels_may_be_missing_in_parquet(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = {"kind": [1.0, None, 2.0], "g": [0.5, 1.5, 2.5], "h": [1.25, 2.25, 3.25]}
    for name in "ab":
        index = pandas.Index([f"{name}{k}" for k in range(3)], name="sample")
        pandas.DataFrame(frame, index=index).to_parquet(tmp_path / f"{name}.parquet")
    found = read_cohorts([tmp_path / "a.parquet", tmp_path / "b.parquet"], label_column="kind")
    assert found.labels.tolist() == ["1", "", "2"] * 2


def test_genes_in_rows_where_they_should_be_columns(tmp_path):
    path = tmp_path / "later.csv"
    path.write_text("gene,s1,s2\ng1,0.5,1.5\ng2,2.5,0.25\n")
    with pytest.raises(InputError, match=r"no column .*; its rows are called so"):
        with_genes(load(path), ["g1", "g2"])


def test_arrays_without_names_are_aligned_by_position(tmp_path):
    dense = values(5, 4).round()
    scipy.sparse.save_npz(tmp_path / "a.npz", scipy.sparse.csc_matrix(dense[:3]))
    np.savez(tmp_path / "b.npz", X=dense[3:], ids=np.array(["u", "v"]))
    cohorts = read_cohorts([tmp_path / "a.npz", tmp_path / "b.npz"])
    np.testing.assert_array_equal(cohorts.values, dense)
    assert (cohorts.genes, cohorts.ids) == ((), ["a-1", "a-2", "a-3", "u", "v"])
    assert "column k of each is taken for the same gene" in cohorts.warnings[0]
    np.save(tmp_path / "c.npy", dense[:, :3])
    with pytest.raises(InputError, match="4 and 3 columns"):
        read_cohorts([tmp_path / "a.npz", tmp_path / "c.npy"])
    write(tmp_path / "d.csv", dense)
    with pytest.raises(InputError, match="no names of genes"):
        read_cohorts([tmp_path / "d.csv", tmp_path / "a.npz"])
    np.savez(tmp_path / "e.npz", X=np.ones((3, 4, 4)))
    with pytest.raises(InputError, match="holds images"):
        read_cohorts([tmp_path / "a.npz", tmp_path / "e.npz"])


def test_a_folder_of_parts_is_a_batch(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame(values(6), columns=list(GENES))
    (tmp_path / "a").mkdir()
    frame[:2].to_parquet(tmp_path / "a" / "part-0.parquet")
    frame[2:4].to_parquet(tmp_path / "a" / "part-1.parquet")
    frame[4:].to_parquet(tmp_path / "b.parquet")
    cohorts = read_cohorts([tmp_path / "a", tmp_path / "b.parquet"])
    assert cohorts.names == ("a", "b")
    np.testing.assert_array_equal(cohorts.values, frame.to_numpy())
