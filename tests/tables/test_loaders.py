"""Users' own loaders."""

import sys

import pytest

from gparticles import data

CODE = """
import numpy as np
from gparticles.data import from_array
from helper_beside import SIZE
def array(): return np.ones((SIZE, 2)) * [[1], [2], [3]]
def labelled(): return array(), [0, 1, 0]
def table(): return from_array(array(), name="mine")
def frame():
    import pandas
    return pandas.DataFrame({"x": [1.0, 2.0]})
def nothing(): pass
def spoiled(): return [[1.0, float("nan")], [1, 2]]
def ragged(): return [[1.0], [1, 2]]
def broken(): raise RuntimeError("two\\nlines")
number = 3
"""


@pytest.fixture
def user(tmp_path):
    (tmp_path / "mine.py").write_text(CODE)
    (tmp_path / "helper_beside.py").write_text("SIZE = 3\n")
    yield tmp_path
    for name in ("mine", "helper_beside", "_gparticles_custom_mine"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("place", ["mine.py", "mine"])
def test_custom_loaders(user, place):
    path = list(sys.path)
    table = data.load_custom(f"{place}:array", search_path=user)
    assert table.values.tolist() == [[1, 1], [2, 2], [3, 3]]
    labelled = data.load_custom(f"{place}:labelled", search_path=user)
    assert labelled.labels is not None
    assert labelled.labels.tolist() == [0, 1, 0]
    assert data.load_custom(f"{place}:table", search_path=user).name == "mine"
    assert data.load_custom(f"{place}:frame", search_path=user).columns == ("x",)
    assert sys.path == path


@pytest.mark.parametrize(
    ("spec", "parts"),
    [
        ("mine.py", ["names no function"]),
        ("mine.py:", ["names no function"]),
        ("gone.py:f", ["there is no file"]),
        ("gone_module:f", ["there is no module gone_module"]),
        ("gone.module:f", ["there is no module gone.module"]),
        ("mine.py:f", ["there is no f in it"]),
        ("mine.py:number", ["not a function"]),
        ("mine.py:nothing", ["returned nothing"]),
        ("mine.py:spoiled", ["row 1, column 2: missing value"]),
        ("mine.py:ragged", ["different length"]),
        ("mine.py:broken", ["RuntimeError: two lines"]),
        ("wrong.py:f", ["SyntaxError"]),
        ("needs:f", ["ModuleNotFoundError", "not_installed_here"]),
    ],
)
def test_refused_custom_loaders(user, spec, parts, refused):
    (user / "wrong.py").write_text("def f(:\n")
    (user / "needs.py").write_text("import not_installed_here\n")
    refused(lambda: data.load_custom(spec, search_path=user), spec, *parts)
