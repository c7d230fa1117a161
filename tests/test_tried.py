"""What users of neighbouring tools reported, tried here (docs/tried.md)."""

import io

import numpy as np
import pytest

import gparticles as gpa
from gparticles.checks import check_points
from gparticles.flow.problem import check_samples
from gparticles.flow.scaling import choose_scaling
from gparticles.integration.basis import column_of
from gparticles.tables.files import load
from gparticles.tables.frames import from_frame

BIG = 2023552585717889863
RNG = np.random.default_rng(0)
SOURCE, TARGET = RNG.normal(size=(12, 2)), RNG.normal(size=(9, 2)) + 2


@pytest.mark.parametrize("side", ["source", "target"])
def test_points_without_weight_have_no_say_in_the_units(side):
    clouds = {"source": SOURCE, "target": TARGET}
    count = len(clouds[side])
    clouds[side] = np.concatenate([clouds[side], np.full((40, 2), 1e6)])
    weights = np.r_[np.ones(count), np.zeros(40)]
    flow = gpa.transport(**clouds, **{f"{side}_weights": weights}, steps=1, fit_steps=1)
    assert flow.scale == choose_scaling(SOURCE, TARGET, "auto").scale


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_whole_numbers_beside_missing_ones_keep_their_digits(tmp_path, dtype):
    arrow, parquet = (pytest.importorskip(name) for name in ("pyarrow", "pyarrow.parquet"))
    codes = arrow.array([BIG, BIG + 1, None], type=getattr(arrow, dtype)())
    path = tmp_path / "codes.parquet"
    parquet.write_table(arrow.table({"code": codes, "a": [1.0, 2.0, 3.0]}), path)
    expected = [str(BIG), str(BIG + 1), ""]
    labels = load(path, label_column="code", label_gaps=True).labels
    assert labels is not None
    assert labels.tolist() == expected
    assert load(path, id_column="code").ids == expected


def test_a_column_of_decimals_that_is_text_is_not_taken_for_names(tmp_path):
    pandas = pytest.importorskip("pandas")
    path = tmp_path / "prices.csv"
    path.write_text('price,b\n"1,20",2\n"22,3",4\n"1.234,56",5\n')
    with pytest.raises(gpa.InputError, match=r"as 1\.20"):
        load(path)
    with pytest.raises(gpa.InputError, match='"1,20" among numbers'):
        from_frame(pandas.read_csv(path))
    path.write_text("price,b\nr1,2\nr2,4\n")
    assert load(path).ids == ["r1", "r2"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('"a";"b"\n1;2\n3;4\n', "separated by semicolons; save it with commas"),
        ('a;b\n"x";2\n"y";4\n', "separated by semicolons; save it with commas"),
        ('a,b\n"1"x,2\n', "mend its quotes"),
        ("a,b\n1,2\n1\0,4\n", "row 3 holds a NUL character; remove it"),
        ("a,b\n1,2\n".encode("utf-16-le").decode(), "save it as UTF-8"),
    ],
)
def test_refusals_of_csv_name_the_mend_that_helps(tmp_path, text, message):
    path = tmp_path / "few.csv"
    path.write_text(text)
    with pytest.raises(gpa.InputError, match=message):
        load(path)


def test_an_image_of_too_many_pixels_is_not_called_damaged(tmp_path):
    image = pytest.importorskip("PIL.Image")
    data = io.BytesIO()
    image.new("1", (20000, 10000)).save(data, "PNG")
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(data.getvalue())
    with pytest.raises(gpa.InputError, match="more pixels than Pillow opens"):
        load(tmp_path)


def test_nullable_numbers_and_decimals_of_frames_are_numbers():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1, 2, 3], "b": [4, 5, 6]}).astype("Int64")
    assert check_points(frame, "source").tolist() == [[1, 4], [2, 5], [3, 6]]
    frame.iloc[1, 0] = pandas.NA
    with pytest.raises(gpa.InputError, match=r"entry \(1, 0\) is <NA>"):
        check_points(frame, "source")


def test_sparse_matrices_are_refused_by_name():
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(gpa.InputError, match="source: is a sparse matrix; give its toarray"):
        check_points(sparse.csr_matrix(SOURCE), "source")


@pytest.mark.parametrize("kind", ["category", "sparse", "datetime64", "complex128"])
def test_the_column_of_a_frame_that_is_no_number_is_named(kind):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(SOURCE, columns=["a", "b"])
    odd = {
        "category": frame.assign(b=pandas.Categorical(["u", "v"] * 6)),
        "sparse": frame.astype(pandas.SparseDtype(float, 0)),
        "datetime64": frame.assign(b=pandas.Timestamp("2020-01-01")),
        "complex128": frame.assign(b=1j),
    }[kind]
    with pytest.raises(gpa.InputError, match=f"source: column '[ab]' is.*{kind}") as caught:
        gpa.GPA(steps=1).fit(odd, TARGET)
    assert "\n" not in str(caught.value)


def test_a_name_in_a_message_is_plain_text():
    labels = (["a", "b"] * 6, ["a"] * 9)
    with pytest.raises(gpa.InputError, match="labels: 'b' does not occur"):
        check_samples(SOURCE, TARGET, weights=(None, None), labels=labels)


def test_columns_of_obs_that_are_several(tmp_path):
    anndata, pandas = pytest.importorskip("anndata"), pytest.importorskip("pandas")
    obs = pandas.DataFrame(
        {"batch": ["A", "B"] * 6, "lane": "1"}, index=[f"c{i}" for i in range(12)]
    )
    adata = anndata.AnnData(SOURCE, obs=obs)
    with pytest.raises(gpa.InputError, match="join them into one column"):
        column_of(adata, ["batch", "lane"], "key")  # type: ignore[arg-type]
    adata.obs.columns = ["batch", "batch"]
    with pytest.raises(gpa.InputError, match="several columns of obs are called 'batch'"):
        column_of(adata, "batch", "key")


# anndata sets an option of pandas that pandas 3 calls deprecated
@pytest.mark.filterwarnings("ignore:The '[a-z._]*' option is deprecated")
def test_part_of_a_file_that_is_not_in_memory_is_refused_before_the_work(tmp_path):
    anndata = pytest.importorskip("anndata")
    adata = anndata.AnnData(SOURCE.astype(np.float32))
    adata.obs_names = [f"c{i}" for i in range(12)]
    adata.obs["batch"] = ["A", "B"] * 6
    adata.obsm["X_pca"] = SOURCE
    adata.write_h5ad(tmp_path / "cells.h5ad")
    part = anndata.read_h5ad(tmp_path / "cells.h5ad", backed="r")[:8]
    with pytest.raises(gpa.InputError, match="to_memory"):
        gpa.integrate(part, key="batch", reference="A", steps=1)
