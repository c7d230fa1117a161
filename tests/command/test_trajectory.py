"""``gpa trajectory``: the folder it writes, and what it refuses before it computes."""

import csv
import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import gparticles as gpa
from gparticles.command.main import main
from gparticles.data import branching
from gparticles.experiment import course_runs

N = 40


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Snapshots in cells.csv of the current folder, and fits that are short."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(course_runs, "trajectory", partial(gpa.trajectory, fit_steps=200))
    course = branching(N, times=(0, 12, 24), dim=3, rate=0.1, push=0.05, seed=1)
    _write("cells.csv", course.points, course.times, "abc")
    return course


def _write(name, points, times, columns):
    with Path(name).open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["hours", *columns])
        writer.writerows([f"{t:g}h", *row] for t, row in zip(times, points.tolist(), strict=True))


def refuses(capsys, words, *parts):
    assert main([str(word) for word in words]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
    for part in parts:
        assert part in line


def test_the_folder(made, capsys):
    words = ["trajectory", "cells.csv", "--time-column", "hours", "--at", "6,18"]
    words += ["--genes", "b,a", "-o", "out"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "left out 12: W2" in said
    with Path("out/particles.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["cell", "time", "a", "b", "c"]
    stored = gpa.load_trajectory("out/trajectory")
    numbers = np.array([[float(cell) for cell in row[1:]] for row in rows[1:]])
    assert np.allclose(numbers[:N, 1:], stored.at(6.0), atol=1e-4)
    assert numbers[:, 0].tolist() == [6.0] * N + [18.0] * N
    with Path("out/cells.csv").open(newline="") as file:
        cells = list(csv.DictReader(file))
    assert len(cells) == 3 * N
    assert float(cells[0]["growth"]) > 0
    assert cells[-1]["growth"] == ""
    metrics = json.loads(Path("out/metrics.json").read_text())
    names = {"flow", "stay", "mean shift", "exact transport", "its halves"}
    assert set(metrics["left_out"][0]["w2"]) == names
    page = Path("out/report.html").read_text()
    assert "gpa trajectory cells.csv" in page
    assert "do not determine trajectories" in page
    refuses(capsys, words, "out: exists", "--force")


def test_the_recipe_runs_from_the_package(made, capsys):
    assert main(["recipes"]) == 0
    listed = capsys.readouterr().out
    assert "time-course" in listed
    assert "hsmm" in listed
    assert main(["run", "time-course", "-o", "forked"]) == 0
    with Path("forked/cells.csv").open(newline="") as file:
        cells = list(csv.DictReader(file))
    assert {"fate up", "fate down"} < set(cells[0])
    assert gpa.load_trajectory("forked/trajectory").unit == "hours"


def test_what_is_refused_before_anything_is_computed(made, monkeypatch, capsys):
    for name in ("trajectory", "integrate_times", "leave_out"):
        monkeypatch.setattr(course_runs, name, None)
    words = ["trajectory", "cells.csv", "-o", "out"]
    refuses(capsys, words, "--time-column: is missing")
    words += ["--time-column", "hours"]
    refuses(capsys, [*words, "--at", "30"], "--at 30: outside", "0 to 24")
    refuses(capsys, [*words, "--at", "soon"], "--at soon: give numbers")
    refuses(capsys, [*words, "--basis", "X_pca"], "--basis: means nothing for csv")
    refuses(capsys, [*words, "--genes", "a,z"], "--genes: no column 'z'", '"c"')
    refuses(capsys, [*words, "--fates", "fate"], 'no label column "fate"', '"c"')
    refuses(capsys, [*words[:-1], "day"], 'no time column "day"', '--time-column one of "hours"')
    refuses(capsys, ["trajectory", "cell.csv", *words[2:]], "cell.csv: there is no such file")
    course = ["trajectory", "time-course", *words[2:]]
    refuses(capsys, course, "--time-column: means nothing for the recipe time-course")
    _write("other.csv", made.points, made.times, "abd")
    two = ["trajectory", "cells.csv", "other.csv", *words[2:]]
    refuses(capsys, two, "other.csv", "give both the same columns")
    Path("gap.csv").write_text("hours,a\n0h,1\n0h,2\n,3\n12h,4\n12h,5\n")
    refuses(capsys, ["trajectory", "gap.csv", *words[2:]], 'row 4, column "hours"', "missing")


def test_a_time_that_cannot_be_left_out(made, capsys):
    words = ["trajectory", "cells.csv", "--time-column", "hours", "-o", "out"]
    refuses(capsys, [*words, "--leave-out", "24"], "24 is no inner time", "choose of 12")
    assert not Path("out").exists()


def test_a_recipe_refuses_what_it_has_no_use_for(made, monkeypatch, capsys):
    monkeypatch.setattr(course_runs, "carry_out", None)
    words = ["run", "time-course", "-o", "out"]
    refuses(capsys, [*words, "-n", "50"], "-n: means nothing for time-course", "leave it out")
    refuses(capsys, [*words, "--set", "steps=5"], "--set: means nothing")
    refuses(capsys, [*words, "--process", "0"], "--process: means nothing")
    refuses(capsys, [*words, "--resume"], "--resume: means nothing")
    Path("out").mkdir()
    refuses(capsys, words, "out: exists", "gpa trajectory time-course --out out --force")


def test_text_beside_times_in_words(made, capsys):
    text = ["cell,hours,fate,a,b,c"]
    for k, (time, point) in enumerate(zip(made.times, made.points.tolist(), strict=True)):
        fate = ("up" if made.fates[k] else "down") if time == 24 else ""
        text.append(f"c{k},{time:g}h,{fate},{','.join(map(str, point))}")
    Path("named.csv").write_text("\n".join(text) + "\n")
    words = ["trajectory", "named.csv", "--time-column", "hours", "--fates", "fate"]
    assert main([*words, "--leave-out", "none", "--at", "12", "-o", "out"]) == 0
    capsys.readouterr()
    with Path("out/cells.csv").open(newline="") as file:
        cells = list(csv.DictReader(file))
    assert cells[0]["cell"] == "c0"
    assert float(cells[0]["fate up"]) + float(cells[0]["fate down"]) == pytest.approx(1)
    assert cells[0]["time"] == "0"


def test_the_recipe_of_myoblasts_says_what_to_install(made, monkeypatch, capsys):
    from gparticles.data import studies

    monkeypatch.setattr(studies, "_LIBRARIES", ())
    monkeypatch.delenv("R_LIBS", raising=False)
    monkeypatch.delenv("R_LIBS_USER", raising=False)
    refuses(capsys, ["run", "hsmm", "-o", "out"], "r-bioc-hsmmsinglecell")
