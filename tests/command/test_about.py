"""What a report of a bug needs, and what the shell completes."""

import os
import subprocess
import sys

import gparticles

COMMAND = [sys.executable, "-m", "gparticles.command.main"]


def completed(typed):
    words = {"_GPA_COMPLETE": "complete_bash", "COMP_WORDS": typed}
    words["COMP_CWORD"] = str(len(typed.split(" ")) - 1)
    result = subprocess.run(COMMAND, env=os.environ | words, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout.split()


def test_info_names_versions_and_devices_and_nothing_of_the_user(gpa, tmp_path):
    status, out, err = gpa("info")
    assert (status, err) == (0, "")
    lines = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert lines["gparticles"] == gparticles.__version__
    assert lines["jax"][0].isdigit()
    assert "cpu" in lines["devices"]
    assert os.sep not in out.replace("https://", "")
    assert str(tmp_path) not in out


def test_the_shell_completes_commands_options_and_recipes():
    assert "integrate" in completed("gpa int")
    assert completed("gpa run mni") == ["mnist", "mnist-2-to-0", "mnist-new"]
    assert completed("gpa run --valid") == ["--validation"]
