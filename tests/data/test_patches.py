"""Tiles of scikit-learn's photographs: they are cut where they should be and never shared."""

import numpy as np
import pytest
from sklearn.datasets import load_sample_images

from gparticles import data
from gparticles.errors import InputError


def test_tiles_are_pieces_of_the_photographs_and_none_is_on_both_sides():
    images, labels, held_out, held_out_labels = data.patches_split(side=64, seed=3)
    photographs = [p / np.float32(255) for p in load_sample_images().images]
    known = {
        (p[y : y + 64, x : x + 64].astype(np.float32).tobytes(), k)
        for k, p in enumerate(photographs)
        for y in range(0, 427 - 63, 64)
        for x in range(0, 640 - 63, 64)
    }
    picked, rest = (
        {(tile.tobytes(), int(k)) for tile, k in zip(tiles, kinds, strict=True)}
        for tiles, kinds in ((images, labels), (held_out, held_out_labels))
    )
    assert picked | rest == known
    assert not picked & rest
    assert len(rest) == 2 * (60 // 5)


def test_picks_are_balanced_and_held_out_tiles_stay():
    images, labels, held_out, kinds = data.patches_split(201, seed=1)
    assert images.shape == (201, 32, 32, 3)
    assert images.dtype == np.float32
    assert 0 <= images.min() <= images.max() <= 1
    assert sorted(np.bincount(labels).tolist()) == [100, 101]
    assert kinds[:4].tolist() == [0, 1, 1, 0]
    np.testing.assert_array_equal(held_out, data.patches_split(per_class=2, seed=9)[2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 417}, "ask for at most 416"),
        ({"n": 4, "per_class": 2}, "not both"),
        ({"n": 4, "side": 0}, "side is 0"),
        ({"n": 4, "side": 300}, "fewer than five tiles"),
    ],
)
def test_refusals(options, message):
    with pytest.raises(InputError, match=message):
        data.patches(**options)
