"""Files of which rows are drawn: which rows come, when, and what is refused."""

import numpy as np
import pandas
import pytest

from gparticles.tables import large
from gparticles.tables.large import FileRows, memory_needed

VALUES = np.random.default_rng(0).normal(size=(900, 3))
SETTINGS = {"rows": 40, "aside": 30, "seed": 5}


def written(path, values=VALUES):
    """The same rows as an npy, as a parquet of 9 row groups, or as a folder of its parts."""
    frame = pandas.DataFrame(values, columns=list("abc"))
    frame.insert(0, "sample", [f"s{i}" for i in range(len(frame))])
    if path.suffix == ".npy":
        np.save(path, values)
    elif path.suffix == ".parquet":
        frame.to_parquet(path, row_group_size=100)
    else:
        for part in range(3):
            folder = path / f"part={part}"
            folder.mkdir(parents=True, exist_ok=True)
            rows = frame.iloc[300 * part : 300 * (part + 1)]
            rows.to_parquet(folder / "rows.parquet", row_group_size=100, index=False)
    return path


def positions(rows):
    """Where among ``VALUES`` these rows are."""
    at = {row.tobytes(): number for number, row in enumerate(VALUES)}
    return [at[row.tobytes()] for row in np.ascontiguousarray(rows[:, :3])]


@pytest.mark.parametrize("name", ["rows.npy", "rows.parquet", "rows"])
def test_parts_are_random_rows_that_depend_on_their_number_alone(name, tmp_path, monkeypatch):
    # less is read ahead than the file has
    monkeypatch.setattr(large, "GROUPS", 3)
    drawn, again = (FileRows(written(tmp_path / name), **SETTINGS) for _ in range(2))
    parts = [drawn.part(number) for number in range(300)]
    for number in (77, 3, 0):
        np.testing.assert_array_equal(again.part(number), parts[number])
    numbers = [positions(part) for part in parts]
    assert all(len(part) == 40 == len(set(part)) for part in numbers)
    aside = positions(drawn.held_out)
    assert len(aside) == 30
    # in time every row comes, but for those kept aside
    assert {n for part in numbers for n in part} == {*range(900)} - {*aside}
    counts = np.bincount(np.concatenate(numbers), minlength=900)
    assert counts.max() < 40
    np.testing.assert_array_equal(drawn.ends[:, :3], [VALUES.min(axis=0), VALUES.max(axis=0)])
    assert drawn.count == 900
    assert drawn.identity == again.identity
    assert drawn.among(drawn.held_out) == 30
    assert drawn.among(drawn.held_out + 1e-9) == 0


def test_other_rows_are_told_apart(tmp_path):
    path = written(tmp_path / "rows.npy")
    before = FileRows(path, **SETTINGS)
    other = VALUES.copy()
    other[700, 1] += 1e-12
    assert FileRows(written(path, other), **SETTINGS).identity != before.identity
    np.save(path, VALUES[:100])
    with pytest.raises(ValueError, match="changed while it was read"):
        before.part(2)


@pytest.mark.parametrize("name", ["rows.npy", "rows.parquet"])
def test_what_is_wrong_in_a_late_block_is_told_with_its_row(name, tmp_path, refused, monkeypatch):
    blocks = large.read_blocks
    monkeypatch.setattr(large, "read_blocks", lambda path, **more: blocks(path, rows=200, **more))
    broken = VALUES.copy()
    broken[650, 1] = np.nan
    path = written(tmp_path / name, broken)
    refused(lambda: FileRows(path, **SETTINGS), "row 651", "missing value", "fill it in")


def test_files_that_cannot_be_drawn_from(tmp_path, refused):
    text = tmp_path / "text.parquet"
    frame = pandas.DataFrame({"a": [1.0, 2.0, 3.0], "b": ["x", "x", "z"]})
    frame.to_parquet(text)
    refused(lambda: FileRows(text), '"x" among numbers', "remove it")
    frame[:0].to_parquet(text)
    refused(lambda: FileRows(text), "holds no rows")
    np.save(tmp_path / "one.npy", np.zeros((0, 3)))
    refused(lambda: FileRows(tmp_path / "one.npy"), "holds no rows")
    np.save(tmp_path / "turned.npy", np.asfortranarray(VALUES))
    refused(lambda: FileRows(tmp_path / "turned.npy"), "ascontiguousarray")
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n3,4\n")
    refused(lambda: FileRows(tmp_path / "rows.csv"), "convert it to parquet")
    refused(lambda: FileRows(written(tmp_path / "few.npy", VALUES[:9]), aside=8), "give more")


def test_memory_is_estimated_before_anything_is_read(tmp_path):
    assert memory_needed(written(tmp_path / "rows.npy")) == VALUES.nbytes
    assert memory_needed(written(tmp_path / "rows.parquet")) == 900 * 4 * 8
    pandas.DataFrame(VALUES).to_csv(tmp_path / "rows.csv", index=False)
    assert abs(memory_needed(tmp_path / "rows.csv") / VALUES.nbytes - 1) < 0.1
