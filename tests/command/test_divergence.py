"""``gpa divergence``: what it prints, draws and refuses."""

import json
import math
import shlex

import numpy as np
import pytest

from gparticles.divergence import interior_point
from gparticles.tables.two_samples import read_two_samples

KEYS = ["f", "lipschitz", "lower", "upper", "gap", "converged", "points", "seconds"]


@pytest.fixture
def golden(tmp_path):
    """The clouds of the golden values as a.npy and b.npy."""
    rng = np.random.default_rng(1)
    np.save(tmp_path / "a.npy", rng.normal(size=(30, 2)))
    np.save(tmp_path / "b.npy", rng.normal(size=(25, 2)) + 1)


def written(path, columns, rows):
    path.write_text("\n".join([",".join(columns), *(",".join(map(str, r)) for r in rows)]) + "\n")


@pytest.mark.parametrize(
    ("f", "lipschitz", "value"),
    [("kl", 1, 1.065758), ("js", 5, 2.895831), ("alpha:2", 0.3, 0.399069), ("w1", 1, 1.443605)],
)
def test_json_has_the_golden_value(f, lipschitz, value, gpa, golden):
    status, out, err = gpa("divergence", "a.npy", "b.npy", "--f", f, "--lipschitz", lipschitz)
    assert (status, err) == (0, "")
    given = ("--f", f, "--lipschitz", lipschitz, "--tolerance", 1e-4, "--json")
    status, out, err = gpa("divergence", "a.npy", "b.npy", *given)
    assert (status, err) == (0, "")
    assert out.count("\n") == 1
    found = json.loads(out)
    assert list(found) == KEYS
    assert found["lower"] - 1e-6 <= value <= found["upper"] + 1e-6
    assert found["gap"] == pytest.approx(1 - found["lower"] / found["upper"])
    assert found["gap"] <= 1e-4
    assert found["converged"] is True
    assert (found["f"], found["lipschitz"], found["points"]) == (f, lipschitz, [30, 25])


def test_plain_lines(gpa, golden):
    status, out, err = gpa("divergence", "a.npy", "b.npy", "--tolerance", "1e-6")
    assert (status, err) == (0, "")
    assert "between 1.06575" in out
    assert "converged to 1e-06" in out
    assert "L = 1 nats per data unit" in out
    assert "30 points in a.npy, 25 in b.npy, 2 columns" in out
    # equal clouds: no gap to speak of, though its share of nothing is large
    out = gpa("divergence", "a.npy", "a.npy")[1]
    assert "between 0 and" in out
    assert "not converged" not in out


def test_not_converged_is_said_and_no_failure(gpa, golden, monkeypatch):
    monkeypatch.setattr(interior_point, "STEPS", 1)
    status, out, err = gpa("divergence", "a.npy", "b.npy")
    assert status == 0
    assert "not converged to 0.001, but the bounds hold" in out
    assert err.startswith("gpa: note: the gap reached")
    status, out, _ = gpa("divergence", "a.npy", "b.npy", "--json", "--f", "w1")
    assert status == 0
    found = json.loads(out)
    assert found["converged"] is False
    assert found["lower"] <= 1.443605 <= found["upper"]


def test_identifiers_classes_and_weights_are_no_coordinates(gpa, tmp_path):
    rows = [("r1", "x", 0.0, 3), ("r2", "y", 1.0, 1), ("r3", "x", 5.0, 0)]
    written(tmp_path / "a.csv", ("name", "kind", "height", "times"), rows)
    written(tmp_path / "b.csv", ("name", "kind", "height"), [("s", "x", 0.0), ("t", "y", 1.0)])
    named = ("--id-column", "name", "--label-column", "kind", "--weights-column", "times")
    given = ("a.csv", "b.csv", "--f", "w1", "--tolerance", 1e-6, "--json", *named)
    status, out, err = gpa("divergence", *given)
    assert (status, err) == (0, "")
    # three quarters at 0 and one at 1, against halves
    assert json.loads(out)["upper"] == pytest.approx(0.25, rel=1e-5)
    assert gpa("divergence", "a.csv", "b.csv", *named[:4])[0] == 2
    # without a header columns are counted from 1
    np.save(tmp_path / "a.npy", np.array([[3, 0.0], [1, 1.0]]))
    np.save(tmp_path / "b.npy", np.array([[1, 0.0], [1, 1.0]]))
    clouds = read_two_samples((tmp_path / "a.npy", tmp_path / "b.npy"), weights_column="1")
    assert clouds.p.tolist() == [[0.0], [1.0]]
    assert clouds.weights["p_weights"].tolist() == [3.0, 1.0]


def test_columns_of_very_different_spread_are_told(gpa, few, golden):
    status, _, err = gpa("divergence", few, few, "--label-column", "kind")
    assert status == 0
    assert 'column "income" spreads' in err
    assert '"height"' in err
    assert err.count("\n") == 1
    assert gpa("divergence", "a.npy", "b.npy")[2] == ""


def test_sweep_table_and_picture(gpa, tmp_path):
    np.save(tmp_path / "a.npy", np.array([[0.0], [0.0], [0.0], [1.0]]))
    np.save(tmp_path / "b.npy", np.array([[0.0], [1.0]]))
    ends = ("--sweep-from", 0.01, "--sweep-to", 100, "--sweep-points", 5)
    status, out, err = gpa("divergence", "a.npy", "b.npy", "--sweep", *ends)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split() == ["L", "D,", "nats", "D", "/", "L", "gap"]
    assert [float(line.split()[0]) for line in lines[1:6]] == [0.01, 0.1, 1, 10, 100]
    d_f = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert float(lines[5].split()[1]) == pytest.approx(d_f, rel=1e-3)
    assert "W1 = 0.25 data units" in out
    assert f"D_f = {d_f:.5g} nats" in out
    assert "plot: divergence.png" in out
    first = (tmp_path / "divergence.png").read_bytes()
    assert first.startswith(b"\x89PNG")
    # never overwritten unasked
    status, out, err = gpa("divergence", "b.npy", "b.npy", "--sweep", *ends)
    assert (status, out) == (2, "")
    assert "divergence.png: exists" in err
    assert (tmp_path / "divergence.png").read_bytes() == first
    assert gpa("divergence", "b.npy", "b.npy", "--sweep", "--force", *ends)[0] == 0
    assert (tmp_path / "divergence.png").read_bytes() != first


def test_sweep_as_json_on_its_own_grid(gpa, golden, tmp_path):
    given = ("--sweep", "--json", "--sweep-points", 4, "--out", "s.svg")
    status, out, err = gpa("divergence", "a.npy", "b.npy", *given)
    assert (status, err) == (0, "")
    found = json.loads(out)
    assert len(found["lipschitz"]) == len(found["divergence"]) == 4
    assert found["d_f"] is None
    assert found["w1"] == pytest.approx(1.443605, rel=1e-3)
    assert found["divergence_over_lipschitz"][0] == pytest.approx(found["w1"], rel=0.02)
    assert found["plot"] == "s.svg"
    assert b"<svg" in (tmp_path / "s.svg").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ("a.npy", ("Missing argument 'B'",)),
        ("a.npy absent.npy", ("absent.npy", "no such file")),
        ("a.npy c.npy", ("a.npy and c.npy", "2 and 3 columns")),
        ("a.npy b.npy --f kll", ("'kll'", "reverse-kl")),
        ("a.npy b.npy --f alpha:1", ("alpha is 1",)),
        ("a.npy b.npy --lipschitz 0", ("lipschitz is 0", "above 0")),
        ("a.npy b.npy --lipschitz -1", ("lipschitz is -1",)),
        ("a.npy b.npy --lipschitz inf", ("lipschitz is inf", "finite")),
        ("a.npy b.npy --tolerance 0", ("tolerance is 0",)),
        ("a.npy b.npy --tolerance nan", ("tolerance is nan",)),
        ("a.npy b.npy --weights-column 3", ("neither a.npy nor b.npy", "'3'")),
        ("a.npy b.npy --weights-column 1", ("weights",)),
        ("a.npy b.npy --out s.png", ("--out is for a sweep",)),
        ("a.npy b.npy --sweep-from 1", ("--sweep-from is for a sweep",)),
        ("a.npy b.npy --sweep --lipschitz 1", ("give one of them",)),
        ("a.npy b.npy --sweep --sweep-from 2 --sweep-to 1", ("L = 2 to 1", "below --sweep-to")),
        ("a.npy b.npy --sweep --sweep-from nan", ("above 0",)),
        ("a.npy b.npy --sweep --sweep-points 1", ("--sweep-points",)),
        ("a.npy b.npy --sweep --out s.gif", ("s.gif", ".png")),
        ("a.npy b.npy --sweep --out nowhere/s.png", ("nowhere/s.png", "no such folder")),
        ("a.npy b.npy --sweep --tolerance nan", ("tolerance is nan",)),
    ],
)
def test_refused_with_status_2(arguments, parts, fails, golden, tmp_path):
    np.save(tmp_path / "c.npy", np.ones((4, 3)))
    fails(shlex.split(f"divergence {arguments}"), *parts)
    assert {path.name for path in tmp_path.iterdir()} == {"a.npy", "b.npy", "c.npy"}


def test_two_files_without_points(fails, tmp_path):
    np.save(tmp_path / "a.npy", np.ones((3, 1)))
    fails(("divergence", "a.npy", "a.npy", "--weights-column", 1), "holds weights only")


def test_images_are_compared_by_pixels(gpa, tmp_path):
    images = np.random.default_rng(0).uniform(size=(6, 4, 4))
    np.save(tmp_path / "a.npy", images)
    np.save(tmp_path / "b.npy", images[:3] + 0.1)
    status, out, _ = gpa("divergence", "a.npy", "b.npy")
    assert status == 0
    assert "4 x 4 pixels" in out


def test_a_sweep_says_what_did_not_converge(gpa, golden, monkeypatch):
    monkeypatch.setattr(interior_point, "STEPS", 1)
    ends = ("--sweep-from", 1, "--sweep-to", 2, "--sweep-points", 2)
    status, out, err = gpa("divergence", "a.npy", "b.npy", "--sweep", *ends)
    assert status == 0
    assert out.count("not converged") == 2
    assert "2 of 2 values of L" in err
