"""The experiments are ones that can be run, and their pages say what was measured."""

import importlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from gparticles.data import gaussian_mixture_grid, sierpinski
from gparticles.experiment.recipes import check, read_recipe, with_overrides

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "experiments"
FOLDER = ROOT / "docs" / "experiments"


@pytest.fixture(scope="module")
def known():
    """Every study; modules of benchmarks/ can be imported meanwhile."""
    before = set(sys.modules)
    sys.path.insert(0, str(ROOT / "benchmarks"))
    yield importlib.import_module("studies").studies()
    sys.path.remove(str(ROOT / "benchmarks"))
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").is_relative_to(ROOT):
            del sys.modules[name]


def test_every_variant_is_a_recipe_that_is_accepted(known):
    from study import COMMON, Experiment

    found = [m.EXPERIMENT for m in known.values() if isinstance(m.EXPERIMENT, Experiment)]
    assert len(found) >= 3
    for experiment in found:
        for overrides in experiment.variants.values():
            check(with_overrides(read_recipe(experiment.recipe), (*COMMON, *overrides)))


def test_a_page_is_what_its_results_make(known):
    pages = {path.stem for path in FOLDER.glob("*.md")} - {"README"}
    assert pages == {path.stem for path in RESULTS.glob("*.json")}
    listed = (FOLDER / "README.md").read_text().splitlines()
    assert len([line for line in listed if line.startswith("*")]) == len(pages)
    for name in pages:
        written = (FOLDER / f"{name}.md").read_text()
        record = json.loads((RESULTS / f"{name}.json").read_text())
        assert written == known[name].PAGE.text(name, record), name
        line = f"* [{known[name].PAGE.title}]({name}.md)"
        assert any(entry.startswith(line) for entry in listed), name
        for line in written.splitlines():
            assert not line.startswith("![") or (FOLDER / line.split("(")[1][:-1]).exists()


def test_rows_that_were_measured_are_the_variants(known):
    from study import Experiment

    for name, module in known.items():
        path = RESULTS / f"{name}.json"
        if path.exists() and isinstance(module.EXPERIMENT, Experiment):
            rows = json.loads(path.read_text())["rows"]
            assert set(rows) == set(module.EXPERIMENT.variants)


def test_words_on_the_carpet_count_seeds(known):
    from pages import Results

    module = known["sierpinski"]
    shares = [(0.1, 0.2), (0.04, 0.06), (1, 1)]
    beside = {"smoothed": 0.15, "source": 0.3, "fresh": 0.0}
    floors = {role: {"in_large_holes": share} for role, share in beside.items()}
    more = {"seconds": 2.0, "in_holes": 0.5}
    rows = {
        name: [{"scores": {"in_large_holes": s} | more, "floors": floors} for s in pair]
        for name, pair in zip(module.EXPERIMENT.variants, shares, strict=True)
    }
    other = {"the reference": [{"scores": {"in_large_holes": 0.7}}]}
    words = module.PAGE.finding(Results({"rows": rows, "beside": other}))
    words = " ".join(words.split())
    assert "are 15.0 % of the recipe's particles, 5.0 % with the default" in words
    assert "100.0 % with the reference's settings, 70.0 % of those of the reference;" in words
    assert "below that in 1 of 2 seeds, the default potential in 2 of 2." in words


def test_full_speed_in_data_units(known):
    from study import stride

    # L is 3 nats per working unit, which is 2 data units, and the last step 0.25
    made = SimpleNamespace(history={"time": np.array([0.0, 1.0, 1.25])}, lipschitz=3 / 2)
    made.scaling = SimpleNamespace(unit=2.0)
    assert stride(made)["stride"] == pytest.approx(3 * 0.25 * 2)
    assert stride(SimpleNamespace(history=made.history, lipschitz=np.inf)) == {}


def test_the_table_holds_means_and_deviations(known):
    from pages import Page, Results, table

    runs = [
        {"scores": {"w2": w2}, "floors": {"fresh": {"w2": 1.5}}, "overrides": []} for w2 in (1, 2)
    ]
    page = Page("", "", "", ("w2", "energy"), str)
    lines = table(page, Results({"rows": {"ours": runs}})).splitlines()
    assert lines[2:] == ["| ours | 1.5 ± 0.707 |  |", "| *fresh points* | 1.5 ± 0 |  |"]


def test_scores_of_clouds_that_are_known(known):
    holes, modes = known["sierpinski"].holes, known["mixture"].modes
    fresh = holes(sierpinski(4096, seed=3))
    assert fresh == {"in_large_holes": 0, "in_holes": 0, "off_square": 0}
    uniform = holes(np.random.default_rng(0).uniform(0, 20, (40_000, 2)))
    assert uniform["off_square"] == pytest.approx(0.75, abs=0.01)
    assert uniform["in_large_holes"] == pytest.approx((1 - (8 / 9) ** 2) / 4, abs=0.01)
    assert uniform["in_holes"] == pytest.approx((1 - (8 / 9) ** 4) / 4, abs=0.01)
    above = known["sierpinski-3d"].above_holes
    lifted = sierpinski(4096, dim=3, seed=3) + np.array([0.0, 0.0, 0.5])
    assert above(lifted) == fresh | {"off_plane": 0.5}
    mixture = modes(gaussian_mixture_grid(20_000, seed=0).astype(float))
    assert mixture["at_modes"] == pytest.approx(1 - np.exp(-4.5), abs=0.004)
    assert mixture["worst_share"] < 0.015
    one = modes(np.full((10, 2), 2.0))
    assert one == {"at_modes": 1.0, "worst_share": 0.75}


def test_a_measurement_keeps_every_row_and_seed(known, tmp_path, monkeypatch):
    import measure
    from matplotlib.figure import Figure
    from pages import Page

    for folder in ("FOLDER", "PICTURES"):
        monkeypatch.setattr(measure, folder, tmp_path)
    seen = {}

    def draw(shown):
        seen.update(shown)
        return Figure()

    rows = {
        "a": lambda seed: measure.Found({"w2": seed}, -seed, {"fresh": {"w2": 0.5}}),
        "b": lambda seed: measure.Found({"w2": 10 + seed}),
    }
    measure.Measurement(rows, draw).carry_out("made-up", (3, 5))
    record = json.loads((tmp_path / "made-up.json").read_text())
    assert seen == {"a": [-3, -5], "b": [None, None]}
    assert [run["scores"]["w2"] for run in record["rows"]["b"]] == [13, 15]
    assert (tmp_path / "made-up.png").exists()
    text = Page("", "", "", ("w2",), lambda r: r.wins("a", "b", "w2")).text("made-up", record)
    assert "| a | 4 ± 1.41 |" in text
    assert "**Finding.** 2 of 2" in text


def test_what_contradicts_the_theory_is_counted(known):
    module = known["divergence-and-l"]
    slope = np.array([0.1, 1.0, 10.0])
    value = np.array([0.1, 0.6, 0.7])
    honest = module.Curve(slope, value, value, w1=1.0, d_f=0.8, nearest=0.0)
    assert module.against(honest) == 0
    for broken in ([0.1, 0.6, 0.9], [0.1, 0.6, 0.5], [0.02, 0.6, 0.7], [0.2, 0.6, 0.7]):
        wrong = honest._replace(lower=np.array(broken), upper=np.array(broken))
        assert module.against(wrong) == 1, broken


def test_scores_of_the_small_examples(known):
    module = known["low-dimension"]
    # mean (3, 4) and covariance I; then covariance 4 I, at distance sqrt(2) (2 - 1)
    square = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    assert module.from_standard(square + np.array([3.0, 4.0]))["own"] == pytest.approx(5.0)
    assert module.from_standard(2 * square)["own"] == pytest.approx(2**0.5)
    found = module.at_points(np.array([[4.0, 0.0], [4.01, -3.99], [2.0, 0.0], [8.0, 0.0]]))
    assert found["own"] == 0.5


def test_the_first_index_below_a_bound(known):
    first_below = known["dissipation"].first_below
    assert first_below(np.array([3.0, 2.0, 1.0]), 2.5) == 1
    assert first_below(np.array([3.0, 2.0, 1.0]), 0.5) == 2


def test_a_median_page_keeps_printed_numbers_apart(known):
    from medians import MedianPage, median
    from pages import Results

    def runs(*values):
        return [{"scores": {"l1": value}, "floors": {}} for value in values]

    where = {"cores": 1, "processor": "one", "load_before": 0.0}
    rows = {"Cauchy: ours": runs(1.0, 90.0, 2.0), "Cauchy: fresh": runs(3.0)}
    record = {"machine": where, "seeds": [0, 1, 2], "rows": rows}
    words = {"picture": "A picture", "commands": ["ours: `gpa run cauchy`"]}
    page = MedianPage(
        "A title",
        "",
        "",
        ("l1",),
        {"l1": ("L1", "of the CCDF")},
        finding=lambda r: str(median(r, "Cauchy: ours", "l1")),
        printed={"Cauchy": {"theirs": {"l1": 7.13}}},
        **words,
    )
    text = page.text("made-up", record)
    expected = "| | L1 |\n|---|---|\n| **Cauchy** | |\n| ours | 2 (1 to 90) |\n"
    expected += "| fresh (seeds: 1) | 3 |\n"
    assert expected + "| *theirs* | 7.13 |\n" in text
    assert "**Finding.** 2.0" in text
    # what was printed is none of our results
    assert "theirs" not in "".join(Results(record).rows)


def test_printed_numbers_are_counted_where_medians_reach_them(known):
    from pages import Results

    module = known["heavy-tails"]
    best = {"l1_train": 0.2, "log_train": 5.0, "l1": 0.1, "log": 0.01}
    rows = {
        module.name_of(target, module.BEST): [{"scores": best, "floors": {}}] * 3
        for target in module.TARGETS
    }
    # 7.13, 1.65, .381 and not .106; no log error; on held-out points also .106, and every log error
    assert module.reached(Results({"rows": rows}), module.BEST, module.LIP) == (3, 8)


def test_scores_of_tails_that_are_known(known):
    import tail_runs

    config, inputs = tail_runs.inputs_of("student-t-1.8", ("n=400", "target.n=400"), 0)
    assert config.scale == "log"
    assert len(inputs.held_out) == 400
    same = tail_runs.scores(inputs.target, inputs)
    assert same["l1_train"] == same["log_train"] == 0
    assert same["beyond"] == pytest.approx(0.1, abs=0.003)
    assert 0 < same["log"] < 0.5
    away = np.median(inputs.target, axis=0)
    twice = tail_runs.scores(away + 2 * (inputs.target - away), inputs)
    assert twice["log_train"] == pytest.approx(np.log(2), rel=1e-6)
    assert tail_runs.scores(inputs.target * np.nan, inputs) == {}
