"""Simple ways to new rows do what their names say."""

import numpy as np
import pytest

import gparticles as gpa
from gparticles.choosing.simple import SIMPLE


@pytest.fixture(scope="module")
def rows():
    generator = np.random.default_rng(0)
    first = generator.normal(size=80)
    return np.column_stack([first, 2 * first, generator.integers(3, size=80)])


@pytest.mark.parametrize("name", SIMPLE)
def test_new_rows_have_the_law_of_the_rows(rows, name):
    new = SIMPLE[name](rows, 3000, seed=1)
    assert new.shape == (3000, 3)
    assert np.allclose(new.mean(axis=0), rows.mean(axis=0), atol=0.1)
    assert abs(np.corrcoef(new[:, 0], new[:, 1])[0, 1]) > 0.8
    assert np.array_equal(new, SIMPLE[name](rows, 3000, seed=1))


@pytest.mark.parametrize("name", SIMPLE)
def test_rows_of_a_simple_way_are_like_those_of_the_table(name, refused):
    pandas = pytest.importorskip("pandas")
    generator = np.random.default_rng(0)
    size = generator.integers(20, 90, size=50)
    frame = pandas.DataFrame({"size": size, "kind": np.where(size > 50, "big", "small")})
    new = gpa.simple_rows(frame, 30, way=name, columns={"kind": "label"})
    assert new.dtypes.equals(frame.dtypes)
    assert len(new) == 30
    assert set(new["kind"]) == {"big", "small"}
    refused(lambda: gpa.simple_rows(frame, 3, way="KDE"), "'KDE'", "use one of", "'CART'")


def test_trees_make_only_values_that_occur(rows):
    new = SIMPLE["CART"](rows, 200, seed=0)
    for column in range(3):
        assert np.isin(new[:, column], rows[:, column]).all()


def test_smote_stays_between_two_rows(rows):
    new = SIMPLE["SMOTE"](rows, 200, seed=0)
    assert np.allclose(new[:, 1], 2 * new[:, 0])
    assert (new >= rows.min(axis=0)).all()
    assert (new <= rows.max(axis=0)).all()
    assert SIMPLE["SMOTE"](rows[:2], 5, seed=0).shape == (5, 3)
