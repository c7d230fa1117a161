"""DataFrames and parquet, with and without their packages."""

import sys
from decimal import Decimal

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


def test_parquet_without_its_packages(tmp_path, frame, monkeypatch, refused):
    path = tmp_path / "a.parquet"
    frame.to_parquet(path)
    for name in ["pyarrow", *(n for n in sys.modules if n.startswith("pyarrow."))]:
        monkeypatch.setitem(sys.modules, name, None)
    refused(lambda: data.load(path), "pip install 'gparticles[parquet]'")


@pytest.mark.parametrize(
    "columns", [[0, 1, 2], [2, 0, 1], [0, "y", 7], [-3, 5, 10**12], ["0", 1, "x"]]
)
def test_names_that_are_whole_numbers_come_back_as_such(pandas, rows, columns):
    frame = pandas.DataFrame(rows(4, 3), columns=columns)
    table = data.from_frame(frame)
    again = data.to_frame(table.values, table)
    pandas.testing.assert_frame_equal(again, frame)
    assert [*map(type, again.columns)] == [*map(type, frame.columns)]


@pytest.mark.parametrize("default", [True, False])
def test_frames_are_compared_by_names_that_are_whole_numbers(pandas, rows, refused, default):
    frame = pandas.DataFrame(rows(4, 3), columns=None if default else [0, 1, 2])
    source = data.from_frame(frame, name="source")
    data.check_same_columns(source, data.from_frame(frame[[0, 1, 2]]))
    for order in ([2, 0, 1], [2, 1, 0], slice(None, None, -1)):
        other = frame.iloc[:, order]
        assert other.columns.tolist() != [0, 1, 2]
        target = data.from_frame(other, name="target")
        for pair in ((source, target), (target, source)):
            refused(lambda pair=pair: data.check_same_columns(*pair), "the same order")
        back = data.to_frame(target.values, target)
        pandas.testing.assert_frame_equal(back, other, check_column_type=False)
    # names of another frame say nothing of the order of unnamed columns
    named = data.from_frame(frame.set_axis(list("abc"), axis=1))
    if default:
        data.check_same_columns(source, named)


def test_decimals_are_numbers(tmp_path, pandas, refused):
    pytest.importorskip("pyarrow")
    cells = [Decimal("1.50"), Decimal("-2.25"), Decimal("1e-9")]
    frame = pandas.DataFrame({"x": cells, "y": [1.0, 2.0, 3.0], "kind": cells})
    table = data.from_frame(frame, label_column="kind")
    np.testing.assert_array_equal(table.values[:, 0], [1.5, -2.25, 1e-9])
    assert table.labels is not None
    assert table.labels[0] == "1.50"
    frame.to_parquet(tmp_path / "a.parquet")
    again = data.load(tmp_path / "a.parquet", label_column="kind")
    np.testing.assert_array_equal(again.values, table.values)
    frame.loc[1, "x"] = None
    refused(lambda: data.from_frame(frame[["x"]]), 'row 2, column "x": missing value')
    for cell, part in ((Decimal("1e400"), "infinite"), (10**400, "too large")):
        big = pandas.DataFrame({"x": pandas.Series([cell, 1], dtype=object)})
        refused(lambda big=big: data.from_frame(big), 'row 1, column "x"', part)


def test_a_folder_of_parquet_parts(tmp_path, pandas, frame, refused):
    pytest.importorskip("pyarrow")
    folder = tmp_path / "table.parquet"
    for place, part in (("a=1_1", frame[:2]), ("a=11", frame[2:])):
        (folder / place / "year=2020").mkdir(parents=True)
        part.to_parquet(folder / place / "year=2020" / "part-0.snappy.parquet")
    (folder / "_SUCCESS").write_text("")
    (folder / "_temporary.parquet").write_text("no parquet")
    assert data.kind_of(folder) == "parquet"
    columns = {"label_column": "a", "id_column": "who"}
    refused(lambda: data.load(folder, **columns), 'column "kind": "u" among numbers')
    for file in folder.rglob("part-0.*"):
        pandas.read_parquet(file, partitioning=None).drop(columns="kind").to_parquet(file)
    table = data.load(folder, **columns)
    assert table.columns == ("x", "y", "year")
    assert table.values.tolist() == [[3, 2.5, 2020], [1, 0.5, 2020], [2, 1.5, 2020]]
    assert table.ids == list("cab")
    assert table.labels is not None
    assert table.labels.tolist() == ["11", "1_1", "1_1"]
    out = data.save(table.values, tmp_path / "out", like=table, ids=table.ids, labels=table.labels)
    assert out.is_file()
    np.testing.assert_array_equal(data.load(out, **columns).values, table.values)
    file.write_bytes(file.read_bytes()[:50])
    refused(lambda: data.load(folder, **columns), str(folder), "is damaged")


def test_parts_of_other_kinds_of_numbers(tmp_path, pandas):
    pytest.importorskip("pyarrow")
    (tmp_path / "parts").mkdir()
    pandas.DataFrame({"x": [1, 2]}).to_parquet(tmp_path / "parts" / "a.parquet")
    pandas.DataFrame({"x": [0.5, 1.5]}).to_parquet(tmp_path / "parts" / "b.parquet")
    assert data.load(tmp_path / "parts").values.ravel().tolist() == [1, 2, 0.5, 1.5]
