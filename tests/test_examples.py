"""The examples of the gallery run as they stand, and show what they say they show."""

import re
import runpy
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

# they compile and train
pytestmark = pytest.mark.slow

GALLERY = Path(__file__).parents[1] / "examples" / "gallery"
# those that have a test of their own below
CHECKED = ("few_rows", "learning_gaussian", "without_a_network", "your_own_f", "two_cohorts")
OTHERS = [path for path in sorted(GALLERY.rglob("*.py")) if path.stem not in CHECKED]


@pytest.fixture
def example(capsys, monkeypatch):
    """Runs an example; gives its names and what it printed."""
    monkeypatch.setattr(plt, "show", lambda: None)

    def run(path):
        values = runpy.run_path(str(GALLERY / path), run_name="__main__")
        return values, capsys.readouterr().out

    yield run
    plt.close("all")


@pytest.mark.thorough
@pytest.mark.parametrize("path", OTHERS, ids=lambda path: path.stem)
def test_runs_and_draws(path, example):
    if path.stem == "cells":
        pytest.importorskip("anndata")
    example(path)
    assert plt.get_fignums()


def test_few_rows(example):
    values, out = example("tables/few_rows.py")
    assert "200 rows of mean_radius" in out
    assert values["flow"].particles.shape == (5000, 4)
    metrics = values["metrics"]
    assert metrics["w2"]["value"] < metrics["w2"]["resampled"]
    assert metrics["copy_rate"]["value"] < 0.05
    assert values["more"].shape == (1000, 4)


@pytest.mark.thorough
def test_learning_gaussian(example):
    _, out = example("first/learning_gaussian.py")
    found = dict(re.findall(r"W2 of the ([\w ]+) to unseen points: ([\d.]+)", out))
    distances = {name: float(value) for name, value in found.items()}
    assert distances["source"] > 13
    assert distances["particles"] < 2 * distances["fresh points"]


@pytest.mark.thorough
def test_without_a_network(example):
    values, out = example("flow/without_a_network.py")
    assert out.count(" 0 rises") == 6
    assert values["same"]
    assert abs(values["ratio"] - 1).max() < 0.01
    reached = [int(n) for n in re.findall(r"(\d+) of 50 targets", out)]
    # KL at L = 1 strands particles, the others do not
    assert max(reached[:2]) < 20 < min(reached[2:])
    assert values["after"] < 0.25 * values["before"]


def test_an_f_of_ones_own_is_one(example):
    _, out = example("measuring/your_own_f.py")
    pairs = re.findall(r"= ([-+.\d]+), by search ([-+.\d]+)", out)
    assert len(pairs) == 5
    assert all(abs(float(one) - float(other)) < 1e-4 for one, other in pairs)
    assert "converged)" in out


@pytest.mark.thorough
def test_two_cohorts_come_together(example):
    _, out = example("tables/two_cohorts.py")
    before, after = map(float, re.findall(r"over all genes, \w+: ([\d.]+)", out))
    assert after < 0.7 * before
