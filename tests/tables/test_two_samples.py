"""Two files whose points are compared, and what is said of their columns."""

import numpy as np
import pytest

from gparticles.tables.two_samples import read_two_samples


@pytest.mark.parametrize("constant", [3.7, 0.1, 4.0])
def test_a_constant_is_no_column_that_hardly_counts(tmp_path, rows, constant):
    for name in "pq":
        values = np.column_stack([rows(7, 2), np.full(7, constant)])
        values[::2, 2] = np.nextafter(constant, 9)
        np.save(tmp_path / f"{name}.npy", values)
    assert read_two_samples((tmp_path / "p.npy", tmp_path / "q.npy")).warnings == ()
    np.save(tmp_path / "q.npy", values * [1, 100, 1])
    (line,) = read_two_samples((tmp_path / "p.npy", tmp_path / "q.npy")).warnings
    assert line.startswith("column 2 spreads")
