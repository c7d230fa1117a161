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
    """Every experiment; modules of benchmarks/ and docs/ can be imported meanwhile."""
    before, path = set(sys.modules), list(sys.path)
    sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "docs")]
    yield importlib.import_module("studies").studies()
    sys.path[:] = path
    for name in set(sys.modules) - before:
        # not those of the package, of which others hold what was imported once
        place = Path(getattr(sys.modules[name], "__file__", None) or "/")
        if any(place.is_relative_to(ROOT / part) for part in ("benchmarks", "docs")):
            del sys.modules[name]


def page_of(name):
    return importlib.import_module("make_pages").pages()[name]


def results_of(rows, **beside):
    return importlib.import_module("make_pages").Results({"rows": rows, **beside})


def test_every_variant_is_a_recipe_that_is_accepted(known):
    from study import COMMON

    studies = [m.EXPERIMENT for m in known.values() if m.EXPERIMENT.variants]
    assert len(studies) >= 5
    for study in studies:
        for overrides in study.variants.values():
            check(with_overrides(read_recipe(study.given["recipe"]), (*COMMON, *overrides)))


def test_a_page_is_what_its_results_make(known):
    from make_pages import pages

    every = pages()
    assert set(every) == set(known) | {"integration", "peers", "tables", "trajectories"}
    written = {path.stem for path in FOLDER.glob("*.md")} - {"README"}
    assert written == {path.stem for path in RESULTS.glob("*.json")} == set(known)
    listed = (FOLDER / "README.md").read_text().splitlines()
    assert len([line for line in listed if line.startswith("*")]) == len(written)
    for name, page in every.items():
        place = RESULTS if name in known else RESULTS.parent
        record = json.loads((place / f"{name}.json").read_text())
        path = ROOT / "docs" / page.about.get("page", f"experiments/{name}.md")
        assert path.read_text() == page.render(record), name
        if name in known:
            line = f"* [{page.title}]({name}.md)"
            assert any(entry.startswith(line) for entry in listed), name
        for line in path.read_text().splitlines():
            assert not line.startswith("![") or (path.parent / line.split("(")[1][:-1]).exists()


def test_rows_that_were_measured_are_the_variants(known):
    for name, module in known.items():
        rows = json.loads((RESULTS / f"{name}.json").read_text())["rows"]
        assert set(rows) == set(module.EXPERIMENT.rows), name


def test_words_on_the_carpet_count_seeds(known):
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
    where = {"cores": 1, "processor": "one", "load_before": 0.0}
    record = {"machine": where, "seeds": [0, 1], "rows": rows, "beside": other}
    for run in (run for runs in (*rows.values(), *other.values()) for run in runs):
        run["scores"] = {"off_square": 0.0, "w2": 1.0, "nearest_ratio": 1.0} | run["scores"]
    words = " ".join(page_of("sierpinski").render(record).split())
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


def made_up_page(text, **constants):
    from make_pages import Page

    return Page("made-up", text, SimpleNamespace(**constants))


def test_the_table_holds_means_and_deviations(known):
    from make_pages import table

    runs = [{"scores": {"w2": w2}, "floors": {"fresh": {"w2": 1.5}}} for w2 in (1, 2)]
    page = made_up_page("columns: w2 energy\n---\n# A title\n")
    lines = table(page, results_of({"ours": runs})).splitlines()
    assert lines[2:] == ["| ours | 1.5 ± 0.707 |  |", "| *fresh points* | 1.5 ± 0 |  |"]


def test_a_template_reads_its_numbers(known):
    runs = {"a": [1.0, 4.0], "b, L = 1": [2.0, 3.0]}
    rows = {k: [{"scores": {"w2": v}, "floors": {}} for v in each] for k, each in runs.items()}
    where = {"cores": 1, "processor": "one", "load_before": 0.0}
    record = {"machine": where, "seeds": [0, 1], "rows": rows}
    text = "columns: w2\n---\n# T\n\nIs {w2[b, L = 1]}, {share:%}, {STEPS}, {wins[w2: a < b,\n"
    text += "L = 1]}, {ratio[w2: a / b, L = 1]:.2f}."
    page = made_up_page(text, STEPS=7, values=lambda r: {"share": r.of("a", "w2") / 10})
    assert page.render(record) == "# T\n\nIs 2.5, 25.0 %, 7, 1 of 2, 1.00.\n"
    with pytest.raises(KeyError):
        made_up_page("columns: w2\n---\n# T\n\n{w2[c]}").render(record)


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
    import study
    from matplotlib.figure import Figure

    for folder in ("FOLDER", "PICTURES"):
        monkeypatch.setattr(study, folder, tmp_path)
    drawn = {}

    def draw(shown):
        drawn.update(shown)
        return Figure()

    rows = {
        "a": lambda seed: study.Found({"w2": seed}, -seed, {"fresh": {"w2": 0.5}}),
        "b": lambda seed: study.Found({"w2": 10 + seed, "energy": None}),
    }
    beside = {"c": lambda seed: study.Found({"w2": 0.0}, about={"outcome": "done"})}
    study.Study(rows, draw, beside=beside).carry_out("made-up", (3, 5))
    record = json.loads((tmp_path / "made-up.json").read_text())
    assert drawn == {"a": [-3, -5]}
    assert [run["scores"]["w2"] for run in record["rows"]["b"]] == [13, 15]
    assert record["rows"]["b"][0]["scores"]["energy"] is None
    assert record["beside"]["c"][0]["outcome"] == "done"
    assert (tmp_path / "made-up.png").exists()
    page = made_up_page("columns: w2\n---\n# T\n\n{table}\n\n{wins[w2: a < b]}")
    text = page.render(record)
    assert "| a | 4 ± 1.41 |" in text
    assert text.endswith("\n2 of 2\n")


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
    def runs(*values):
        return [{"scores": {"l1": value}, "floors": {}} for value in values]

    where = {"cores": 1, "processor": "one", "load_before": 0.0}
    rows = {"Cauchy: ours": runs(1.0, 90.0, 2.0), "Cauchy: fresh": runs(3.0)}
    record = {"machine": where, "seeds": [0, 1, 2], "rows": rows}
    head = "columns: l1\nstatistic: median\nl1: L1 | of the CCDF\n---\n# A title\n\n"
    printed = {"Cauchy": {"theirs": {"l1": 7.13}}}
    page = made_up_page(head + "{table}\n\nFound {l1[Cauchy: ours]}.", PRINTED=printed)
    text = page.render(record)
    expected = "| | L1 |\n|---|---|\n| **Cauchy** | |\n| ours | 2 (1 to 90) |\n"
    expected += "| fresh (seeds: 1) | 3 |\n"
    assert expected + "| *theirs* | 7.13 |\n" in text
    assert text.endswith("Found 2.\n")
    # what was printed is none of our results
    assert "theirs" not in "".join(page.results(record).rows)


def test_printed_numbers_are_counted_where_medians_reach_them(known):
    module = known["heavy-tails"]
    best = {"l1_train": 0.2, "log_train": 5.0, "l1": 0.1, "log": 0.01}
    rows = {
        module.name_of(target, module.BEST): [{"scores": best, "floors": {}}] * 3
        for target in module.TARGETS
    }
    # 7.13, 1.65, .381 and not .106; no log error; on held-out points also .106, and every log error
    assert module.reached(results_of(rows), module.BEST, module.LIP) == (3, 8)


def test_scores_of_tails_that_are_known(known):
    import tail_runs

    sizes = ("n=400", "target.n=400")
    config, inputs = tail_runs.inputs_of("student-t-1.8", sizes, 0, most=tail_runs.EVERY)
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
