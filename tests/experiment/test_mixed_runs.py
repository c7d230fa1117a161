"""Runs on tables of mixed columns: what is written, what is refused, and what stays as it was."""

import json
import shutil
from pathlib import Path

import pytest

from gparticles.experiment import mixed_streams, runs
from gparticles.experiment.folder import RunFolder
from gparticles.experiment.recipes import check, read_recipe, with_overrides
from gparticles.tables.mixed import read_frame

pandas = pytest.importorskip("pandas")
pytestmark = pytest.mark.slow
PENGUINS = Path(__file__).parents[2] / "examples" / "penguins.csv"
QUICK = ("-n", 60, "--validation", 0.2, "--set", "steps=3")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a finished run, and its home."""
    from gparticles.command.main import main

    home = tmp_path_factory.mktemp("mixed")
    shutil.copy(PENGUINS, home / "penguins.csv")
    words = ["run", "--target", home / "penguins.csv", "--out", home / "run", *QUICK]
    assert main(list(map(str, words))) == 0
    return home / "run"


def test_rows_of_mixed_columns_are_written(finished):
    made, _ = read_frame(finished / "particles.csv")
    real, _ = read_frame(PENGUINS)
    assert len(made) == 60
    assert made.columns.equals(real.columns)
    for name in ("species", "island", "sex"):
        assert set(made[name].dropna()) <= set(real[name].dropna())
    assert (made["bill_length_mm"].dropna().round(1) == made["bill_length_mm"].dropna()).all()
    assert set(made["year"]) <= {2007, 2008, 2009}
    metrics = json.loads((finished / "metrics.json").read_text())
    assert metrics["w2"]["unit"] == "column spreads"
    assert 'scale = "scores"' in (finished / "config.toml").read_text()
    assert (finished / "report.html").exists()


def test_more_rows_with_conditions(gpa, finished, tmp_path):
    sample = ("sample", finished, "-n", 20, "-o", "new.csv")
    status, out, _ = gpa(*sample, "--where", "species=Gentoo", "--where", "bill_depth_mm<=17")
    assert status == 0
    assert "% of the rows that were drawn for them are kept" in out
    made, _ = read_frame(tmp_path / "new.csv")
    assert set(made["species"]) == {"Gentoo"}
    assert made["bill_depth_mm"].max() <= 17
    assert gpa(*sample, "--append", "--balance", "island")[0] == 0
    made, _ = read_frame(tmp_path / "new.csv")
    assert len(made) == 40
    assert sorted(made["island"][20:].value_counts()) == [6, 7, 7]


def test_a_finished_run_is_used(gpa, finished, tmp_path):
    for words in (
        ("transform", finished, PENGUINS, "-o", "moved.parquet"),
        ("evaluate", finished, "--held-out", PENGUINS),
        ("report", finished),
    ):
        status, _, err = gpa(*words)
        assert status == 0, err
    assert len(read_frame(tmp_path / "moved.parquet")[0]) == 344


def test_rows_are_made_and_moved_in_blocks(finished, tmp_path, monkeypatch):
    counts, folder = [], RunFolder(finished)
    whole = runs.sample(folder, 20, tmp_path / "whole.csv").path
    moved = runs.transform(folder, whole, tmp_path / "moved.csv")
    monkeypatch.setattr(mixed_streams, "ROWS", 8)
    made = runs.sample(folder, 20, tmp_path / "a.parquet", watch=counts.append)
    assert counts == [8, 16, 20]
    assert made.acceptance == 1
    blocks, known = read_frame(made.path)[0], read_frame(whole)[0]
    assert len(blocks.drop_duplicates()) == 20
    # the first block is what a single one begins with; later ones have seeds of their own
    pandas.testing.assert_frame_equal(blocks[:8].astype(known.dtypes), known[:8])
    again = runs.transform(folder, whole, tmp_path / "again.csv")
    one, other = read_frame(again)[0], read_frame(moved)[0]
    assert len(one) == len(other) == 20
    assert one.dtypes.equals(other.dtypes)


def test_columns_of_a_recipe(gpa, finished, tmp_path, csv):
    rows = [f"r{k},{'ab'[k % 2]},{k % 7},{(k * 37) % 11 / 4},{k % 3}" for k in range(40)]
    csv("\n".join(["id,kind,level,x,drop", *rows]) + "\n", "t.csv")
    (tmp_path / "t.toml").write_text(
        'n = 9\nsteps = 2\n[target]\nfile = "t.csv"\nlabel_column = "kind"\n'
        '[columns]\nlevel = "ordinal"\ndrop = "drop"\nx = {range = [0, 3]}\n'
    )
    status, out, err = gpa("run", "t.toml", "--out", "run")
    assert status == 0, err
    assert "9 particles after 2 steps" in out
    assert "kind label, level ordinal, x on a grid of 0.25" in err
    made, _ = read_frame(tmp_path / "run" / "particles.csv")
    assert made.columns.tolist() == ["id", "kind", "level", "x"]
    assert made["id"].tolist()[0] == "generated-00001"
    assert made["x"].between(0, 3).all()
    status, _, _ = gpa("sample", "run", "-n", 8, "-o", "b.csv", "--where", "kind=b")
    assert status == 0
    assert set(read_frame(tmp_path / "b.csv")[0]["kind"]) == {"b"}
    # the file has fewer rows than the flow
    status, _, err = gpa("evaluate", "run", "--held-out", "t.csv")
    assert status == 0, err
    assert gpa("transform", "run", "t.csv", "-o", "c.csv")[0] == 0
    assert read_frame(tmp_path / "c.csv")[0]["id"].tolist() == [f"r{k}" for k in range(40)]


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("sample", "RUN", "-n", 3, "-o", "a.csv", "--where", "species=Dodo"), ("Adelie",)),
        (("sample", "RUN", "-n", 3, "-o", "a.csv", "--where", "sort=1"), ("no column",)),
        (("sample", "RUN", "-n", 3, "-o", "a.csv", "--balance", "year"), ("categories",)),
        (("run", "--target", "P", "--set", "scale=2"), ("Torgersen", "among numbers")),
        (("run", "--target", "P", "--set", "columns.sex=kind"), ("columns.sex", "categorical")),
        (("run", "--target", "P", "--set", "columns.size=integer"), ('"size"', '"species"')),
        (("run", "--target", "P", "--source", "P"), ("Torgersen",)),
        (("run", "gaussian", "--set", "impute=true"), ("a target that is a file",)),
        (("run", "--target", "P", "--set", "impute=true", "--set", "scale=log"), ("scale",)),
        (("run", "--target", "P", "--label-column", "sex"), ("penguins.csv: column", "fill it in")),
    ],
)
def test_refused(fails, finished, words, parts):
    names = {"RUN": finished, "P": PENGUINS}
    fails([str(names.get(word, word)) for word in words], *parts)


def test_settings_for_other_units_are_kept():
    from gparticles.experiment.mixed_runs import scores_wanted

    few = str(PENGUINS.with_name("few.csv"))
    recipe = read_recipe("gaussian")
    for override, wanted in (
        ("steps=3", True),
        ("scale=columns", False),
        ("scale=auto", False),
        ("potential=tight", False),
        ("latent=pca", False),
        ("bounds=[0, 1]", False),
        ("scale=scores", True),
    ):
        changed = with_overrides(recipe, [f"target.file={few}", "source=gaussian", override])
        assert scores_wanted(check(changed)) is wanted, override
