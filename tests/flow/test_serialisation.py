"""What is described in JSON comes back, arrays of text among it."""

import json

import numpy as np
import pytest

from gparticles.flow.saving import read_record, write_record
from gparticles.flow.serialisation import decode, encode


def test_arrays_and_text_come_back():
    value = (np.arange(3.0), np.array(["pos", "neg\u00e9"]), np.float32(2), None, float("inf"))
    arrays = {}
    described = json.loads(json.dumps(encode(value, arrays)))
    assert all(array.dtype.kind == "f" for array in arrays.values())
    numbers, text, *others = decode(described, arrays)
    np.testing.assert_array_equal(numbers, value[0])
    assert text.dtype.kind == "U"
    np.testing.assert_array_equal(text, value[1])
    assert others == [2, None, float("inf")]


RECORD = {"step": 3, "of": (1, 2.5, None), "nan": float("nan"), 4: {"name": "caf\u00e9 \ud800"}}


def test_records_come_back_and_may_be_laid_out_otherwise(tmp_path):
    path = tmp_path / "a.json"
    write_record(path, RECORD)
    record = read_record(path)
    assert record["of"] == [1, 2.5, None]
    assert record["4"] == {"name": "caf\u00e9 \ud800"}
    path.write_text(json.dumps(json.loads(path.read_text())))
    assert str(read_record(path)) == str(record)
    # as an earlier version wrote it
    path.write_text('{"schema": 1, "step": 3}')
    assert read_record(path) == {"schema": 1, "step": 3}


@pytest.mark.parametrize(
    ("key", "value"),
    [("step", -3), ("step", None), ("new", 1), ("of", [1, 2.5]), ("digest", 3), ("4", "x" * 99)],
)
def test_a_changed_record_is_refused(key, value, tmp_path, refused):
    path = tmp_path / "a.json"
    write_record(path, RECORD)
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    refused(lambda: read_record(path), "a.json", "damaged or changed", "restore it")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        '{"a":' * 100_000,
        "[1]",
        "3",
        '{"schema": true}',
        '{"schema": -1}',
        '{"schema": 0}',
        '{"schema": 1.5}',
        '{"schema": "1"}',
        '{"schema": 1' + "0" * 50_000 + "}",
        b"\xff\xfe{",
    ],
)
def test_a_damaged_record_is_refused(text, tmp_path, refused):
    path = tmp_path / "a.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    refused(lambda: read_record(path), "a.json", "damaged")


def test_a_later_schema_asks_for_an_update(tmp_path, refused):
    (tmp_path / "a.json").write_text('{"schema": 99}')
    refused(lambda: read_record(tmp_path / "a.json"), "newer gparticles", "update")
