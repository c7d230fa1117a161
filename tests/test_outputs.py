"""Outputs: whole or not there, links and folders of others left alone, leftovers swept."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gparticles import outputs
from gparticles.experiment.folder import RunFolder


def _names(folder):
    return [path.name for path in folder.iterdir()]


def test_a_file_is_replaced_at_once(tmp_path):
    path = tmp_path / "a.json"
    outputs.replace_file(path, b"one")
    outputs.replace_file(path, b"two")
    assert path.read_bytes() == b"two"
    assert _names(tmp_path) == ["a.json"]


def test_a_link_is_replaced_and_what_it_names_is_left(tmp_path):
    (tmp_path / "precious").write_text("mine")
    for write in (lambda p: outputs.replace_file(p, b"new"), _write_whole):
        (tmp_path / "a").unlink(missing_ok=True)
        (tmp_path / "a").symlink_to(tmp_path / "precious")
        write(tmp_path / "a")
        assert (tmp_path / "a").read_text() == "new"
        assert not (tmp_path / "a").is_symlink()
    assert (tmp_path / "precious").read_text() == "mine"


def _write_whole(path):
    with outputs.whole(path) as temporary:
        temporary.write_text("new")


def test_a_failure_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def cut_off():
        with outputs.whole(path) as temporary:
            assert temporary.suffix == ".txt"
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cut_off()
    assert path.read_text() == "old"
    assert _names(tmp_path) == ["a.txt"]


def test_a_folder_that_holds_anything_is_not_replaced(tmp_path, refused):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").write_text("mine")

    def write(name):
        with outputs.whole(tmp_path / name) as temporary:
            temporary.mkdir()
            (temporary / "b").write_text("new")

    refused(lambda: write("full"), "full", "cannot be written")
    assert _names(tmp_path / "full") == ["a"]
    write("new")
    assert _names(tmp_path / "new") == ["b"]
    assert sorted(_names(tmp_path)) == ["full", "new"]


def test_names_may_be_long(tmp_path):
    path = tmp_path / ("\N{SNOWMAN}" * 80 + ".csv")
    _write_whole(path)
    assert path.read_text() == "new"


def test_what_exists_is_refused_but_by_force(tmp_path, refused):
    (tmp_path / "a").write_text("")
    refused(lambda: outputs.check_free(tmp_path / "a", force=False), "exists", "--force")
    outputs.check_free(tmp_path / "a", tmp_path / "b", force=True)
    refused(lambda: outputs.check_free(tmp_path / "a" / "b", force=True), "is a file")


def test_a_place_that_cannot_be_written_is_refused_at_once(tmp_path, refused, monkeypatch):
    def read_only(*_, **__):
        raise OSError(30, "Read-only file system")

    path = tmp_path / "a" / "b"
    outputs.check_free(path, force=False)
    assert _names(tmp_path) == []
    monkeypatch.setattr(outputs.Path, "mkdir", read_only)
    refused(lambda: outputs.check_free(path, force=False), "Read-only", "another place")
    refused(lambda: RunFolder(path).check(resume=False), "Read-only", "another place")


KILLED = """
import os, sys
from pathlib import Path
from gparticles import outputs
with outputs.whole(Path(sys.argv[1])) as temporary:
    temporary.mkdir()
    (temporary / "half").write_text("")
    os._exit(9)
"""


def test_leftovers_of_the_killed_are_swept(tmp_path):
    for folder in (tmp_path, tmp_path / "below"):
        folder.mkdir(exist_ok=True)
        subprocess.run([sys.executable, "-c", KILLED, folder / "images"], check=False)
        subprocess.run([sys.executable, "-c", KILLED, folder / "others"], check=False)
        assert len([name for name in _names(folder) if name.startswith(".writing-")]) == 2
    # of the same name by whoever writes it, all of them in a folder that is our own
    with outputs.whole(tmp_path / "images") as temporary:
        temporary.write_text("new")
    left = [name for name in _names(tmp_path) if name.startswith(".writing-")]
    assert [name.rpartition("-")[2] for name in left] == ["others"]
    busy = tmp_path / f".writing-{os.getppid()}-00000000-a"
    busy.write_text("another process is at it")
    outputs.sweep(tmp_path)
    assert sorted(_names(tmp_path)) == sorted([busy.name, "below", "images"])
    assert _names(tmp_path / "below") == []


def test_a_folder_is_removed_from_its_name_first(tmp_path, monkeypatch):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a").write_text("")
    names = []
    monkeypatch.setattr(outputs.shutil, "rmtree", lambda path: names.append(path.name))
    outputs.remove(tmp_path / "images")
    assert not (tmp_path / "images").exists()
    assert names[0].startswith(".writing-")


def test_links_are_removed_and_not_followed(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    outputs.remove(tmp_path / "link")
    assert _names(tmp_path) == ["mine"]
    assert _names(tmp_path / "mine") == ["a"]


def test_the_folder_that_one_stands_in_is_a_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with outputs.staged(Path()) as folder:
        (folder / "a.txt").write_text("a")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
