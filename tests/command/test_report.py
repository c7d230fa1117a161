"""gpa report and what every run draws: files, refusals, and that it repeats to the byte."""

import json
import shutil

import pytest
from PIL import Image

from gparticles.experiment import runs
from gparticles.experiment.recipes import check, read_recipe, with_overrides

# compiles much: left out of `make fast-test`
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A finished run of a table with a hostile header."""
    folder = tmp_path_factory.mktemp("done")
    rows = "\n".join(f"{i},{i % 7},{i % 5}" for i in range(30))
    (folder / "<b>.csv").write_text(f'<img src=x>,"a""b&amp;",{{% z %}}\n{rows}\n')
    (folder / "my.toml").write_text("n = 12\nscale = 'columns'\n[target]\nfile = '<b>.csv'\n")
    asked = with_overrides(read_recipe(str(folder / "my.toml")), ["steps=4", "store.frames=3"])
    return runs.run(check(asked), folder / "<run>"), folder / "<run>"


@pytest.fixture
def run_folder(done, tmp_path):
    """A copy of it that a test may damage."""
    shutil.copytree(done[1], tmp_path / "run")
    return tmp_path / "run"


def test_a_run_draws_itself(done):
    result, folder = done
    assert result.report == folder / "report.html"
    text = result.report.read_text()
    assert "<img src=x>" not in text
    assert "&lt;run&gt;" in text
    assert "to &lt;b&gt;.csv" in text
    assert '"\\u003cimg src=x\\u003e"' in text
    with Image.open(folder / "trajectory.gif") as image:
        assert image.n_frames == 3
    left = {path.name for path in folder.iterdir()}
    assert {"report.html", "trajectory.gif", "metrics.json", "figures", "flow"} <= left
    assert not [name for name in left if name.startswith(".")]


def test_the_command_writes_the_same_again(done, gpa, run_folder):
    (run_folder / "report.html").unlink()
    status, out, _ = gpa("report", run_folder)
    assert status == 0
    assert out == f"report: {run_folder / 'report.html'}\n"
    again, first = ((f / "report.html").read_text() for f in (run_folder, done[1]))
    # but for the folder's name, which is in title, headline and command
    differing = [b for a, b in zip(again.splitlines(), first.splitlines(), strict=True) if a != b]
    assert len(differing) == 3
    assert all("run&gt;" in line for line in differing)


def test_a_folder_without_a_target_still_has_a_report(gpa, run_folder):
    (run_folder / "flow" / "shown.json").unlink()
    assert gpa("report", run_folder)[0] == 0
    assert "did not store what its target" in (run_folder / "report.html").read_text()


def test_refusals(fails, run_folder, tmp_path):
    fails(["report", tmp_path / "absent"], "there is no such folder")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.tex").write_text("x")
    fails(["report", tmp_path / "foreign"], "holds no finished flow", "give a run's folder")
    before = (run_folder / "report.html").read_bytes()
    for name, content, parts in (
        ("metrics.json", "{", ("metrics.json", "damaged")),
        ("metrics.json", "[]", ("metrics.json", "damaged")),
        ("flow/shown.json", json.dumps({"schema": 1}), ("shown.json", "damaged")),
    ):
        kept = (run_folder / name).read_bytes()
        (run_folder / name).write_text(content)
        fails(["report", run_folder], *parts)
        (run_folder / name).write_bytes(kept)
    (run_folder / "metrics.json").unlink()
    fails(["report", run_folder], "metrics.json is missing", "--resume")
    assert (run_folder / "report.html").read_bytes() == before
    (run_folder / "config.toml").unlink()
    # a slow machine has saved one
    shutil.rmtree(run_folder / "checkpoint", ignore_errors=True)
    fails(["report", run_folder], "give a run's folder")
