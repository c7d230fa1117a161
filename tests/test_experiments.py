"""The experiments are ones that can be run, and their pages say what was measured."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from gparticles.data import gaussian_mixture_grid, sierpinski
from gparticles.interfaces.recipes import check, read_recipe, with_overrides

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def benchmark():
    sys.path.insert(0, str(ROOT / "benchmarks"))
    yield runpy.run_path(str(ROOT / "benchmarks" / "experiments.py"))
    sys.path.remove(str(ROOT / "benchmarks"))
    sys.modules.pop("common", None)


@pytest.fixture(scope="module")
def maker():
    return runpy.run_path(str(ROOT / "docs" / "make_experiments.py"))


def test_every_variant_is_a_recipe_that_is_accepted(benchmark):
    for experiment in benchmark["EXPERIMENTS"].values():
        for overrides in experiment.variants.values():
            given = (*benchmark["COMMON"], *overrides)
            check(with_overrides(read_recipe(experiment.recipe), given))


def test_a_page_is_what_its_results_make(benchmark, maker):
    assert set(maker["PAGES"]) == set(benchmark["EXPERIMENTS"])
    for name, page in maker["PAGES"].items():
        results = maker["RESULTS"] / f"{name}.json"
        written = maker["FOLDER"] / f"{name}.md"
        assert written.exists() == results.exists(), name
        if not results.exists():
            continue  # not measured yet, so that there is nothing to say
        record = json.loads(results.read_text())
        assert set(record["rows"]) == set(benchmark["EXPERIMENTS"][name].variants)
        assert written.read_text() == maker["page_text"](name, page, record)
        assert written.with_suffix(".png").exists()


def test_words_on_the_carpet_count_seeds(maker):
    shares = {"recipe": (0.1, 0.2), "tight potential": (0.04, 0.06), "reference's settings": (1, 1)}
    beside = {"smoothed": 0.15, "source": 0.3, "fresh": 0.0}
    floors = {role: {"in_large_holes": share} for role, share in beside.items()}
    rows = {
        name: [{"scores": {"in_large_holes": s}, "floors": floors} for s in pair]
        for name, pair in shares.items()
    }
    words = " ".join(maker["PAGES"]["sierpinski"].finding(maker["Results"]({"rows": rows})).split())
    assert "are 15.0 % of the recipe's particles, 5.0 % with the tight" in words
    assert "below that in 1 of 2 seeds, the tight potential in 2 of 2" in words


def test_the_table_holds_means_and_deviations(maker):
    runs = [
        {"scores": {"w2": w2}, "floors": {"fresh": {"w2": 1.5}}, "overrides": []} for w2 in (1, 2)
    ]
    results = maker["Results"]({"rows": {"ours": runs}})
    page = maker["Page"]("", "", "", ("w2", "energy"), str)
    lines = maker["table"](page, results).splitlines()
    assert lines[2:] == ["| ours | 1.5 ± 0.707 |  |", "| *fresh points* | 1.5 ± 0 |  |"]


def test_scores_of_clouds_that_are_known(benchmark):
    fresh = benchmark["holes"](sierpinski(4096, seed=3))
    assert fresh == {"in_large_holes": 0, "in_holes": 0, "off_square": 0}
    uniform = benchmark["holes"](np.random.default_rng(0).uniform(0, 20, (40_000, 2)))
    assert uniform["off_square"] == pytest.approx(0.75, abs=0.01)
    assert uniform["in_large_holes"] == pytest.approx((1 - (8 / 9) ** 2) / 4, abs=0.01)
    assert uniform["in_holes"] == pytest.approx((1 - (8 / 9) ** 4) / 4, abs=0.01)
    mixture = benchmark["modes"](gaussian_mixture_grid(20_000, seed=0).astype(float))
    assert mixture["at_modes"] == pytest.approx(1 - np.exp(-4.5), abs=0.004)
    assert mixture["worst_share"] < 0.015
    one = benchmark["modes"](np.full((10, 2), 2.0))
    assert one == {"at_modes": 1.0, "worst_share": 0.75}
