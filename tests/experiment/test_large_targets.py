"""Runs whose target is a file that is not read as a whole."""

import json

import numpy as np
import pandas
import pytest

from gparticles.experiment import large_targets, runs
from gparticles.experiment.inputs import gather, read_target
from gparticles.experiment.recipes import Recipe, check, with_overrides
from gparticles.tables import large, load

VALUES = np.random.default_rng(0).normal(size=(500, 3))
BUDGET = "target_budget=0.001"


@pytest.fixture(autouse=True)
def sizes(monkeypatch):
    """Few rows in a part, and few aside."""
    monkeypatch.setattr(large, "PART", 60 * 3 * 8)
    monkeypatch.setattr(large_targets, "ASIDE", 80)


@pytest.fixture
def path(tmp_path):
    np.save(tmp_path / "rows.npy", VALUES)
    return tmp_path / "rows.npy"


def config(path, *settings):
    recipe = Recipe("large", "a test", {"target": {"file": str(path)}}, path.parent)
    return check(with_overrides(recipe, [BUDGET, *settings]))


def test_what_a_run_holds_of_such_a_file(path):
    inputs = gather(config(path, "n=40"), max_held_out=30)
    assert inputs.target.shape == (60, 3)
    assert inputs.source.shape == (40, 3)
    assert inputs.tabular
    known = {row.tobytes() for row in VALUES}
    unseen = np.concatenate([inputs.held_out, inputs.fresh(40)])
    assert {row.tobytes() for row in unseen} <= known
    assert len(np.unique(np.concatenate([unseen, inputs.target]), axis=0)) == 30 + 40 + 60
    # below the budget it is read
    assert read_target(config(path, "target_budget=1")).drawn is None


def test_held_out_rows_are_looked_for_in_the_whole_file(path):
    known = read_target(config(path)).table.values
    other = next(row for row in VALUES if row.tobytes() not in {k.tobytes() for k in known})
    np.save(path.parent / "held.npy", np.stack([other, other + 1]))
    inputs = gather(config(path, f"held_out={path.parent / 'held.npy'}"), max_held_out=30)
    assert "1 of its 2 rows" in inputs.warnings[-1]


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        (["target.label_column=a"], ["label_column", "target_budget=1"]),
        (["conditional=true"], ["conditional", "all rows"]),
        (["latent.dim=2"], ["latent", "all rows"]),
        (["scale=scores"], ["scores", "all rows"]),
        (["potential.preset=exact"], ["leave potential out"]),
    ],
)
def test_what_needs_all_rows_is_refused(settings, parts, path, refused):
    refused(lambda: runs.make_ready(config(path, *settings)), *parts)


def test_text_is_refused(tmp_path, refused):
    frame = pandas.DataFrame(VALUES, columns=list("abc"))
    frame.to_csv(tmp_path / "rows.csv", index=False)
    refused(lambda: gather(config(tmp_path / "rows.csv"), max_held_out=9), "convert it to parquet")
    frame.assign(kind="x").to_parquet(tmp_path / "rows.parquet")
    refused(lambda: gather(config(tmp_path / "rows.parquet"), max_held_out=9), '"x" among numbers')


class CutError(Exception):
    pass


def cut(progress):
    if progress.step >= 15:
        raise CutError


@pytest.mark.thorough
def test_a_run_that_was_cut_off_continues_to_the_same_particles(path, tmp_path, refused):
    asked = config(path, "n=40", "steps=30", "checkpoint_seconds=1e-9")
    whole = runs.run(asked, tmp_path / "whole")
    with pytest.raises(CutError):
        runs.run(asked, tmp_path / "cut", callbacks=[cut])
    again = runs.run(asked, tmp_path / "cut", resume=True)
    np.testing.assert_array_equal(load(again.particles).values, load(whole.particles).values)
    said = "500 rows, of which phi is fitted to 60 random ones"
    notes = json.loads((tmp_path / "cut" / "metrics.json").read_text())["outcome"]["notes"]
    assert said in notes[-1]
    assert said in again.report.read_text()
    assert again.metrics["w2"]["points"] == [40, 40]
    with pytest.raises(CutError):
        runs.run(asked, tmp_path / "other", callbacks=[cut])
    np.save(path, VALUES + 1e-9)
    refused(lambda: runs.run(asked, tmp_path / "other", resume=True), "other data")
