"""Comma and tab separated files: what is read, what is kept and what is refused."""

import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gparticles import data


def test_csv_with_header_and_identifiers(csv):
    table = data.load(csv("sample_id,x,y\ns1,1,2.5\ns2,-3,1e-3\n"))
    assert table.values.tolist() == [[1, 2.5], [-3, 1e-3]]
    assert table.values.dtype == np.float64
    assert (table.columns, table.ids, table.id_name) == (("x", "y"), ["s1", "s2"], "sample_id")
    assert (table.kind, table.header, table.warnings) == ("csv", True, ())


@pytest.mark.parametrize(
    ("content", "columns", "ids"),
    [
        ("1,2\n3,4\n", None, None),
        ("x,y\n1,2\n3,4\n", ("x", "y"), None),
        ("id,y\n1,2\n3,4\n", ("y",), ["1", "3"]),
        (",y\n1,2\n3,4\n", ("y",), ["1", "3"]),
        (",0,1\n0,2,5\n1,4,6\n", ("0", "1"), ["0", "1"]),
        ("who,y\na,2\nb,4\n", ("y",), ["a", "b"]),
        ("a,2,5\nb,4,6\n", None, ["a", "b"]),
        ("who,0,1\na,2,5\nb,4,6\n", ("0", "1"), ["a", "b"]),
        (",400.5,401\n0,2,5\n1,4,6\n", ("400.5", "401"), ["0", "1"]),
        ("id,400.5,401\n7,2,5\n8,4,6\n", ("400.5", "401"), ["7", "8"]),
        ("x,1.5\n1,2\n3,4\n", ("x", "1.5"), None),
        ("x\n1\n3\n", ("x",), None),
        ("id\n1\n3\n", ("id",), None),
        ('"x, ""long""","y\nz"\r\n"1","2"\r\n3,4\r\n', ('x, "long"', "y\nz"), None),
        ("\ufeffx,y\r\n1,2\r\n3,4\r\n\r\n\r\n", ("x", "y"), None),
        ("größe,y\n1, 2\n3,4", ("größe", "y"), None),
    ],
)
def test_headers_and_identifiers_are_told_from_numbers(csv, content, columns, ids):
    table = data.load(csv(content))
    assert table.columns == columns
    assert table.ids == ids
    assert table.header == (columns is not None)
    assert len(table) == 2


def test_chosen_columns(csv, refused):
    path = csv("x,class,y,who\n1,2,3,a\n4,0,6,a\n")
    table = data.load(path, id_column="who", label_column="class")
    assert table.columns == ("x", "y")
    assert table.ids == ["a", "a"]
    assert table.labels is not None
    assert table.labels.tolist() == ["2", "0"]
    bare = csv("1.5,2,u\n3,4,v\n", "bare.csv")
    table = data.load(bare, label_column="3")
    assert table.labels is not None
    assert table.labels.tolist() == ["u", "v"]
    assert table.values.tolist() == [[1.5, 2], [3, 4]]
    refused(lambda: data.load(path, label_column="z"), 'no label column "z"', '"class"')
    refused(lambda: data.load(path, id_column="z"), 'no identifier column "z"')


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".csv.gz", ".tsv.gz"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_text_round_trip_keeps_everything(tmp_path, suffix, dtype, written, rows):
    tab = "\t" if "tsv" in suffix else ","
    head = tab.join(["x", "who", "y", "kind"])
    lines = [tab.join(["1", "a", "2", "u"]), tab.join(["3", "b", "4", "v"])]
    source = written(tmp_path / f"in{suffix}", "\n".join([head, *lines]) + "\n")
    like = data.load(source, id_column="who", label_column="kind")
    assert like.kind == suffix[1:]
    values = rows(5, 2, dtype)
    out = data.save(values, tmp_path / "out", like=like, labels=list("vuvuv"))
    assert out == tmp_path / f"out{suffix}"
    again = data.load(out, id_column="who", label_column="kind")
    np.testing.assert_array_equal(again.values.astype(dtype), values)
    assert again.columns == ("x", "y")
    assert again.ids == [f"generated-0000{i}" for i in range(1, 6)]
    assert again.labels is not None
    assert again.labels.tolist() == list("vuvuv")
    assert (again.id_position, again.label_position) == (1, 3)
    text = (gzip.decompress(out.read_bytes()) if "gz" in suffix else out.read_bytes()).decode()
    assert text.splitlines()[0] == head
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_float32_is_written_as_short_as_it_can_be(csv, tmp_path):
    like = data.load(csv("1,2\n3,4\n"))
    out = data.save(np.array([[0.1, 1e30]], np.float32), tmp_path / "out.csv", like=like)
    assert out.read_text() == "0.1,1e+30\n"


def test_given_identifiers_are_written(csv, tmp_path):
    like = data.load(csv("id,x\np,1\nq,2\n"))
    out = data.save(like.values + 1, tmp_path / "moved.csv", like=like, ids=like.ids)
    assert out.read_text() == "id,x\np,2.0\nq,3.0\n"


NAMES = st.lists(
    st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=8
    ).map(lambda text: f"c{text}"),
    min_size=1,
    max_size=4,
    unique=True,
).filter(lambda names: names[0].strip().casefold() not in ("cell", "cell_id"))
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=60, deadline=None)
@given(draw=st.data(), names=NAMES, suffix=st.sampled_from([".csv", ".tsv", ".csv.gz"]))
def test_text_round_trip_of_anything(tmp_path_factory, draw, names, suffix):
    shape = (draw.draw(st.integers(2, 5)), len(names))
    values = draw.draw(hnp.arrays(np.float64, shape, elements=NUMBERS))
    with_ids = draw.draw(st.booleans())
    like = data.Table(
        values=values,
        columns=tuple(names),
        header=True,
        kind=suffix[1:],
        ids=[f"r{i}" for i in range(len(values))] if with_ids else None,
        id_name="" if with_ids else None,
    )
    folder = tmp_path_factory.mktemp("any")
    out = data.save(values, folder / f"a{suffix}", like=like, ids=like.ids)
    again = data.load(out)
    np.testing.assert_array_equal(again.values, values)
    assert again.columns == tuple(names)
    assert again.ids == like.ids


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("", ["a.csv: is empty"]),
        ("x,y\n", ["holds no rows"]),
        ("x,y\n1,2\n", ["holds only one row"]),
        ("1,2\n", ["holds only one row"]),
        ("x,y\n1,2\n3,\n", ['row 3, column "y": missing value']),
        ("x,y\n1,2\nNA,4\n", ['row 3, column "x": missing value']),
        ("x,y\n1,2\n3,nan\n", ['row 3, column "y": missing value']),
        ("1,2\n3,n/a\n", ["row 2, column 2: missing value"]),
        (",2\n3,4\n5,6\n", ["row 1, column 1: missing value"]),
        ("NA,2\n3,4\n5,6\n", ["row 1, column 1: missing value"]),
        ("x,y\n,2\n5,6\n", ['row 2, column "x": missing value']),
        ("1,,3\n4,5,6\n", ["row 1, column 2: missing value"]),
        ("x,y\n1,inf\n3,4\n", ['row 2, column "y": infinite value']),
        ("x,y\n1,1e999\n3,4\n", ['row 2, column "y": infinite value']),
        ("x,y\n1,2\n3,tall\n", ['row 3, column "y": text "tall"']),
        ("x,y\n1,2\ntall,4\n", ['row 3, column "x": text "tall"']),
        ("x,y\ntall,2\n3,4\n", ['row 2, column "x": text "tall"']),
        ("x,y\ntall,2\ntall,4\n", ['row 2, column "x": text "tall"', "labels"]),
        ("x,y\na,2\n,4\n", ['row 3, column "x": missing value']),
        ("x,y\n1,2\n3,1_000\n", ['row 3, column "y": text "1_000"']),
        ('x,y\n1,2\n3,"4,5"\n', ['text "4,5"', "decimals with a point"]),
        ("x,y\n1,2\n3\n", ["row 3 has 1 columns where row 1 has 2"]),
        ("x,y\n1,2\n3,4,5\n", ["row 3 has 3 columns where row 1 has 2"]),
        ("x,y\n1,2\n\n3,4\n", ["row 3 is empty"]),
        ("\n\n1,2\n3,4\n", ["rows 1 to 2 are empty"]),
        ("x,x\n1,2\n3,4\n", ['row 1: several columns are called "x"']),
        ("x,,z\n1,2,3\n3,4,5\n", ["row 1: no name for column 2"]),
        ("x;y\n1;2\n3;4\n", ["separated by semicolons", "save it with commas"]),
        ("x;y\n1,5;2\n3;4\n", ["separated by semicolons"]),
        ("x\ty\n1\t2\n3\t4\n", ["separated by tabs", ".tsv"]),
        ('x,y\n1,2\n3,"4\n', ["row 3", "quotes"]),
        (b"x,y\n1,2\n3,\xff\n", ["is not UTF-8"]),
    ],
)
def test_refused_text(csv, content, parts, refused):
    path = csv(content)
    refused(lambda: data.load(path), str(path), *parts)


def test_commas_in_a_tsv(csv, refused):
    path = csv("x,y\n1,2\n3,4\n", "a.tsv")
    refused(lambda: data.load(path), "separated by commas", ".csv")


def test_nothing_left_but_names(csv, refused):
    path = csv("id,kind\na,u\nb,v\n")
    refused(lambda: data.load(path, label_column="kind"), "no column of numbers left")
    refused(lambda: data.load(csv("k,x\n,1\nu,2\n"), label_column="k"), "row 2", "missing value")


@pytest.mark.parametrize("spoil", [lambda raw: raw[:-12], lambda raw: b"no gzip", lambda raw: b""])
def test_damaged_gz(tmp_path, spoil, refused):
    raw = gzip.compress(b"x,y\n" + b"1,2\n" * 5000)
    path = tmp_path / "a.csv.gz"
    path.write_bytes(spoil(raw))
    refused(lambda: data.load(path), str(path))


def test_categorical_columns_are_warned_of(csv):
    lines = "\n".join(f"{i % 3},{i / 7},{i},1" for i in range(60))
    table = data.load(csv("sex,height,count,one\n" + lines))
    warning, counting = table.warnings
    assert 'column "sex" looks categorical' in warning
    assert "Euclidean" in warning
    assert 'column "count" counts the rows' in counting
    assert "--id-column" in counting
    other = lines.replace("\n1,", "\n2,").replace(",7,1", ",7.5,1")
    assert len(data.load(csv("sex,height,count,one\n" + other)).warnings) == 1
    few = data.load(csv("sex,y\n" + "\n".join(f"{i % 3},{i / 7}" for i in range(49))))
    assert few.warnings == ()


def test_counting_first_row_is_warned_of(csv):
    (warning,) = data.load(csv("who,0,1\na,2,5\nb,4,6\n")).warnings
    assert "row 1, which ends in 1, was read as the names" in warning
    assert "row 1, which ends in 3, was" in data.load(csv("1.5,abc,3\n1,2,3\n4,5,6\n")).warnings[0]
    assert "row 1 is 0 to 2" in data.load(csv("0,1,2\n1.5,2,3\n")).warnings[0]
