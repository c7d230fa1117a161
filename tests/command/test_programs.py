"""Compiled programs are kept between processes: bounded, one's own, never a failure."""

import os
import subprocess
import sys
import zlib

import numpy as np
import pytest

from gparticles.command import programs

COMMAND = """
import sys
from gparticles.command.main import main
status = main()
import jax
print("kept in", jax.config.jax_compilation_cache_dir)
sys.exit(status)
"""
FLOW = """
from gparticles.command import console, programs
with console.warnings_told():
    console.note(programs.keep_programs())
    import numpy as np, gparticles as gpa
    points = np.random.default_rng(0).normal(size=(9, 2))
    print(gpa.transport(points, points[:7] + 1, steps=4).particles.tobytes().hex())
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Variables of a process that knows no folder yet; XDG's is where platformdirs looks."""
    for name in list(os.environ):
        if name.startswith(("JAX_COMPILATION", "JAX_PERSISTENT", "GPARTICLES_CACHE", "TF_CPP")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    return tmp_path


def started(folder, code, *words, **variables):
    """A new process."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**os.environ, **variables},
    )


def printed(folder, code, *words, **variables):
    """What a new process prints on stdout and on stderr."""
    return started(folder, code, *words, **variables).communicate()


def kept(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="XDG's folder")
def test_the_second_process_compiles_nothing_and_has_the_same_bits(own):
    first, said = printed(own, FLOW)
    assert said == ""
    assert len(first) > 9 * 2 * 8
    (folder,) = (own / "xdg" / "gparticles" / "programs").iterdir()
    assert folder.stat().st_mode & 0o077 == 0
    programs_of_the_first = kept(folder)
    assert programs_of_the_first
    assert printed(own, FLOW) == (first, "")
    assert kept(folder) == programs_of_the_first
    assert printed(own, FLOW, GPARTICLES_CACHE="off") == (first, "")


@pytest.mark.slow
def test_damaged_programs_are_a_note_and_are_made_anew(own):
    place = {"GPARTICLES_CACHE": "place"}
    first = printed(own, FLOW, **place)[0]
    (folder,) = (own / "place" / "programs").iterdir()
    entries = sorted(folder.glob("*-cache"))
    for entry in entries:
        entry.write_bytes(entry.read_bytes()[:-9])
    second, said = printed(own, FLOW, **place)
    assert second == first
    assert said.count("\n") == 1
    assert f"note: {folder}: {len(entries)} damaged programs were removed" in said
    assert all(zlib.decompress(entry.read_bytes()) for entry in entries)
    assert printed(own, FLOW, **place) == (first, "")


@pytest.mark.thorough
def test_two_processes_at_once(own):
    pair = [started(own, FLOW) for _ in range(2)]
    one, other = (process.communicate() for process in pair)
    assert one == other
    assert one[1] == ""


def test_the_command_keeps_its_programs(own):
    np.save(own / "a.npy", np.eye(3))
    out, said = printed(own, COMMAND, "divergence", "a.npy", "a.npy", GPARTICLES_CACHE="place")
    assert said == ""
    assert f"kept in {own / 'place' / 'programs'}" in out
    assert "kept in None" in printed(own, COMMAND, "recipes")[0]


def _kept(monkeypatch, wanted):
    """The note of ``keep_programs`` and the variables it set, as if JAX were not loaded."""
    monkeypatch.delitem(sys.modules, "jax", raising=False)
    monkeypatch.setenv("GPARTICLES_CACHE", str(wanted))
    before = dict(os.environ)
    note = programs.keep_programs()
    changed = {key: value for key, value in os.environ.items() if before.get(key) != value}
    for key in changed:
        monkeypatch.delenv(key)
    return note, changed


def test_a_folder_that_cannot_be_written_is_a_note(own, monkeypatch):
    (own / "file").write_text("")
    note, changed = _kept(monkeypatch, own / "file")
    assert str(own / "file") in note
    assert "GPARTICLES_CACHE=off" in note
    assert not changed


@pytest.mark.skipif(os.name != "posix", reason="permissions")
def test_a_folder_that_others_can_write_is_not_trusted(own, monkeypatch):
    note, changed = _kept(monkeypatch, own)
    assert note is None
    folder = changed["JAX_COMPILATION_CACHE_DIR"]
    os.chmod(folder, 0o777)  # noqa: PTH101
    note, changed = _kept(monkeypatch, own)
    assert "others can write" in note
    assert not changed


@pytest.mark.parametrize("word", ["off", "0", "OFF"])
def test_switched_off(word, own, monkeypatch):
    assert _kept(monkeypatch, word) == (None, {})


def test_a_choice_of_ones_own_and_a_loaded_jax_are_left_alone(own, monkeypatch):
    monkeypatch.setenv("GPARTICLES_CACHE", str(own / "new"))
    monkeypatch.setitem(sys.modules, "jax", sys)
    assert programs.keep_programs() is None
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "mine")
    assert _kept(monkeypatch, own / "new") == (None, {})
    assert os.environ["JAX_COMPILATION_CACHE_DIR"] == "mine"
    assert not (own / "new").exists()


def test_what_was_used_least_lately_goes_first(own, monkeypatch):
    monkeypatch.setattr(programs, "MOST_BYTES", 100)
    for k in range(12):
        (own / "programs").mkdir(exist_ok=True)
        path = own / "programs" / f"{k}-cache"
        path.write_bytes(bytes(10))
        os.utime(path, (k, k))
    note, _ = _kept(monkeypatch, own)
    assert note is None
    left = {path.name for path in (own / "programs").glob("*-cache")}
    assert left == {f"{k}-cache" for k in range(4, 12)}


@pytest.mark.parametrize("words", [[], ["--help"], ["run", "--help"], ["recipes"], ["--version"]])
def test_nothing_is_made_for_words(words):
    assert not programs.are_needed(words)
    assert programs.are_needed(["run", "swiss-roll"])
