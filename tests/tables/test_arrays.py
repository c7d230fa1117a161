"""npy and npz: round trips, and nothing pickled or damaged."""

import numpy as np
import pytest
import scipy.sparse

from gparticles import data
from gparticles.tables.arrays import MAX_ENTRIES


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(5, 2), (5, 4, 4), (5, 4, 4, 3)])
def test_arrays_round_trip(tmp_path, suffix, dtype, shape):
    values = np.random.default_rng(0).normal(size=shape).astype(dtype)
    path = tmp_path / f"a{suffix}"
    if suffix == ".npy":
        np.save(path, values)
    else:
        np.savez(path, values=values, y=np.arange(5), ids=np.array(list("abcde")))
    table = data.load(path)
    np.testing.assert_array_equal(table.values, values)
    assert table.values.dtype == dtype
    assert (table.kind, table.columns) == (suffix[1:], None)
    moved = table.values.astype(np.float32).reshape(5, -1) / 2
    out = data.save(moved, tmp_path / "b", like=table, ids=table.ids, labels=table.labels)
    again = data.load(out)
    np.testing.assert_array_equal(again.values, moved.astype(dtype).reshape(shape))
    assert again.values.dtype == dtype
    assert again.ids == table.ids
    assert again.value_name == table.value_name
    if suffix == ".npz":
        assert again.labels is not None
        assert again.labels.tolist() == list(range(5))
        assert again.label_name == "y"
        assert again.ids == list("abcde")


def test_integers_become_float64_and_float16_does_not_overflow(tmp_path, rows):
    np.save(tmp_path / "a.npy", np.arange(6).reshape(3, 2))
    assert data.load(tmp_path / "a.npy").values.dtype == np.float64
    np.save(tmp_path / "h.npy", rows(3, 2, np.float16))
    like = data.load(tmp_path / "h.npy")
    out = data.save(np.full((2, 2), 1e6, np.float32), tmp_path / "b.npy", like=like)
    assert data.load(out).values.tolist() == [[1e6, 1e6]] * 2


def test_npz_picks_its_array(tmp_path, refused, rows):
    path = tmp_path / "a.npz"
    np.savez(path, cells=rows(), weight=np.ones(6))
    table = data.load(path)
    assert table.value_name == "cells"
    assert "not read from" in table.warnings[0]
    np.savez(path, a=rows(), b=rows(), labels=np.arange(6))
    refused(lambda: data.load(path), 'several arrays: "a", "b"', "X")
    np.savez(path, a=np.ones(3))
    refused(lambda: data.load(path), "no array of rows")
    np.savez(path, X=rows(), group=np.array(list("ababab")))
    table = data.load(path, label_column="group")
    assert table.labels is not None
    assert table.labels.tolist() == list("ababab")
    refused(lambda: data.load(path, label_column="z"), "no array called 'z'")


@pytest.mark.parametrize(
    ("array", "parts"),
    [
        (np.array([[1, "a"]], dtype=object), ["Python objects", "pickles are never read"]),
        (np.array([["a", "b"], ["c", "d"]]), ["not numbers"]),
        (np.ones((3, 2)) * 1j, ["not numbers"]),
        (np.array(3.0), ["has shape ()"]),
        (np.ones(3), ["has shape (3,)", "reshape"]),
        (np.ones((2, 2, 2, 2, 2)), ["has shape"]),
        (np.ones((3, 0)), ["at least one number"]),
        (np.ones((0, 3)), ["no rows"]),
        (np.ones((1, 3)), ["only one row"]),
        (np.array([[1, 2], [3, np.nan]]), ["row 2, column 2: missing value"]),
        (np.array([[1, -np.inf], [3, 1]]), ["row 1, column 2: infinite value"]),
        (np.full((2, 2, 2), np.nan), ["row 1, pixel (1, 1): missing value"]),
    ],
)
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_refused_arrays(tmp_path, array, parts, suffix, refused):
    path = tmp_path / f"a{suffix}"
    if suffix == ".npy":
        np.save(path, array)
    else:
        np.savez(path, X=array)
    refused(lambda: data.load(path), str(path), *parts)


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_damaged_arrays(tmp_path, name, refused, rows):
    path = tmp_path / name
    (np.save if name == "a.npy" else np.savez)(path, rows(1000))
    raw = path.read_bytes()
    for spoiled in (raw[: len(raw) // 2], b"", b"garbage", b"\x80\x04K\x01.", raw[:20]):
        path.write_bytes(spoiled)
        refused(lambda: data.load(path), str(path))
    if name == "a.npz":
        path.write_bytes(raw[:2000] + b"\xff" * 50 + raw[2050:])
        refused(lambda: data.load(path), "damaged")


def test_labels_that_do_not_fit(tmp_path, refused, rows):
    path = tmp_path / "a.npz"
    np.savez(path, X=rows(6), labels=np.arange(5))
    refused(lambda: data.load(path), "6 rows but labels of shape (5,)")
    np.savez(path, X=rows(6), labels=np.arange(6) + 0.5)
    refused(lambda: data.load(path), "labels are float64")
    np.savez(path, X=rows(6), ids=np.arange(5))
    refused(lambda: data.load(path), "6 rows but 5 identifiers")
    np.save(tmp_path / "a.npy", rows())
    refused(lambda: data.load(tmp_path / "a.npy", label_column="y"), "no named columns")


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "bsr", "dia", "csr_array"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.bool_])
def test_sparse_matrices_are_read_as_what_they_are(tmp_path, kind, dtype):
    dense = np.round(np.random.default_rng(0).normal(size=(6, 4))).astype(dtype)
    matrix = (
        scipy.sparse.csr_array(dense) if kind == "csr_array" else scipy.sparse.csr_matrix(dense)
    )
    scipy.sparse.save_npz(tmp_path / "a.npz", matrix.asformat(kind[:3]))
    table = data.load(tmp_path / "a.npz")
    np.testing.assert_array_equal(table.values, dense)
    out = data.save(table.values, tmp_path / "b", like=table)
    np.testing.assert_array_equal(data.load(out).values, dense)


def test_sparse_matrices_that_are_refused(tmp_path, refused):
    path = tmp_path / "a.npz"
    scipy.sparse.save_npz(path, scipy.sparse.coo_matrix((2**16, 2**14)))
    refused(lambda: data.load(path), "65536 x 16384", f"at most {MAX_ENTRIES} entries")
    parts = {"format": b"csr", "shape": (3, 4), "data": np.ones(3), "indptr": [0, 1, 2, 3]}
    for spoilt in (
        parts | {"indices": [0, 1, 2**20]},
        parts | {"indices": [0, -1, 1]},
        parts | {"indices": [0, 1, 2], "indptr": [0, 1, 2, 300]},
        parts,
        parts | {"format": b"odd", "indices": [0, 1, 2]},
    ):
        np.savez(path, **spoilt)
        refused(lambda: data.load(path), "is damaged", "save it again with scipy")
    np.savez(path, **(parts | {"shape": (3, 4, 5), "indices": [0, 1, 2]}))
    refused(lambda: data.load(path), "shape (3, 4, 5)")


def test_npz_of_several_arrays_needs_the_one_that_is_meant(tmp_path, refused, rows):
    path = tmp_path / "a.npz"
    for arrays in (
        {"values": rows(), "data": rows()},
        {"a": rows(), "b": rows()},
        {"spliced": rows(), "unspliced": rows(6, 2), "ids": np.arange(6)},
    ):
        np.savez(path, **arrays)
        refused(lambda: data.load(path), "several arrays", "call the one that is meant X")
        first = next(iter(arrays))
        np.savez(path, **{"X" if name == first else name: a for name, a in arrays.items()})
        assert data.load(path).value_name == "X"
    # what has no rows is not meant
    np.savez(path, data=np.ones(6), cells=rows())
    assert data.load(path).value_name == "cells"
    # what names the columns of a matrix that scipy did not write is no matrix
    np.savez(path, data=np.ones(3), indices=np.arange(3), indptr=np.arange(4))
    refused(lambda: data.load(path), "has shape (3,)", "reshape")
