"""Rows kept for validation, what a run's metrics hold, and ``gpa evaluate``."""

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gparticles.experiment import runs
from gparticles.experiment.evaluation import evaluate_run, run_metrics
from gparticles.experiment.folder import RunFolder
from gparticles.experiment.inputs import among_target, gather, read_target, validation_rows
from gparticles.experiment.recipes import check, read_recipe, with_overrides
from gparticles.tables import Table, load

# compiles much: left out of `make fast-test`
pytestmark = pytest.mark.slow

TINY = ("--set", "steps=3", "--set", "store.frames=2")


def configured(path, text):
    path.write_text(text)
    return check(with_overrides(read_recipe(str(path)), ["steps=3", "store.frames=2"]))


def test_validation_rows_are_a_share_of_every_class():
    labels = np.repeat(["a", "b", "c"], [50, 20, 1])
    chosen = validation_rows(71, 0.2, labels=labels, seed=1)
    names, counts = np.unique(labels[chosen], return_counts=True)
    assert dict(zip(names.tolist(), counts.tolist(), strict=True)) == {"a": 10, "b": 4}
    np.testing.assert_array_equal(chosen, validation_rows(71, 0.2, labels=labels, seed=1))
    assert len(np.setdiff1d(chosen, validation_rows(71, 0.2, labels=labels, seed=2))) > 0
    assert len(validation_rows(71, 0.3)) == len(set(validation_rows(71, 0.3))) == 21


def test_the_fit_and_the_source_do_not_see_validation_rows(few, tmp_path):
    text = "target = 'few.csv'\nvalidation = 0.25\nn = 30\nsource = 'uniform'\n"
    text = text.replace("'few.csv'", "{file = 'few.csv', label_column = 'kind'}")
    config = configured(tmp_path / "my.toml", text)
    inputs = gather(config, max_held_out=100)
    assert inputs.held_out is not None
    assert inputs.held_out_labels is not None
    whole = load(few, label_column="kind")
    assert (len(inputs.target), len(inputs.held_out)) == (30, 10)
    assert sorted(inputs.held_out_labels.tolist()) == ["a"] * 5 + ["b"] * 5
    both = np.concatenate([inputs.target, inputs.held_out])
    np.testing.assert_array_equal(np.sort(both, axis=0), np.sort(whole.values, axis=0))
    # uniform noise fills the range of what the fit sees
    assert (inputs.source >= inputs.target.min(axis=0) - 1e-9).all()
    again = read_target(config)
    np.testing.assert_array_equal(again.table.values, inputs.target)


def test_refused(gpa, fails, few, tmp_path):
    (tmp_path / "two.csv").write_text("x\n1\n2\n3\n")
    fails(("run", "--target", "two.csv", "--validation", 0.2), "two.csv", "leaves 2 and 1")
    fails(("run", "--target", "two.csv", "--validation", 1.2), "validation is 1.2", "between 0 and")
    both = ("--validation", 0.5, "--set", "held_out=two.csv")
    fails(("run", "--target", "two.csv", *both), "give one of them")
    fails(("evaluate", "absent", "--held-out", "two.csv"), "absent", "no such folder")
    fails(("evaluate", "."), "--held-out")
    assert {path.name for path in tmp_path.iterdir()} == {"few.csv", "two.csv"}


@pytest.fixture
def finished(gpa, few):
    named = ("--label-column", "kind", "--validation", 0.25)
    status, out, _ = gpa("run", "--target", few, "-n", 25, "--out", "run", *named, *TINY)
    assert status == 0
    assert "nearest training point" in out
    return "run"


def test_a_run_judges_itself_by_validation_rows(finished, tmp_path):
    metrics = json.loads((tmp_path / finished / "metrics.json").read_text())
    assert metrics["w2"]["points"] == [25, 10]
    assert metrics["w2"]["unit"] == "column spreads"
    assert metrics["w2"]["fresh"] is None
    assert metrics["copy_rate"]["resampled"] == 1
    assert metrics["label_auc"]["value"] is not None
    assert {"divergence", "steps", "outcome", "seconds"} <= set(metrics)
    written = check(read_recipe(str(tmp_path / finished / "config.toml")))
    assert written.validation == 0.25


def test_evaluate_prints_a_table_and_leaves_the_folder(finished, gpa, tmp_path):
    rng = np.random.default_rng(5)
    rows = [
        f"x{k},{'ab'[k % 2]},{a},{5 + 10 * b},{1000 + 100 * c}"
        for k, (a, b, c) in enumerate(rng.normal(size=(60, 3)))
    ]
    (tmp_path / "held.csv").write_text("\n".join(["sample,kind,height,weight,income", *rows]))
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / finished).rglob("*")}
    status, out, err = gpa("evaluate", finished, "--held-out", "held.csv")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split() == ["value", "fresh", "resampled", "smoothed", "unit"]
    assert any(line.startswith("coverage: ") for line in lines)
    status, out, _ = gpa("evaluate", finished, "--held-out", "held.csv", "--json")
    found = json.loads(out)
    assert found["w2"]["points"] == [25, 35]
    # with 25 particles, 25 of the 60 rows can stand for fresh ones
    assert found["w2"]["fresh"] is not None
    assert found["label_auc"]["value"] is not None
    assert before == {p: p.stat().st_mtime_ns for p in (tmp_path / finished).rglob("*")}


def test_held_out_points_that_the_run_has_seen(finished, gpa, few):
    status, out, err = gpa("evaluate", finished, "--held-out", few)
    assert status == 0
    assert err.count("\n") == 1
    assert "few.csv: 30 of its 40 rows are among those" in err
    assert "give points that the run has not seen" in err
    assert "unseen" not in out
    assert "given points" in out


def test_only_rows_of_the_target_are_called_seen():
    kept = Table(values=np.array([[1.0, 0.0], [2.0, 3.0]]), name="kept.csv")
    target = Table(values=np.array([[1.0, -0.0], [2.0, 4.0]], np.float32), name="few.csv")
    assert among_target(replace(kept, values=kept.values[1:]), target) is None
    assert "kept.csv: 1 of its 2 rows" in str(among_target(kept, target))


def test_a_run_that_is_given_its_target_to_be_judged_by(tmp_path):
    np.save(tmp_path / "some.npy", np.random.default_rng(0).normal(size=(40, 2)))
    text = "target = 'some.npy'\nheld_out = 'some.npy'\nn = 30\nsource = 'uniform'\n"
    config = configured(tmp_path / "my.toml", text)
    inputs = gather(config, max_held_out=10)
    assert any("40 of its 40 rows" in line for line in inputs.warnings)
    flow: Any = SimpleNamespace(
        particles=inputs.source, history={"divergence": []}, bounds=None, scale=1.0
    )
    flow.steps, flow.outcome, flow.certified, flow.notes = 0, "took none", None, ()
    found = run_metrics(config, inputs, flow, seconds=0.0)
    assert "given points" in found["w2"]["sentence"]
    assert not any("unseen" in entry.get("sentence", "") for entry in found.values())


def test_evaluate_refuses_other_columns_and_lost_targets(finished, fails, few, tmp_path):
    (tmp_path / "other.csv").write_text("sample,kind,height\nx,a,1\ny,b,2\n")
    fails(("evaluate", finished, "--held-out", "other.csv"), "other.csv", '"weight"')
    (tmp_path / "held.csv").write_text(few.read_text())
    few.unlink()
    fails(("evaluate", finished, "--held-out", "held.csv"), "few.csv", "no such file")


def test_evaluating_again_with_what_was_held_out_gives_the_same(tmp_path):
    config = configured(tmp_path / "g.toml", "target = 'gaussian'\nn = 40\nseed = 3\n")
    result = runs.run(config, tmp_path / "run")
    held_out = gather(config, max_held_out=2000).held_out
    assert held_out is not None
    np.save(tmp_path / "held.npy", held_out)
    lines = ["x1,x2", *(f"{a!r},{b!r}" for a, b in held_out.astype(float).tolist())]
    (tmp_path / "held.csv").write_text("\n".join(lines) + "\n")
    found = evaluate_run(RunFolder(tmp_path / "run"), tmp_path / "held.csv")
    for name in ("w2", "coverage", "copy_rate", "frechet"):
        assert found[name]["value"] == pytest.approx(result.metrics[name]["value"], rel=1e-5)
        assert found[name]["resampled"] == pytest.approx(result.metrics[name]["resampled"])
