"""A run on a table says what was chosen, whether it is worth it, and shows columns."""

import json

import numpy as np
import pandas as pd
import pytest

import gparticles as gpa
from gparticles.experiment import runs
from gparticles.experiment.inputs import gather
from gparticles.experiment.recipes import Recipe, check


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    generator = np.random.default_rng(0)
    size = generator.normal(size=60).round(2)
    kind = np.where(size + 0.5 * generator.normal(size=60) > 0, "large", "small")
    path = tmp_path_factory.mktemp("table") / "few.csv"
    pd.DataFrame({"size": size, "kind": kind, "one": 1}).to_csv(path, index=False)
    return path


def config_of(file, **keys):
    keys = {"target": {"file": str(file)}, "n": 40, "steps": 3, "seed": 0, **keys}
    return check(Recipe("table", "a test", keys, file.parent))


@pytest.mark.slow
def test_it_says_whether_new_rows_are_worth_it_and_shows_columns(file, tmp_path):
    config = config_of(file, validation=0.4, task="kind")
    result = runs.run(config, tmp_path / "run")
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert {"told_apart", "nearer_to_learnt", "taught_by_both"} <= set(metrics)
    assert "for kind" in metrics["verdict"]["sentence"]
    assert (tmp_path / "run" / "figures" / "margins.png").exists()
    report = result.report.read_text()
    assert "New rows beside real ones" in report
    assert "for kind" in report


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"task": "colour", "validation": 0.3}, "task: no column 'colour'; choose one of"),
        ({"task": "one", "validation": 0.3}, "task: column 'one' is constant"),
        ({"task": "kind"}, "give --validation 0.2"),
        ({"task": "kind", "validation": 0.05}, "fewer than 10 values are held out"),
        ({"task": "kind", "validation": 0.3, "n": 9}, "give -n 10 or more"),
        ({"closeness": 2.0}, "closeness"),
    ],
)
def test_tasks_that_cannot_be_tested_are_refused(file, keys, words):
    with pytest.raises(gpa.InputError, match=words):
        runs.make_ready(config_of(file, **keys))


def test_rows_are_judged_by_a_file_and_without_their_names(file, tmp_path):
    rows = pd.read_csv(file).assign(id=[f"r{k}" for k in range(60)])
    for name, part in (("a.csv", rows[:30]), ("b.csv", rows[25:])):
        part.to_csv(tmp_path / name, index=False)
    keys = {"held_out": {"file": str(tmp_path / "b.csv")}, "task": "kind"}
    inputs = gather(config_of(tmp_path / "a.csv", **keys), max_held_out=100)
    held_out = inputs.mixed.held_out
    assert len(held_out) == len(inputs.held_out) == 35
    # the five, and what happens to be the same under another name
    again = rows[25:].drop(columns="id").merge(rows[:30].drop(columns="id").drop_duplicates())
    assert len(again) >= 5
    assert any(f"{len(again)} of its 35 rows" in line for line in inputs.warnings)
    assert inputs.mixed.judged(held_out).columns.tolist() == ["size", "kind", "one"]


def test_a_column_that_is_dropped_identifies_no_rows(file, tmp_path):
    rows = pd.read_csv(file).assign(id=[f"r{k}" for k in range(60)])
    rows.to_csv(tmp_path / "a.csv", index=False)
    config = config_of(tmp_path / "a.csv", columns={"id": "drop"})
    assert gather(config, max_held_out=100).mixed.units.form.id_column is None


def test_other_runs_have_no_task(file):
    keys = {"task": "size", "scale": "auto", "validation": 0.3}
    numbers = file.with_name("numbers.csv")
    pd.DataFrame({"size": np.arange(20.0), "weight": np.arange(20.0)}).to_csv(numbers, index=False)
    with pytest.raises(gpa.InputError, match="task and closeness are for tables"):
        runs.make_ready(config_of(numbers, **keys))
