"""The notebooks in examples/ run as they stand, and show what they say they show."""

import re
import runpy
from pathlib import Path

import pytest

# they compile and train
pytestmark = pytest.mark.slow

NOTEBOOKS = Path(__file__).parents[1] / "examples" / "notebooks"


def run(name, capsys):
    values = runpy.run_path(str(NOTEBOOKS / name))
    return values, capsys.readouterr().out


def test_few_rows(capsys):
    values, out = run("few_rows.py", capsys)
    assert "200 rows of mean_radius" in out
    assert values["flow"].particles.shape == (5000, 4)
    metrics = values["metrics"]
    assert metrics["w2"]["value"] < metrics["w2"]["resampled"]
    assert metrics["copy_rate"]["value"] < 0.05
    assert values["more"].shape == (1000, 4)


def test_learning_gaussian(capsys):
    values, out = run("learning_gaussian.py", capsys)
    found = dict(re.findall(r"W2 of the ([\w ]+) to unseen points: ([\d.]+)", out))
    distances = {name: float(value) for name, value in found.items()}
    assert distances["source"] > 13
    assert distances["particles"] < 2 * distances["fresh points"]
    assert len(values["figure"].axes) == 2


def test_without_a_network(capsys):
    values, out = run("without_a_network.py", capsys)
    assert out.count(" 0 rises") == 6
    assert values["same"]
    assert abs(values["ratio"] - 1).max() < 0.01
    reached = [int(n) for n in re.findall(r"(\d+) of 50 targets", out)]
    # KL at L = 1 strands particles, the others do not
    assert max(reached[:2]) < 20 < min(reached[2:])
    assert values["after"] < 0.25 * values["before"]


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.py")), ids=lambda path: path.name)
def test_cells_are_jupytexts(path):
    text = path.read_text()
    assert text.startswith("# ---\n# jupyter:\n")
    assert "format_name: percent" in text
    # a cell is marked at the beginning of a line, and the last is not empty
    cells = re.split(r"^# %%.*\n", text, flags=re.MULTILINE)
    assert len(cells) >= 6
    assert all(cell.strip() for cell in cells)
