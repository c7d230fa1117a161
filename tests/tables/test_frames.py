"""DataFrames and parquet, with and without their packages."""

import sys

import numpy as np
import pytest

from gparticles import data


def test_frame_round_trip(frame, pandas, refused):
    table = data.from_frame(frame, label_column="kind")
    assert (table.columns, table.ids, table.id_name) == (("x", "y"), list("abc"), "who")
    again = data.to_frame(table.values, table, ids=table.ids, labels=table.labels)
    pandas.testing.assert_frame_equal(again, frame, check_dtype=False)
    again = data.to_frame(np.ones((2, 2)), table)
    assert list(again.columns) == ["x", "y"]
    refused(lambda: data.to_frame(np.ones((2, 3)), table), "shape (2, 3)")


def test_frame_index_is_the_identifier(frame, pandas):
    indexed = frame.drop(columns="kind").set_index("who")
    table = data.from_frame(indexed)
    assert (table.ids, table.id_position) == (list("abc"), None)
    again = data.to_frame(table.values, table, ids=table.ids)
    pandas.testing.assert_frame_equal(again, indexed, check_dtype=False)


def test_frame_dtypes(pandas, rows):
    table = data.from_frame(pandas.DataFrame(rows(4, 2, np.float32)))
    assert table.values.dtype == np.float32
    assert table.columns is None
    mixed = pandas.DataFrame(
        {
            "i": pandas.array([1, 2], dtype="Int64"),
            "o": np.array([1, 2.5], dtype=object),
            "b": [True, False],
        }
    )
    assert data.from_frame(mixed).values.tolist() == [[1, 1, 1], [2, 2.5, 0]]


@pytest.mark.parametrize(
    ("columns", "parts"),
    [
        ({"x": [1.0, None, 2]}, ['row 2, column "x": missing value']),
        ({"x": [1.0, 2, float("inf")]}, ['row 3, column "x": infinite value']),
        ({"y": [1, 2, 3], "x": ["a", "b", "c"]}, ['row 1, column "x": "a" among numbers']),
        ({"y": [1, 2, 3], "x": [1, None, "c"]}, ['row 2, column "x": missing value']),
        ({"x": [1.0]}, ["only one row"]),
        ({"x": []}, ["no rows"]),
        ({}, ["no column of numbers"]),
    ],
)
def test_refused_frames(pandas, columns, parts, refused):
    refused(lambda: data.from_frame(pandas.DataFrame(columns)), "the frame", *parts)


def test_refused_frames_more(pandas, frame, refused):
    twice = pandas.DataFrame(np.ones((3, 2)), columns=["x", "x"])
    refused(lambda: data.from_frame(twice), 'called "x"')
    refused(lambda: data.from_frame(np.ones((3, 2))), "is a ndarray")
    refused(lambda: data.from_frame(frame, label_column="z"), 'no label column "z"')
    frame.loc[1, "kind"] = None
    refused(lambda: data.from_frame(frame, label_column="kind"), 'row 2, column "kind": missing')
    nullable = pandas.DataFrame({"x": pandas.array([1, None], dtype="Int64")})
    refused(lambda: data.from_frame(nullable), 'row 2, column "x": missing value')


@pytest.mark.parametrize("index", [False, True])
def test_parquet_round_trip(tmp_path, frame, index):
    pytest.importorskip("pyarrow")
    frame = frame.astype({"x": "float32", "y": "float32"})
    path = tmp_path / "a.parquet"
    (frame.set_index("who") if index else frame).to_parquet(path)
    table = data.load(path, label_column="kind")
    assert (table.kind, table.columns, table.ids) == ("parquet", ("x", "y"), list("abc"))
    out = data.save(np.ones((2, 2)), tmp_path / "b", like=table, labels=["u", "v"])
    again = data.load(out, label_column="kind")
    assert again.values.dtype == np.float32
    assert again.columns == ("x", "y")
    assert again.ids == ["generated-00001", "generated-00002"]
    assert (again.id_name, again.id_position) == (table.id_name, table.id_position)


def test_damaged_parquet(tmp_path, frame, refused):
    pytest.importorskip("pyarrow")
    path = tmp_path / "a.parquet"
    frame.to_parquet(path)
    raw = path.read_bytes()
    for spoiled in (raw[: len(raw) // 2], b"", b"garbage"):
        path.write_bytes(spoiled)
        refused(lambda: data.load(path), str(path), "damaged")


@pytest.mark.parametrize("module", ["pandas", "pyarrow"])
def test_parquet_without_its_packages(tmp_path, frame, monkeypatch, module, refused):
    path = tmp_path / "a.parquet"
    frame.to_parquet(path)
    monkeypatch.setitem(sys.modules, module, None)
    if module == "pyarrow":
        for name in [n for n in sys.modules if n.startswith("pyarrow.")]:
            monkeypatch.setitem(sys.modules, name, None)
    refused(lambda: data.load(path), "pip install 'gparticles[parquet]'")
