"""A folder of colour images of one's own, by the command and recipe of the digits."""

import json

import numpy as np
import pytest

from gparticles.experiment import inputs
from gparticles.experiment.preview import PREVIEW
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


@pytest.fixture(scope="module")
def ellipses(tmp_path_factory):
    """A folder of small images of two classes."""
    generator = np.random.default_rng(0)
    y, x = np.indices((16, 16)) - 7.5
    sizes = generator.uniform(3, 7, (12, 2, 1, 1))
    images = (np.hypot(y / sizes[:, 0], x / sizes[:, 1]) < 1).astype(np.float32)
    labels = np.array(["cat", "dog"] * 6)
    folder = tmp_path_factory.mktemp("images")
    like = Table(values=images, labels=labels, kind="images", name="mine")
    save(images, folder / "mine", like=like, labels=labels)
    return folder


def test_new_images_of_a_folder_are_deformations(gpa, ellipses, tmp_path, monkeypatch):
    out, read = tmp_path / "out", []
    monkeypatch.setattr(inputs, "load", lambda path, **k: read.append(path) or load(path, **k))
    status, shown, err = gpa("run", "--target", ellipses / "mine", "-n", "20", "--out", out)
    assert status == 0, err
    assert "deformations" in shown + err
    assert "--validation 0.2 holds a fifth" in err
    assert len(read) == 1
    assert all(path.name in shown for path in (out / "figures").glob("*.png"))
    assert not (out / PREVIEW).exists()
    ended = json.loads((out / "metrics.json").read_text())["divergence"]["value"]
    assert f"to {ended:.4g} nats" in (out / "report.html").read_text()
    made = load(out / "particles")
    assert made.values.shape == (20, 16, 16)
    assert sorted(made.labels.tolist()) == ["cat"] * 10 + ["dog"] * 10
    assert (out / "report.html").exists()
    assert gpa("sample", out, "-n", "6", "-o", tmp_path / "more")[0] == 0
    more = load(tmp_path / "more")
    assert sorted(more.labels.tolist()) == ["cat"] * 3 + ["dog"] * 3
    assert not any((image == made.values).all(axis=(1, 2)).any() for image in more.values)
    status, _, err = gpa("transform", out, ellipses / "mine", "-o", tmp_path / "moved")
    assert status == 2
    assert "gpa sample" in err
    assert gpa("report", out)[0] == 0
    status, shown, err = gpa("evaluate", out, "--held-out", ellipses / "mine")
    assert status == 0, err


def test_a_source_of_ones_own_is_refused(gpa, ellipses, tmp_path):
    settings = ["--set", "latent.codec=deformations", "--noise", "uniform"]
    status, _, err = gpa("run", "--target", ellipses / "mine", *settings, "--out", tmp_path / "out")
    assert status == 2
    assert "leave source out" in err
