"""Paths, kinds, saving whole or not at all, and columns of two tables."""

import os
import subprocess
import sys

import numpy as np
import pytest

from gparticles import data
from gparticles.tables.files import SUFFIXES


def test_import_is_light():
    code = (
        "import sys, gparticles.data; "
        "print([m for m in ('sklearn', 'pandas', 'PIL', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("a.txt", "save it with commas as .csv"),
        ("a.xlsx", "export the sheet as csv"),
        ("a.pkl", "pickles are never read"),
        ("a.png", "into a folder"),
        ("a.gz", "name it .csv.gz"),
        ("a.foo", "use one of .csv.gz"),
        ("a", "has no ending"),
    ],
)
def test_unknown_kinds(tmp_path, name, part, refused):
    (tmp_path / name).write_text("1,2\n")
    refused(lambda: data.load(tmp_path / name), str(tmp_path / name), part)


def test_every_kind_of_file_is_known():
    assert set(SUFFIXES.values()) == {
        *("csv", "tsv", "csv.gz", "tsv.gz", "npy", "npz", "parquet", "images")
    }
    assert data.kind_of("A.CSV") == "csv"


def test_absent_and_unreadable(tmp_path, csv, monkeypatch, refused):
    refused(lambda: data.load(tmp_path / "no.csv"), "there is no such file")
    path = csv("1,2\n3,4\n")

    def denied(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", denied)
    refused(lambda: data.load(path), "Permission denied")


def test_save_follows_the_ending_else_the_kind(csv, tmp_path, refused):
    like = data.load(csv("x,y\n1,2\n3,4\n"))
    assert data.save(like.values, tmp_path / "o.npy", like=like).name == "o.npy"
    assert data.save(like.values, tmp_path / "run.2", like=like).name == "run.2.csv"
    refused(lambda: data.save(like.values, tmp_path / "o.txt", like=like), "are not written")
    refused(lambda: data.save(like.values, tmp_path / "o.zip", like=like), "no images")
    images = data.from_array(np.zeros((3, 4, 4)))
    refused(lambda: data.save(images.values, tmp_path / "o.csv", like=images), "are images")


def test_save_refuses_what_does_not_fit(csv, tmp_path, refused):
    like = data.load(csv("x,y\n1,2\n3,4\n"))
    out = tmp_path / "o.csv"
    refused(lambda: data.save(np.ones((2, 3)), out, like=like), "shape (2, 3)")
    refused(lambda: data.save([[1, np.nan]], out, like=like), "not all finite")
    refused(lambda: data.save([[1, 2]], out, like=like, ids=["a", "b"]), "2 identifiers")
    refused(lambda: data.save([[1, 2]], out, like=like, labels=[1, 2]), "2 labels")
    refused(lambda: data.save([[1, 2]], tmp_path / "no" / "o.csv", like=like), "cannot be written")
    assert not out.exists()


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".npy", ".npz", ".parquet"])
def test_failed_save_leaves_the_old_file(tmp_path, csv, monkeypatch, suffix, refused):
    like = data.load(csv("x,y\n1,2\n3,4\n"))
    out = data.save(like.values, tmp_path / f"o{suffix}", like=like)
    before = out.read_bytes()

    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    refused(lambda: data.save(like.values + 1, out, like=like), "No space left on device")
    assert out.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["a.csv", out.name])


def test_same_columns(csv, refused):
    one = data.load(csv("x,y\n1,2\n3,4\n", "one.csv"))
    data.check_same_columns(one, one)
    bare = data.load(csv("1,2\n3,4\n", "bare.csv"))
    data.check_same_columns(one, bare)
    swapped = data.load(csv("y,x\n1,2\n3,4\n", "swapped.csv"))
    refused(lambda: data.check_same_columns(one, swapped), 'column 1 is "x" and "y"')
    more = data.load(csv("x,y,z\n1,2,3\n3,4,5\n", "more.csv"))
    message = refused(lambda: data.check_same_columns(one, more), 'no column "z"')
    assert message.index("one.csv") < message.index("more.csv")
    message = refused(lambda: data.check_same_columns(more, one), 'no column "z"')
    assert message.index("one.csv") < message.index("more.csv")
    wide = data.load(csv("1,2,3\n3,4,5\n", "wide.csv"))
    refused(lambda: data.check_same_columns(bare, wide), "2 and 3 columns")
    images = data.from_array(np.zeros((3, 4, 4)))
    other = data.from_array(np.zeros((3, 5, 5)))
    refused(lambda: data.check_same_columns(images, other), "(4, 4) and (5, 5)")
    refused(lambda: data.check_same_columns(images, bare), "(4, 4) and (2,)")


STRANGE = os.fsdecode(b"few\xff")


@pytest.mark.parametrize("suffix", [".csv", ".npy", ".npz", ".parquet", "", ".zip"])
def test_names_that_are_not_utf8_are_text(tmp_path, suffix, refused, pandas):
    path = tmp_path / f"{STRANGE}{suffix}"
    frame = pandas.DataFrame({"x": [1.0, 2.5], "y": [3.0, 4.0]})
    like = data.from_frame(frame)
    if suffix in ("", ".zip"):
        pixels = np.zeros((2, 3, 3), np.float32)
        table = data.Table(values=pixels, kind="images")
        written = data.save(pixels, path, like=table, labels=[STRANGE, "b"])
        if suffix == "":
            (path / "few-udcff").rename(path / STRANGE)
    else:
        written = data.save(like.values, path, like=like)
    table = data.load(written)
    assert len(table) == 2
    texts = [table.name, *table.warnings, *(table.ids or ())]
    if table.labels is not None:
        texts += table.labels.tolist()
    for text in texts:
        text.encode()  # as a terminal and a page do
    again = data.save(table.values, tmp_path / "again", like=table, labels=table.labels)
    assert len(data.load(again)) == 2
    message = refused(lambda: data.load(path.with_name(f"{STRANGE}.foo")), "no such file")
    message.encode()


def test_text_that_no_file_can_hold_is_escaped(tmp_path, csv):
    like = data.load(csv("id,x\na,1\nb,2\n"))
    for suffix in (".csv", ".csv.gz"):
        out = data.save(like.values, tmp_path / f"o{suffix}", like=like, ids=["a\ud800", "b"])
        assert data.load(out).ids == ["a\\ud800", "b"]
