"""Killed whenever it opens, renames or makes something, a run continues to the same files.

A kill is an exception at one of these calls, after which every further call fails likewise, so that
nothing is tidied up either.
"""

import os
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from gparticles.experiment import runs
from gparticles.experiment.folder import RunFolder
from gparticles.experiment.recipes import Recipe, check
from gparticles.outputs import replace_file
from tests.grids import few_usual

# compiles much: left out of `make fast-test`
pytestmark = pytest.mark.slow

EVENTS = ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir")


class Killed(BaseException):
    """What nothing catches."""


class Killer:
    """Counts the calls that change something below a folder, and ends the process at one."""

    home: Path | None = None
    left = 0

    def __call__(self, event, arguments):
        if self.home is None or event not in EVENTS:
            return
        path = arguments[0]
        if not isinstance(path, (str, bytes)) or not os.fsdecode(path).startswith(str(self.home)):
            return
        if event == "open" and not (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR):
            return
        self.left -= 1
        if self.left < 0:
            raise Killed

    @contextmanager
    def after(self, calls, home):
        self.left, self.home = calls, home
        try:
            yield
        finally:
            self.home = None


@pytest.fixture(scope="module")
def killer():
    """One for the process, since an audit hook stays."""
    one = Killer()
    sys.addaudithook(one)
    return one


@pytest.fixture
def quick(monkeypatch):
    """Pictures and numbers that are written as ever and take no time to make."""

    def draw(folder, inputs, flow):
        from gparticles.experiment.pictures import _keep
        from gparticles.report.shown import choose

        _keep(folder, choose(flow, inputs.target))
        with (folder.subfolder("figures") / "particles.png").open("wb") as file:
            file.write(b"picture")
        replace_file(folder.path / "trajectory.gif", b"film")
        return ()

    monkeypatch.setattr(runs, "draw_run", draw)
    monkeypatch.setattr(runs, "run_metrics", lambda *_, **__: {})
    monkeypatch.setattr(
        runs, "report_run", lambda folder, *_: replace_file(folder.path / "report.html", b"page")
    )


KINDS = {
    "table": {"source": {"noise": "gaussian"}},
    "images": {"source": {"noise": "uniform"}, "bounds": [0.0, 1.0]},
    "latent": {"latent": {"codec": "pca", "dim": 2}},
    "conditional": {"conditional": True},
}


def _configured(kind, home):
    from PIL import Image

    rng = np.random.default_rng(0)
    if kind == "images":
        (home / "few").mkdir()
        for k, pixels in enumerate(rng.integers(0, 255, (6, 4, 4), dtype=np.uint8)):
            Image.fromarray(pixels).save(home / "few" / f"{k}.png")
        target = {"file": "few"}
    else:
        rows = rng.normal(size=(8, 3))
        lines = [f"{a},{b},{c},{'uv'[k % 2]}" for k, (a, b, c) in enumerate(rows)]
        (home / "few.csv").write_text("\n".join(["a,b,c,kind", *lines]) + "\n")
        target = {"file": "few.csv", "label_column": "kind"}
    keys = {"target": target, "n": 4, "steps": 3, "fit_steps": 1, "checkpoint_seconds": 1e-9}
    keys |= {"potential": {"width": 4}, "store": {"frames": 2}, "conditional": False}
    return check(Recipe("few", "a test", {**keys, **KINDS[kind]}, home))


def _contents(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        # what says how the run came about
        if path.is_file() and "checkpoint" not in path.parts and path.name != "report.html"
    }


def _calls(killer, home, act):
    """How many calls an uninterrupted one makes."""
    with killer.after(10**9, home):
        act()
        return 10**9 - killer.left


@pytest.mark.parametrize("kind", few_usual(KINDS, ("table",)))
def test_a_killed_run_resumes_to_the_same_files(kind, quick, killer, tmp_path):
    config = _configured(kind, tmp_path)
    ready = runs.make_ready(config)
    whole = tmp_path / "whole"
    calls = _calls(killer, whole, lambda: runs.run(config, whole, ready=ready))
    assert calls > 20
    expected = _contents(whole)
    # at every call for tables; of the others, of which most calls are the same, at every third
    for k in range(0, calls, 1 if kind == "table" else 3):
        out = tmp_path / str(k)
        with pytest.raises(Killed), killer.after(k, out):
            runs.run(config, out, ready=ready)
        runs.run(config, out, resume=True, ready=ready)
        assert _contents(out) == expected, k
        assert RunFolder(out).finished


@pytest.mark.parametrize("kind", ["table", "images"])
def test_a_killed_sample_or_transform_is_made_again(kind, quick, killer, tmp_path):
    config = _configured(kind, tmp_path)
    runs.run(config, tmp_path / "run")
    folder, few = RunFolder(tmp_path / "run"), config.target.file
    home = tmp_path / "out"
    home.mkdir()
    name = "out.csv" if kind == "table" else "out"
    for act in (
        lambda out: runs.sample(folder, 3, out),
        lambda out: runs.transform(
            folder, few, out, label_column="kind" if kind == "table" else None
        ),
    ):
        (home / "whole").mkdir()
        calls = _calls(killer, home, lambda act=act: act(home / "whole" / name))
        expected = _contents(home / "whole")
        for k in range(calls):
            (home / "cut").mkdir()
            with pytest.raises(Killed), killer.after(k, home):
                act(home / "cut" / name)
            # nothing that is half written has the final name
            if not (home / "cut" / name).exists():
                act(home / "cut" / name)
            finished = _contents(home / "cut")
            assert {p: b for p, b in finished.items() if not str(p).startswith(".")} == expected
            shutil.rmtree(home / "cut")
        shutil.rmtree(home / "whole")
