"""What users install says its version once, and has types that their checker sees."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import gparticles

ROOT = Path(__file__).parents[1]
USERS = """
import gparticles as gpa
import numpy as np

points = np.zeros((4, 2))
flow = gpa.transport(points, points, f=gpa.KL(), steps=2)
reveal_type(flow)
reveal_type(flow.particles)
reveal_type(gpa.divergence(points, points).lower)
reveal_type(gpa.GPA(steps=2).fit(points, points))
gpa.transport(points, points, stepz=2)
gpa.transprot(points, points)
"""


def test_there_is_one_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    written = re.search(r"^version: (.*)$", citation, re.MULTILINE)
    assert written is not None
    assert project["version"] == written[1] == gparticles.__version__


def test_extras_are_named_in_the_documentation():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "Makefile"]
    everything = "\n".join(path.read_text("utf-8") for path in pages)
    for extra in project["optional-dependencies"]:
        assert re.search(rf"[\[,]{extra}[\],]", everything) or extra == "dev", extra


# pyright reads all that the package imports
@pytest.mark.slow
def test_a_users_type_checker_sees_types(tmp_path):
    (tmp_path / "users.py").write_text(USERS, encoding="utf-8")
    source = Path(gparticles.__file__).parents[1]
    assert (source / "gparticles" / "py.typed").exists()
    (tmp_path / "pyrightconfig.json").write_text(f'{{"extraPaths": ["{source}"]}}')
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "users.py"]
    shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout
    types = re.findall(r'Type of "(.*)" is "(.*)"', shown)
    assert [name for name, _ in types] == [
        "flow",
        "flow.particles",
        "gpa.divergence(points, points).lower",
        "gpa.GPA(steps=2).fit(points, points)",
    ], shown
    kinds = [kind for _, kind in types]
    assert [kinds[0], kinds[2], kinds[3]] == ["Flow", "float", "GPA"]
    assert kinds[1].lower().startswith("ndarray")
    # misspelt words are errors before anything runs
    assert 'No parameter named "stepz"' in shown
    assert '"transprot" is not a known attribute' in shown
