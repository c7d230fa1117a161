"""Margins: what is made gets the distribution of each real column, and keeps its order."""

import numpy as np

from gparticles.tables.margins import Margins

GENERATOR = np.random.default_rng(0)
REAL = np.column_stack([GENERATOR.normal(2, 3, 80), np.arange(80) < 20])
MADE = np.column_stack([GENERATOR.normal(size=1000), GENERATOR.normal(size=1000)])


def test_made_points_get_the_real_margins():
    margins = Margins.fit(MADE, REAL)
    quantiles = np.quantile(MADE, (np.arange(80) + 0.5) / 80, axis=0)
    np.testing.assert_allclose(margins.apply(quantiles)[:, 0], np.sort(REAL[:, 0]))
    new = margins.apply(MADE)
    assert (new[:, 1] > 0.5).mean() == 0.25
    assert (np.argsort(new, axis=0) == np.argsort(MADE, axis=0)).all()


def test_beyond_the_outermost_points_the_map_goes_on():
    far = np.array([[-9.0, 0.0], [9.0, 0.0]])
    new = Margins.fit(MADE, REAL).apply(far)
    edge = Margins.fit(MADE, REAL).apply(np.array([[-8.0, 0.0], [8.0, 0.0]]))
    np.testing.assert_allclose(edge[:, 0] - new[:, 0], [1.0, -1.0])
