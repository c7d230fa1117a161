"""Whatever is in a run folder, what reads it ends with status 0 or with one line and status 2."""

import json
import os
import shutil
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gparticles.flow.saving import read_arrays, write_arrays
from tests.grids import few_usual

# compiles much: left out of `make fast-test`
pytestmark = pytest.mark.slow

BOUNDED = settings(
    max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
FLOW = ("flow", "source", "shown")
TEXTS = [
    *("", "[" * 100_000, '{"a":' * 100_000, "a = " + "[" * 100_000),
    *("\ud800", "seed = 0x" + "f" * 9999),
]
JUNK = [
    *(None, True, -1, 0, 3, 2**63, 10**400, -0.5, 1e300, float("nan"), float("inf")),
    *("", "x", "../../etc/passwd", "a\ud800", "0" * 5000, [], [1, 2], [[1]], ["a"], {}, {"a": 1}),
]


@dataclass(frozen=True)
class Runs:
    """Run folders of a table, of labelled images and through a latent space."""

    home: Path
    words: dict

    def __truediv__(self, name):
        from gparticles.command.main import main

        path = self.home / name
        if name in self.words and not path.exists():
            # tests look at what they start themselves
            with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
                assert main([*self.words[name], "--out", str(path)]) == 0
        return path


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder in which a run of each kind is made when a test asks for it."""
    home = tmp_path_factory.mktemp("runs")
    rows = np.random.default_rng(0).normal(size=(24, 3))
    (home / "few.csv").write_text(
        "a,b,c,kind\n" + "".join(f"{a},{b},{c},{'uv'[int(a > 0)]}\n" for a, b, c in rows)
    )
    quick = ["--set", "steps=2", "--set", "store.frames=2", "--set", "potential.width=4"]
    table = ["run", "--target", str(home / "few.csv"), "--label-column", "kind", "-n", "9"]
    words = {
        "table": table,
        "latent": [*table, "--set", "latent.dim=2", "--set", "latent.align=true"],
        "images": ["run", "digits", "-n", "10", "--set", "target.n=20"],
    }
    return Runs(home, {kind: [*words[kind], *quick] for kind in words})


def _paths(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else ()
    items = enumerate(value[:3]) if isinstance(value, list) else items
    for key, below in items:
        yield from _paths(below, (*path, key))


def _put(value, path, junk):
    if not path:
        return junk
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _put(value[path[0]], path[1:], junk)
    return copy


@cache
def _places(folder):
    """Every field of every JSON of a folder."""
    records = {path: json.loads(path.read_text()) for path in sorted(folder.rglob("*.json"))}
    return [(path, place) for path, record in records.items() for place in _paths(record)]


def _all_read(folder, home, capsys):
    """Everything that reads the folder; checks how it ends."""
    from gparticles.command.main import main

    few = folder / "particles.npz" if (folder / "particles.npz").exists() else home / "few.csv"
    out = folder.parent / "out"
    for words in (
        ["report", folder],
        ["sample", folder, "-n", "4", "--out", out, "--force"],
        ["transform", folder, few, "--out", out, "--force"],
        ["evaluate", folder, "--held-out", few],
    ):
        status = main(list(map(str, words)))
        said = capsys.readouterr().err
        # notes, and what is said of held-out rows before the folder is read, are not the refusal
        lines = [line for line in said.splitlines() if not line.startswith("gpa: note: ")]
        ours = [line for line in lines if "among those that the run is fitted to" not in line]
        assert status in (0, 2), said
        assert "fault" not in said
        assert status == 0 or len(ours) == 1, said


@pytest.mark.parametrize("kind", few_usual(("table", "latent", "images"), ("table",)))
@pytest.mark.parametrize("digest", [True, False])
def test_every_field_of_every_record_may_be_anything(kind, digest, finished, tmp_path, capsys):
    @settings(
        max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(st.data())
    def check(data):
        folder = tmp_path / kind
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(finished / kind, folder)
        path, place = data.draw(st.sampled_from(_places(finished / kind)))
        path = folder / path.relative_to(finished / kind)
        record = _put(json.loads(path.read_text()), place, data.draw(st.sampled_from(JUNK)))
        if not digest and isinstance(record, dict):
            # as one wrote it who knows how
            record.pop("digest", None)
        path.write_text(json.dumps(record))
        _all_read(folder, finished, capsys)

    check()


@pytest.mark.parametrize("place", [-1, 2**31, 2**63])
@pytest.mark.parametrize("name", ["id_position", "label_position"])
def test_columns_stand_where_columns_can_be(name, place, finished, tmp_path, fails):
    shutil.copytree(finished / "table", tmp_path / "table")
    path = tmp_path / "table" / "flow" / "source.json"
    record = json.loads(path.read_text())
    record.pop("digest")
    path.write_text(json.dumps(record | {"table": record["table"] | {name: place}}))
    sample = ("sample", tmp_path / "table", "-n", 4, "--out", tmp_path / "o")
    fails(sample, "where no column can be")


@pytest.mark.parametrize("kind", few_usual(("table", "latent", "images"), ("table",)))
def test_every_array_may_hold_anything(kind, finished, tmp_path, capsys):
    changes = [
        lambda a: np.full_like(a, np.nan) if a.dtype.kind == "f" else a - 1000,
        lambda a: a[..., :0] if a.ndim else np.zeros(0, a.dtype),
        lambda a: np.concatenate([a, a]) if a.ndim else a.reshape(1),
        lambda a: a.astype(np.int64 if a.dtype.kind == "f" else np.float32),
        lambda a: np.zeros_like(a),
    ]
    cases = [
        (path, name, change)
        for path in sorted((finished / kind).rglob("*.json"))
        if path.with_suffix(".safetensors").exists()
        for name in _arrays(path)
        for change in range(len(changes))
    ]

    @settings(
        max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(st.sampled_from(cases))
    def check(case):
        path, name, change = case
        folder = tmp_path / kind
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(finished / kind, folder)
        arrays = _arrays(path)
        arrays[name] = np.array(changes[change](arrays[name]))
        path = folder / path.relative_to(finished / kind)
        record = json.loads(path.read_text())
        record["checksum"] = write_arrays(path.with_suffix(".safetensors"), arrays)
        record.pop("digest", None)
        path.write_text(json.dumps(record))
        _all_read(folder, finished, capsys)

    check()


def _arrays(path):
    return read_arrays(path.with_suffix(".safetensors"), json.loads(path.read_text())["checksum"])


@pytest.mark.parametrize(
    "name", ["config.toml", "metrics.json", "flow/flow.json", "flow/source.json", "flow/shown.json"]
)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "[" * 100_000,
        '{"a":' * 100_000,
        "a = " + "[" * 100_000,
        "\ud800",
        "seed = 0x" + "f" * 9999,
    ],
)
def test_whole_files_may_be_anything(name, text, finished, tmp_path, capsys):
    shutil.copytree(finished / "table", tmp_path / "table")
    (tmp_path / "table" / name).write_bytes(text.encode("utf-8", "surrogatepass"))
    _all_read(tmp_path / "table", finished, capsys)


LOADER = (
    "import pathlib\n\ndef rows():\n    pathlib.Path({!r}).touch()\n    return [[1.0, 2.0]] * 9\n"
)


def test_a_loader_that_a_folder_names_is_not_run(finished, tmp_path, gpa, fails, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(finished / "table", tmp_path / "table")
    (tmp_path / "table" / "evil.py").write_text(LOADER.format(str(tmp_path / "ran")))
    config = tmp_path / "table" / "config.toml"
    own = config.read_text()
    few = finished / "few.csv"
    for loader in ("evil.py:rows", "os:abort", str(tmp_path / "table" / "evil.py") + ":rows"):
        target = f'[target]\ncustom = "{loader}"\nfolder = "{tmp_path / "table"}"\n'
        config.write_text(own[: own.index("[target]")] + target)
        fails(["evaluate", "table", "--held-out", few], "loader", "not run", "--target FILE")
        status, out, err = gpa(
            "evaluate", "table", "--held-out", few, "--target", few, "--label-column", "kind"
        )
        assert status == 0, err
        assert "w2" in out
        for words in (
            ["report", "table"],
            ["sample", "table", "-n", "3", "-o", "s.csv", "--force"],
        ):
            assert gpa(*words)[0] == 0
    assert not (tmp_path / "ran").exists()
    # whoever names the file itself wants its loader
    gpa("run", "table/config.toml", "--out", "again", "--set", "steps=1")
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "name", ["figures", "report.html", "flow", "flow/flow.safetensors", "particles.csv"]
)
def test_links_out_of_a_folder_are_not_followed(name, finished, tmp_path, fails):
    shutil.copytree(finished / "table", tmp_path / "table")
    place = tmp_path / "table" / name
    place.rename(tmp_path / "elsewhere")
    place.symlink_to(tmp_path / "elsewhere")
    for words in (
        ["report", tmp_path / "table"],
        ["sample", tmp_path / "table", "-n", "3", "-o", "s.csv"],
    ):
        fails(words, f"table/{name}: is a link to elsewhere")
    (tmp_path / "table" / "metrics.json").unlink()
    fails(["run", "swiss-roll", "--out", tmp_path / "table", "--resume"], "is a link to elsewhere")
    assert not place.parent.joinpath("s.csv").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no such thing here")
def test_a_pipe_in_a_folder_is_not_waited_for(finished, tmp_path, fails):
    shutil.copytree(finished / "table", tmp_path / "table")
    (tmp_path / "table" / "metrics.json").unlink()
    os.mkfifo(tmp_path / "table" / "metrics.json")
    fails(["report", tmp_path / "table"], "neither a file nor a folder")
