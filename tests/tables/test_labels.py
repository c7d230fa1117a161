"""Labels are text: what comes in comes out, letter for letter, and missing ones by one rule."""

import zipfile

import numpy as np
import pytest
from PIL import Image

import gparticles as gpa
from gparticles import data
from gparticles.tables.cohorts import read_cohorts, read_labels

ALIKE = ["11", "1_1", "011", "+11", "-11", " 11", "11 ", "1e1", "11.0", "１１", "1,1"]  # noqa: RUF001
ALIKE += ["True", "true", "2020-01-01", "2020-1-1", "0x0B", "inf", "\u00e9", "e\u0301", "-0", "0"]


def _csv(path, labels, *, sep=","):
    rows = [f'{k / 7 + 0.5}{sep}{k / 3}{sep}"{label}"' for k, label in enumerate(labels)]
    path.write_text("\n".join([f"x{sep}y{sep}kind", *rows]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".npz"])
def test_labels_come_out_as_they_came_in(tmp_path, suffix, pandas):
    path = tmp_path / f"in{suffix}"
    values = np.random.default_rng(0).normal(size=(len(ALIKE), 2))
    if suffix == ".npz":
        np.savez(path, X=values, kind=np.array(ALIKE))
    elif suffix == ".parquet":
        pytest.importorskip("pyarrow")
        pandas.DataFrame({"x": values[:, 0], "y": values[:, 1], "kind": ALIKE}).to_parquet(path)
    else:
        _csv(path, ALIKE, sep="\t" if suffix == ".tsv" else ",")
    table = data.load(path, label_column="kind")
    assert table.labels is not None
    assert table.labels.tolist() == ALIKE
    assert len(np.unique(table.labels)) == len(ALIKE)
    out = data.save(table.values, tmp_path / "out", like=table, labels=table.labels)
    again = data.load(out, label_column="kind")
    assert again.labels is not None
    assert again.labels.tolist() == ALIKE


@pytest.mark.parametrize("ending", ["", ".zip"])
def test_folders_of_images_keep_their_names(tmp_path, ending):
    kinds = [kind for kind in ALIKE if kind == kind.lstrip(".")]
    pixels = np.random.default_rng(0).random((len(kinds), 4, 4)).astype(np.float32)
    like = data.Table(values=pixels, kind="images", header=False)
    out = data.save(pixels, tmp_path / f"in{ending}", like=like, labels=kinds)
    again = data.load(out)
    assert again.labels is not None
    assert sorted(again.labels.tolist()) == sorted(kinds)


def test_two_labels_never_share_a_folder(tmp_path):
    pixels = np.zeros((4, 2, 2), np.float32)
    like = data.Table(values=pixels, kind="images")
    out = data.save(pixels, tmp_path / "out", like=like, labels=["a/b", "a\\b", "..a-b", "a-b"])
    assert len(set(np.asarray(data.load(out).labels).tolist())) == 4


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (np.array([1, 2, 11], np.int32), [1, 2, 11]),
        (np.array([1.0, 2.0, 11.0]), [1, 2, 11]),
        (np.array([True, False, True]), [True, False, True]),
        (["1", "2", "11"], ["1", "2", "11"]),
        ([0.5, 1.5, 2.5], ["0.5", "1.5", "2.5"]),
    ],
)
def test_numbers_of_a_frame_stay_numbers(pandas, column, expected):
    frame = pandas.DataFrame({"x": [0.5, 1.5, 2.0], "kind": column})
    table = data.from_frame(frame, label_column="kind")
    assert table.labels is not None
    assert table.labels.tolist() == expected
    categorical = frame.astype({"kind": "category"})
    again = data.from_frame(categorical, label_column="kind")
    assert again.labels is not None
    assert again.labels.tolist() == expected
    back = data.to_frame(table.values, table, labels=table.labels)
    assert back["kind"].tolist() == expected


def test_dates_and_bytes_and_decimals_as_labels(pandas):
    from decimal import Decimal

    days = pandas.to_datetime(["2020-01-31", "2020-02-01"])
    frame = pandas.DataFrame(
        {"x": [0.5, 1.5], "d": days, "b": [b"u", b"v"], "m": [Decimal("1.50"), Decimal("1.5")]}
    )
    for name, expected in (
        ("d", ["2020-01-31", "2020-02-01"]),
        ("b", ["u", "v"]),
        ("m", ["1.50", "1.5"]),
    ):
        table = data.from_frame(frame[["x", name]], label_column=name)
        assert table.labels is not None
        assert table.labels.tolist() == expected


def _missing(pandas):
    return {
        "object None": pandas.Series(["a", None, "b"], dtype=object),
        "object NaN": pandas.Series(["a", np.nan, "b"], dtype=object),
        "object NA": pandas.Series(["a", pandas.NA, "b"], dtype=object),
        "object NaT": pandas.Series(["a", pandas.NaT, "b"], dtype=object),
        "string NA": pandas.Series(["a", pandas.NA, "b"], dtype="string"),
        "category": pandas.Series(pandas.Categorical(["a", None, "b"])),
        "dates": pandas.Series(pandas.to_datetime(["2020-01-01", None, "2020-01-02"])),
        "float": pandas.Series([1.0, np.nan, 2.0]),
        "Int64": pandas.Series([1, None, 2], dtype="Int64"),
        "boolean": pandas.Series([True, None, False], dtype="boolean"),
        "text": pandas.Series(["a", "NA", "b"]),
        "blank": pandas.Series(["a", " ", "b"]),
    }


@pytest.mark.parametrize("kind", _missing(pytest.importorskip("pandas")))
def test_missing_labels_follow_one_rule(tmp_path, pandas, refused, kind):
    labels = _missing(pandas)[kind]
    frame = pandas.DataFrame({"x": [0.5, 1.5, 2.0], "y": [1.0, 2.5, 3.0], "kind": labels})
    refused(lambda: data.from_frame(frame, label_column="kind"), 'row 2, column "kind": missing')
    if kind not in ("text", "blank"):
        gaps = data.from_frame(frame, label_column="kind", label_gaps=True).labels
        assert gaps is not None
        assert gaps[1] == ""
        assert "" not in gaps[[0, 2]].tolist()
    path = tmp_path / "a.csv"
    frame.to_csv(path, index=False)
    refused(lambda: data.load(path, label_column="kind"), 'row 3, column "kind": missing')
    array = labels.to_numpy(dtype=object)
    refused(lambda: data.from_array(np.ones((3, 2)), labels=array), "row 2", "missing value")


def test_missing_labels_of_an_npz_and_behind_a_mask(tmp_path, refused, rows):
    path = tmp_path / "a.npz"
    for labels in (np.array(["a", "", "b"]), np.array([1, np.nan, 2])):
        np.savez(path, X=rows(3), labels=labels)
        refused(lambda: data.load(path), 'row 2, column "labels": missing value')
        table = data.load(path, label_gaps=True)
        assert table.labels is not None
        assert table.labels[1] == ""
    masked = np.ma.masked_array([1, 2, 3], [False, True, False])
    refused(lambda: data.from_array(np.ones((3, 2)), labels=masked), "row 2")
    hidden = np.ma.masked_array(np.ones((3, 2)), [[0, 0], [0, 1], [0, 0]])
    refused(lambda: data.from_array(hidden), "row 2, column 2: missing value")


def test_labels_too_large_to_be_whole_numbers_are_refused(refused):
    labels = np.array([1e300, 2e300])
    refused(lambda: data.from_array(np.ones((2, 2)), labels=labels), "labels are float64")


def test_a_label_that_ends_in_a_nul_is_refused(pandas, refused):
    frame = pandas.DataFrame({"x": [0.5, 1.5], "kind": ["a\0", "a"]})
    refused(lambda: data.from_frame(frame, label_column="kind"), "ends in a NUL")


def test_a_flow_knows_its_labels_again_from_any_file(tmp_path, pandas):
    kinds = ["1_1", "11", "007", "7"] * 2
    first = data.load(_csv(tmp_path / "a.csv", kinds), label_column="kind")
    flow = gpa.transport(
        first.values, first.values + 1, labels=first.labels, target_labels=first.labels, steps=1
    )
    assert flow.classes is not None
    assert sorted(flow.classes.tolist()) == sorted(set(kinds))
    frame = pandas.DataFrame({"x": [1.0, 2.0], "y": [0.5, 0.5], "kind": [11, 7]})
    numbers = data.from_frame(frame, label_column="kind")
    text = data.from_frame(frame.astype({"kind": str}), label_column="kind")
    moved = [flow(table.values, labels=table.labels) for table in (numbers, text)]
    np.testing.assert_array_equal(*moved)
    np.testing.assert_array_equal(moved[0], flow(numbers.values, labels=np.array([11, 7])))
    with pytest.raises(gpa.InputError, match="does not occur"):
        flow(numbers.values, labels=["0011", "7"])


def test_labels_of_batches_stay_text(tmp_path):
    for name in "ab":
        rows = [f"{name}{k},{label},{k}.5" for k, label in enumerate(["1_1", "11", "NA"])]
        (tmp_path / f"{name}.csv").write_text("\n".join(["sample,kind,g", *rows]) + "\n")
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    labels = read_cohorts(paths, label_column="kind").labels
    assert labels is not None
    assert labels.tolist() == ["1_1", "11", ""] * 2
    path = tmp_path / "labels.csv"
    path.write_text("sample,kind\na0,1_1\na1, 11\na2,?\n")
    assert read_labels(path, ["a0", "a1", "a2", "a3"]).tolist() == ["1_1", " 11", "", ""]


def test_a_zip_made_on_windows_keeps_its_classes(tmp_path):
    image = Image.fromarray(np.zeros((2, 2), np.uint8))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("all\\", b"")
        for kind in ("1_1", "11"):
            image.save(tmp_path / "a.png")
            archive.writestr(f"all\\{kind}\\a.png", (tmp_path / "a.png").read_bytes())
    table = data.load(tmp_path / "a.zip")
    assert table.ids == ["11/a.png", "1_1/a.png"]
    assert table.labels is not None
    assert table.labels.tolist() == ["11", "1_1"]
