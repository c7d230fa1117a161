"""Runs: what a folder holds, that it repeats to the bit, and when it is left alone."""

import csv
import json
import tomllib

import numpy as np
import pytest

import gparticles as gpa
from gparticles import load_flow
from gparticles.experiment import runs
from gparticles.experiment.arguments import arguments
from gparticles.experiment.folder import RunFolder
from gparticles.experiment.inputs import gather
from gparticles.experiment.recipes import check, read_recipe, with_overrides
from gparticles.tables import load

# compiles much: left out of `make fast-test`
pytestmark = pytest.mark.slow

QUICK = ("steps=4", "store.frames=3")


def config(name, *overrides):
    return check(with_overrides(read_recipe(name), [*QUICK, *overrides]))


@pytest.fixture
def own(tmp_path):
    """A configuration from TOML text in the test's folder."""

    def make(text, *overrides):
        (tmp_path / "my.toml").write_text(text)
        return config(str(tmp_path / "my.toml"), *overrides)

    return make


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A finished run of the digits."""
    folder = tmp_path_factory.mktemp("digits") / "run"
    small = ("n=30", "target.n=20", "potential.width=8")
    return folder, runs.run(config("digits", *small), folder)


def test_the_folder_is_complete(digits):
    folder, result = digits
    names = {path.name for path in folder.iterdir()}
    assert {"config.toml", "particles.npz", "history.csv", "metrics.json"} <= names
    assert {path.name for path in (folder / "figures").iterdir()} == {
        *("particles.png", "trajectory.png", "history.png", "nearest.png")
    }
    assert result.particles == folder / "particles.npz"
    np.testing.assert_array_equal(
        load_flow(folder / "flow").particles, load(result.particles).values
    )


def test_metrics_stand_beside_their_floors(digits):
    folder, result = digits
    metrics = json.loads((folder / "metrics.json").read_text())
    assert {"w2", "divergence", "steps", "outcome", "seconds"} <= set(metrics)
    assert {"coverage", "copy_rate", "label_auc"} <= set(metrics)
    assert metrics["w2"]["value"] > 0
    assert metrics["w2"]["resampled"] > 0
    assert metrics["w2"]["fresh"] > 0
    # 30 of the 1777 other digits stand for fresh ones
    assert metrics["w2"]["points"] == [30, 1500]
    assert metrics["energy"]["points"] == [30, 1747]
    assert metrics["steps"]["value"] == 4
    assert metrics["outcome"]["value"] == "took all 4 steps"
    assert metrics["w2"]["value"] == result.metrics["w2"]["value"]


def test_history_is_a_table(digits):
    folder, result = digits
    with (folder / "history.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["step"] for row in rows] == ["0", "1", "2", "3"]
    values = np.array([row["divergence"] for row in rows], np.float32)
    np.testing.assert_array_equal(values, result.flow.history["divergence"])


def test_classes_keep_their_shares(digits):
    folder, _ = digits
    table = load(folder / "particles.npz")
    assert table.labels is not None
    assert np.bincount(table.labels).tolist() == [3] * 10
    assert table.values.shape == (30, 8, 8)
    assert table.values.min() >= 0
    assert table.values.max() <= 1


def test_the_written_config_repeats_the_run(digits, tmp_path):
    folder, result = digits
    again = runs.run(check(read_recipe(str(folder / "config.toml"))), tmp_path / "again")
    np.testing.assert_array_equal(again.flow.particles, result.flow.particles)
    assert again.metrics["w2"] == result.metrics["w2"]


def test_more_of_each_class(digits, tmp_path):
    folder, _ = digits
    first = runs.sample(RunFolder(folder), 40, tmp_path / "a.npz")
    second = runs.sample(RunFolder(folder), 40, tmp_path / "b.npz", seed=1)
    tables = [load(first.path), load(second.path)]
    assert [np.bincount(t.labels).tolist() for t in tables if t.labels is not None] == [
        [4] * 10
    ] * 2
    assert (tables[0].values != tables[1].values).any()


def test_images_ride_with_their_labels(digits, tmp_path, refused):
    folder, result = digits
    moved = runs.transform(RunFolder(folder), folder / "particles.npz", tmp_path / "m.npz")
    table = load(moved)
    assert table.labels is not None
    np.testing.assert_array_equal(table.labels, load(folder / "particles.npz").labels)
    np.save(tmp_path / "bare.npy", result.flow.particles)
    refused(
        lambda: runs.transform(RunFolder(folder), tmp_path / "bare.npy", tmp_path / "n.npy"),
        "bare.npy: has no labels",
    )


def test_a_table_keeps_its_form(own, few, tmp_path):
    said = []
    text = 'n = 12\n[target]\nfile = "few.csv"\nlabel_column = "kind"\n'
    result = runs.run(own(text), tmp_path / "run", say=said.append)
    assert any("own spread" in line for line in said)
    table = load(result.particles, label_column="kind")
    assert table.columns == ("height", "weight", "income")
    assert table.id_name == "sample"
    assert table.ids is not None
    assert table.ids[0] == "generated-00001"
    assert table.labels is not None
    assert sorted(table.labels.tolist()) == ["a"] * 6 + ["b"] * 6
    written = tomllib.loads((tmp_path / "run" / "config.toml").read_text())
    assert written["scale"] == "columns"
    assert written["target"]["file"] == str(few)
    assert np.ndim(result.flow.scale) == 1
    assert "w2" not in result.metrics


def test_a_source_file_keeps_its_rows(own, few, tmp_path, refused):
    held = "held_out = {file = 'few.csv', label_column = 'kind'}"
    text = f"{held}\n[source]\nfile = 'few.csv'\nlabel_column = 'kind'\n"
    text += "[target]\nfile = 'few.csv'\nlabel_column = 'kind'\n"
    result = runs.run(own(text), tmp_path / "run")
    table = load(result.particles, label_column="kind")
    source = load(few, label_column="kind")
    assert table.ids == source.ids
    np.testing.assert_array_equal(table.labels, source.labels)
    assert result.metrics["w2"]["value"] >= 0
    refused(
        lambda: runs.sample(RunFolder(tmp_path / "run"), 5, tmp_path / "o.csv"),
        "few.csv",
        "use gpa transform",
    )
    moved = runs.transform(RunFolder(tmp_path / "run"), few, tmp_path / "moved.csv")
    np.testing.assert_allclose(load(moved, label_column="kind").values, table.values, rtol=1e-5)


def test_an_own_loader(own, tmp_path):
    code = "import numpy as np\ndef load():\n    return np.random.default_rng(0).random((20, 3))\n"
    (tmp_path / "mine.py").write_text(code)
    result = runs.run(own("n = 5\ntarget = 'mine.py:load'\n"), tmp_path / "run")
    assert result.particles.name == "particles.npy"
    assert runs.sample(RunFolder(tmp_path / "run"), 4, tmp_path / "more.npy").path.exists()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("n = 3\n", ("target is missing", "--target")),
        ("target = 'absent.csv'\n", ("absent.csv", "no such file")),
        ("target = 'one.csv'\n", ("one.csv", "only one row")),
        ("scale = 1.0\ntarget = 'nan.csv'\n", ("nan.csv", "row 3", "missing")),
        ("scale = 1.0\ntarget = 'text.csv'\n", ("text.csv", '"no"')),
        ("conditional = true\ntarget = 'two.csv'\n", ("two.csv", "no labels", "label_column")),
        ("n = 3\nsource = 'two.csv'\ntarget = 'two.csv'\n", ("n is 3", "2 rows")),
        ("source = 'two.csv'\ntarget = 'other.csv'\n", ("two.csv", "no column", '"c"')),
        ("n = 3\nsource = {dataset = 'gaussian', n = 4}\ntarget = 'two.csv'\n", ("source.n is 4",)),
        ("source = {dataset='gaussian', dim=3}\ntarget = 'two.csv'\n", ("(3,)", "(2,)")),
        ("target = 'gaussian'\nbatch_size = 0\n", ("batch_size is 0",)),
        ("target = 'gaussian'\nbounds = [1.0, 0.0]\n", ("bounds", "below the second")),
        ("target = 'gaussian'\nheld_out = 'swiss-roll'\n", ("gaussian", '"x3"')),
        ("target = 'gaussian'\n[potential]\npreset = 'conv'\n", ("image shape",)),
        (
            "target = 'gaussian'\n[potential]\npreset = 'soft'\nlayer = 'aol'\n",
            ("potential.layer", "leave layer out"),
        ),
        (
            "target = 'gaussian'\n[potential]\npreset = 'exact'\nwidth = 8\n",
            ("potential.width", "leave width out"),
        ),
        (
            "target = 'gaussian'\n[potential]\npreset = 'tight'\nsmoothing = 1.0\n",
            ("potential.smoothing", '"exact"', "leave it out"),
        ),
        (
            "target = 'gaussian'\nfit_steps = 3\n[potential]\npreset = 'exact'\n",
            ("fit_steps", "leave fit_steps out"),
        ),
    ],
)
def test_refused_before_the_folder_is_made(text, parts, own, tmp_path, refused):
    for name, content in {
        "one": "a,b\n1,2\n",
        "two": "a,b\n1,2\n3,4\n",
        "nan": "a,b\n1,2\n,4\n",
        "text": "a,b\n1,2\n3,no\n",
        "other": "a,c\n1,2\n3,4\n",
    }.items():
        (tmp_path / f"{name}.csv").write_text(content)
    refused(lambda: runs.run(own(text), tmp_path / "run"), *parts)
    assert not (tmp_path / "run").exists()


rest = pytest.mark.thorough


@pytest.mark.parametrize(
    "overrides",
    [
        pytest.param(
            ("potential=smooth", "potential.activation=relu", "stop=kinetic-energy"), marks=rest
        ),
        pytest.param(
            ("potential=tight", "potential.layer=spectral", "f=alpha:2", "integrator=heun"),
            marks=rest,
        ),
        pytest.param(
            ("potential=soft", "potential.width=8", "lipschitz=2", "stop.rule=none"), marks=rest
        ),
        ("stop.rule=held-out", "stop.fraction=0.5", "learning_rate=0.01", "batch_size=7"),
        pytest.param(
            ("lipschitz=inf", "reverse=true", "scale=1", "step_size=0.1", "fit_steps=2"), marks=rest
        ),
        ("target=digits", "target.n=20", "source=uniform", "potential=conv", "potential.depth=1"),
    ],
)
def test_what_recipes_can_ask_for(overrides, tmp_path):
    result = runs.run(config("gaussian", "n=10", *overrides), tmp_path / "run")
    assert len(result.flow.particles) == 10
    # without a bound on the slope there is nothing certified, and the folder says so
    assert result.metrics["outcome"]["certified"] == result.flow.certified


def test_without_a_network(tmp_path):
    """The exact potential from a recipe: what the call gives, and new points can ride."""
    exact = ("potential=exact", "potential.smoothing=2", "f=w1")
    asked = config("gaussian", "n=30", "target.n=20", *exact, "steps=6")
    found = runs.run(asked, tmp_path / "run")
    given = arguments(asked, gather(asked, max_held_out=10))
    assert given["potential"] == gpa.ExactPotential(2.0)
    np.testing.assert_array_equal(gpa.transport(**given).particles, found.flow.particles)
    note = found.metrics["divergence"]["note"]
    assert "upper bound" in note
    assert "network" not in note
    assert found.metrics["divergence"]["value"] == found.flow.history["divergence"][-1]
    assert not (tmp_path / "run" / "checkpoint").exists()
    more = load(runs.sample(RunFolder(tmp_path / "run"), 5, tmp_path / "more.csv").path).values
    assert more.shape[0] == 5
    assert np.isfinite(more).all()


class TestFolders:
    """When a folder is written to."""

    def test_finished(self, digits, refused):
        folder, _ = digits
        for resume, part in ((False, "--out"), (True, "nothing to resume")):
            refused(
                lambda resume=resume: runs.run(config("digits"), folder, resume=resume),
                str(folder),
                "finished",
                part,
            )

    def test_unfinished(self, tmp_path, refused):
        (tmp_path / "config.toml").write_text("seed = 0\n")
        refused(lambda: runs.run(config("gaussian"), tmp_path), "--resume", "--out")

    def test_other_settings(self, tmp_path, refused):
        (tmp_path / "config.toml").write_text("seed = 5\n")
        call = lambda: runs.run(config("gaussian", "seed=6"), tmp_path, resume=True)  # noqa: E731
        refused(call, "config.toml", "and is", "--out")
        (tmp_path / "config.toml").write_text("seed = \n")
        refused(call, "damaged", "--out")

    def test_other_files(self, tmp_path, refused):
        (tmp_path / "thesis.tex").write_text("x")
        refused(lambda: runs.run(config("gaussian"), tmp_path), "other files", "--out")
        assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]

    def test_below_a_file(self, tmp_path, refused):
        (tmp_path / "file").write_text("x")
        refused(lambda: runs.run(config("gaussian"), tmp_path / "file"), "is a file", "--out")
        refused(lambda: runs.run(config("gaussian"), tmp_path / "file" / "a"), "is a file")

    def test_empty_ones_are_fine(self, tmp_path):
        (tmp_path / ".writing-1-0123abcd-config.toml").write_text("")
        RunFolder(tmp_path).check(resume=False)
        RunFolder(tmp_path / "new").check(resume=True)

    def test_reading_what_is_not_there(self, tmp_path, refused):
        refused(lambda: RunFolder(tmp_path / "no").flow(), "no such folder")
        (tmp_path / "many" / "flows" / "labB").mkdir(parents=True)
        refused(lambda: RunFolder(tmp_path / "many").flow(), str(tmp_path / "many/flows/labB"))
        refused(lambda: RunFolder(tmp_path).flow(), "no finished flow")
        (tmp_path / "config.toml").write_text("")
        refused(lambda: RunFolder(tmp_path).law(), "--resume")


def test_a_damaged_checkpoint(tmp_path, refused):
    asked = config("gaussian", "n=10", "checkpoint_seconds=1e-9")
    runs.run(asked, tmp_path)
    (tmp_path / "metrics.json").unlink()
    state = next((tmp_path / "checkpoint").glob("state-*"))
    state.write_bytes(state.read_bytes()[:-7])
    refused(lambda: runs.run(asked, tmp_path, resume=True), str(state), "damaged or truncated")
    (tmp_path / "checkpoint" / "checkpoint.json").write_text("{")
    refused(lambda: runs.run(asked, tmp_path, resume=True), "checkpoint.json", "damaged")


@pytest.mark.parametrize("potential", ["smooth", "exact"])
def test_what_cannot_be_resumed_begins_anew_and_says_so(potential, tmp_path):
    said = []
    asked = config("gaussian", "n=10", "target.n=8", f"potential={potential}")
    runs.run(asked, tmp_path / "run", resume=True, say=said.append)
    (line,) = [line for line in said if "begins anew" in line]
    assert str(tmp_path / "run") in line
