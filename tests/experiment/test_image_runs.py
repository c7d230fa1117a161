"""A folder of colour images of one's own, by the command and recipe of the digits."""

import numpy as np

from gparticles.tables import Table, load, save


def test_a_folder_takes_the_place_of_the_digits(gpa, tmp_path):
    generator = np.random.default_rng(0)
    labels = np.array(["cat", "dog"] * 4)
    images = generator.random((8, 6, 5, 3)).astype(np.float32)
    like = Table(values=images, labels=labels, kind="images", name="mine")
    save(images, tmp_path / "mine", like=like, labels=labels)
    settings = "--set steps=2 --set potential.width=4 --set source=projected-logistic"
    status, _, err = gpa(*f"run mnist --target mine -n 6 --out out {settings}".split())
    assert status == 0, err
    made = load(next((tmp_path / "out").glob("particles*")))
    assert made.values.shape == (6, 6, 5, 3)
    assert sorted(made.labels.tolist()) == ["cat"] * 3 + ["dog"] * 3
    assert 0 <= made.values.min() <= made.values.max() <= 1
