"""What earlier releases stored is read by this one: flows, latent flows and run folders."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import gparticles as gpa

STORED = Path(__file__).parent / "stored"
RELEASES = sorted(path.name for path in STORED.iterdir() if (path / "flow").is_dir())


@pytest.fixture(params=RELEASES)
def stored(request):
    return STORED / request.param


@pytest.mark.parametrize("release", [r for r in RELEASES if (STORED / r / "trajectory").is_dir()])
def test_a_stored_course_carries_cells_as_it_did(release):
    course = gpa.load_trajectory(STORED / release / "trajectory")
    expected = np.load(STORED / release / "carried.npy", allow_pickle=False)
    np.testing.assert_allclose(course.at(0.5), expected, atol=1e-4)
    assert np.isfinite(course.growth[:6]).all()


@pytest.mark.parametrize("release", [r for r in RELEASES if (STORED / r / "batch").is_dir()])
def test_a_stored_overlap_moves_later_samples_as_it_did(release):
    flow = gpa.load_latent_flow(STORED / release / "batch")
    expected = np.load(STORED / release / "batch.npz", allow_pickle=False)
    np.testing.assert_allclose(flow(expected["source"]), expected["moved"], atol=1e-4)
    assert flow.counterparts is not None
    assert flow.counterparts.record()["without_counterpart"] == 4


@pytest.mark.parametrize("kind", ["flow", "exact", "latent"])
def test_a_stored_flow_carries_points_as_it_did(stored, kind):
    expected = np.load(stored / "expected.npz", allow_pickle=False)
    load = gpa.load_latent_flow if kind == "latent" else gpa.load_flow
    points = expected["wide" if kind == "latent" else "source"]
    labels = {"labels": ["a", "b", "a", "b", "a"]} if kind == "flow" else {}
    # another compiler may round differently
    np.testing.assert_allclose(load(stored / kind)(points, **labels), expected[kind], atol=1e-4)


@pytest.mark.parametrize(
    "folder", sorted(STORED.glob("*/synthesizer")), ids=lambda path: path.parent.name
)
def test_a_stored_synthesizer_makes_the_rows_that_it_made(folder):
    pandas = pytest.importorskip("pandas")
    made = gpa.load_synthesizer(folder).sample(5, seed=0)
    expected = json.loads((folder / "expected.json").read_text())
    assert made.columns.tolist() == list(expected)
    for name, cells in expected.items():
        cells = pandas.Series(list(cells.values()), name=name).astype(made[name].dtype)
        pandas.testing.assert_series_equal(made[name], cells, atol=1e-3)


def test_a_stored_run_is_continued_in_use(stored, gpa, tmp_path):
    """Later points, new rows, an evaluation and a report of a folder from before."""
    shutil.copytree(stored / "run", tmp_path / "run")
    shutil.copy(stored / "few.csv", tmp_path / "few.csv")
    for words in (
        ["transform", "run", "few.csv", "-o", "moved.csv"],
        ["sample", "run", "-n", "4", "-o", "new.csv"],
        ["evaluate", "run", "--held-out", "few.csv"],
        ["report", "run"],
    ):
        status, _, error = gpa(*words)
        assert status == 0, error
    assert len((tmp_path / "new.csv").read_text().splitlines()) == 5
    assert (tmp_path / "run" / "report.html").exists()


def test_what_is_stored_names_its_schema(stored):
    records = [
        path
        for path in stored.rglob("*.json")
        if path.name not in ("metrics.json", "expected.json")
    ]
    assert len(records) >= 6
    assert all(json.loads(path.read_text())["schema"] >= 1 for path in records)
