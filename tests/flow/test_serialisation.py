"""What is described in JSON comes back, arrays of text among it."""

import json

import numpy as np

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
