"""Tables read and written in blocks: the same as all at once."""

import numpy as np
import pytest

import gparticles
from gparticles.tables import load, save
from gparticles.tables.streams import KINDS, is_streamed, read_blocks, written
from gparticles.tables.table import Table, from_array

GENERATOR = np.random.default_rng(0)
VALUES = GENERATOR.normal(size=(23, 3)).astype(np.float32)
NAMED = Table(
    values=VALUES,
    columns=("a", "b", "c"),
    ids=[f"row {i}" for i in range(23)],
    id_name="id",
    labels=np.array(["x", "y"])[np.arange(23) % 2],
    label_name="kind",
    kind="csv",
    header=True,
)
PLAIN = from_array(VALUES)


def table_for(kind):
    return PLAIN if kind == "npy" else NAMED


def names_for(kind):
    return {} if kind == "npy" else {"label_column": "kind"}


def saved(folder, kind):
    table = table_for(kind)
    return save(VALUES, folder / f"all.{kind}", like=table, ids=table.ids, labels=table.labels)


@pytest.mark.parametrize("rows", [2, 7, 11, 22, 23, 100])
@pytest.mark.parametrize("kind", KINDS)
def test_blocks_are_the_rows_of_the_whole(kind, rows, tmp_path):
    path, names = saved(tmp_path, kind), names_for(kind)
    assert is_streamed(path)
    whole, blocks = load(path, **names), list(read_blocks(path, rows=rows, **names))
    np.testing.assert_array_equal(np.concatenate([b.values for b in blocks]), whole.values)
    assert [len(b) for b in blocks[:-1]] == [rows] * (len(blocks) - 1)
    if kind != "npy":
        assert [i for b in blocks for i in b.ids] == whole.ids
        assert np.concatenate([b.labels for b in blocks]).tolist() == whole.labels.tolist()
        assert {b.columns for b in blocks} == {whole.columns}


@pytest.mark.parametrize("kind", [*KINDS, "npz"])
def test_what_is_written_in_blocks_is_what_is_written_at_once(kind, tmp_path):
    whole, table = saved(tmp_path, kind), table_for(kind)
    with written(tmp_path / f"blocks.{kind}", table) as (path, write):
        for start in range(0, 23, 5):
            part = slice(start, start + 5)
            ids = None if table.ids is None else table.ids[part]
            write(VALUES[part], ids, None if table.labels is None else table.labels[part])
        assert not path.exists()
    if kind == "parquet":
        names = names_for(kind)
        again, once = load(path, **names), load(whole, **names)
        np.testing.assert_array_equal(again.values, once.values)
        assert (again.ids, again.columns) == (once.ids, once.columns)
    else:
        assert path.read_bytes() == whole.read_bytes()


def test_nothing_is_left_of_what_breaks_off(tmp_path):
    def broken():
        with written(tmp_path / "new.csv", NAMED) as (_, write):
            write(VALUES[:5], NAMED.ids[:5], NAMED.labels[:5])
            write(VALUES[5:, :2], NAMED.ids[5:], NAMED.labels[5:])

    with pytest.raises(gparticles.InputError):
        broken()
    assert not list(tmp_path.iterdir())


def test_parts_of_a_parquet_are_one_table(tmp_path):
    for name, part in (("one", slice(0, 10)), ("two", slice(10, 23))):
        folder = tmp_path / f"group={name}"
        folder.mkdir()
        save(VALUES[part], folder / "rows.parquet", like=NAMED, ids=NAMED.ids[part])
    whole = load(tmp_path, label_column="group")
    blocks = list(read_blocks(tmp_path, rows=4, label_column="group"))
    assert [len(b) for b in blocks] == [4, 4, 4, 4, 4, 3]
    np.testing.assert_array_equal(np.concatenate([b.values for b in blocks]), whole.values)
    assert np.concatenate([b.labels for b in blocks]).tolist() == whole.labels.tolist()


def test_what_is_wrong_is_told_with_its_row(refused, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n" + "1,2\n" * 9 + "1,x\n")
    refused(lambda: list(read_blocks(path, rows=3)), "row 11", "text")
    path.write_text("a,b\n1,2\n")
    refused(lambda: list(read_blocks(path, rows=3)), "only one row")
    (tmp_path / "odd.npy").write_bytes(b"odd")
    refused(lambda: list(read_blocks(tmp_path / "odd.npy")), "damaged, or a pickle")
    (tmp_path / "odd.parquet").write_bytes(b"odd")
    refused(lambda: list(read_blocks(tmp_path / "odd.parquet")), "is damaged")
