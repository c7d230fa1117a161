"""Rows and files through a stored flow: in blocks, and on a cluster."""

import os
import signal
import threading

import numpy as np
import pytest

from gparticles.experiment import on_cluster, runs, streams
from gparticles.experiment.folder import RunFolder
from gparticles.experiment.on_cluster import files_of, transform_files
from gparticles.experiment.recipes import check, read_recipe, with_overrides
from gparticles.tables import load

pytestmark = pytest.mark.slow
SETTINGS = ("n=40", "target.n=30", "steps=4")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run of few steps."""
    home = tmp_path_factory.mktemp("run")
    config = check(with_overrides(read_recipe("gaussian"), list(SETTINGS)))
    runs.run(config, home / "run")
    return RunFolder(home / "run")


@pytest.mark.parametrize("ending", ["csv", "npy", "parquet"])
def test_blocks_are_drawn_and_moved_as_one(folder, ending, tmp_path, monkeypatch):
    counts = []
    whole = runs.sample(folder, 9, tmp_path / f"whole.{ending}").path
    moved = runs.transform(folder, whole, tmp_path / f"moved.{ending}")
    monkeypatch.setattr(streams, "ROWS", 4)
    blocks = runs.sample(folder, 9, tmp_path / f"blocks.{ending}", watch=counts.append).path
    assert counts == [4, 8, 9]
    # the first block is what a single one begins with; later ones have seeds of their own
    np.testing.assert_allclose(load(blocks).values[:4], load(whole).values[:4], atol=1e-6)
    assert len(np.unique(load(blocks).values.round(4), axis=0)) == 9
    read = runs.transform(folder, whole, tmp_path / f"again.{ending}")
    np.testing.assert_allclose(load(read).values, load(moved).values, atol=1e-6)


def test_appended_rows_go_on_counting(folder, tmp_path):
    path = runs.sample(folder, 5, tmp_path / "more.csv").path
    before = load(path).values
    added = runs.sample(folder, 4, path, append=True)
    assert added.seed == 5
    after = load(path).values
    np.testing.assert_array_equal(after[:5], before)
    assert len(np.unique(after.round(4), axis=0)) == 9


@pytest.fixture
def parts(folder, tmp_path):
    for number in range(6):
        runs.sample(folder, 5 + number, tmp_path / f"parts/{number}.csv", seed=number)
    return str(tmp_path / "parts" / "*.csv")


@pytest.fixture(autouse=True)
def parts_folder(tmp_path):
    (tmp_path / "parts").mkdir()


def test_every_file_is_moved_though_a_worker_is_killed(folder, parts, tmp_path):
    distributed = pytest.importorskip("distributed", reason="dask is not installed")
    settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    cluster = distributed.LocalCluster(local_directory=str(tmp_path / "workers"), **settings)
    with cluster, distributed.Client(cluster) as client:
        doomed = next(iter(client.run(os.getpid).values()))
        kill = threading.Timer(1.0, os.kill, (doomed, signal.SIGKILL))
        kill.start()
        address = cluster.scheduler_address
        out = transform_files(folder, files_of(parts), tmp_path / "moved", address=address)
        kill.join()
        again = transform_files(folder, files_of(parts), tmp_path / "again", address=address)
    flow = folder.flow()
    for file in files_of(parts):
        moved = load(out / file.name).values
        np.testing.assert_allclose(moved, flow(load(file).values), atol=1e-6)
        assert (again / file.name).read_bytes() == (out / file.name).read_bytes()


def test_another_version_on_a_worker_is_refused(folder, parts, refused):
    first = files_of(parts)[0]
    refused(lambda: on_cluster._move(folder.path, first, first, {}, "0.0.0"), "the same version")


def test_what_cannot_be_moved_leaves_nothing(folder, parts, tmp_path, refused):
    pytest.importorskip("distributed", reason="dask is not installed")
    refused(lambda: files_of(str(tmp_path / "none*.csv")), "no file", "in quotes")
    nobody = {"address": "tcp://127.0.0.1:9"}
    call = lambda: transform_files(folder, files_of(parts), tmp_path / "moved", **nobody)  # noqa: E731
    refused(call, "no Dask scheduler answers there")
    assert not (tmp_path / "moved").exists()
