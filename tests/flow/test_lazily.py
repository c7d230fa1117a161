"""Flows of what Dask holds in blocks, at last on a cluster of which a worker dies."""

import os
import signal
import time

import numpy as np
import pytest

import gparticles as gpa

pytest.importorskip("distributed", reason="dask, of the extra of that name, is not installed")
pd = pytest.importorskip("pandas", reason="pandas, of the extra parquet, is not installed")
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")

GENERATOR = np.random.default_rng(0)
SOURCE, TARGET = GENERATOR.normal(size=(30, 3)), GENERATOR.normal(size=(20, 3)) + 2
LABELS = {"labels": np.arange(30) % 2, "target_labels": np.arange(20) % 2}
POINTS = GENERATOR.normal(size=(200, 3)).astype(np.float32)
NAMES = list("abc")


@pytest.fixture(scope="module")
def flow():
    return gpa.transport(SOURCE, TARGET, steps=3)


@pytest.mark.parametrize("chunks", [(200, 3), (60, 2), (7, 3)])
def test_an_array_is_moved_block_by_block(flow, chunks):
    lazy = flow(da.from_array(POINTS, chunks=chunks))
    assert lazy.dtype == np.float32
    assert lazy.chunks[0][0] == chunks[0]
    np.testing.assert_allclose(lazy.compute(scheduler="sync"), flow(POINTS), atol=1e-6)


def test_labels_go_with_their_rows(refused):
    flow = gpa.transport(SOURCE, TARGET, steps=3, **LABELS)
    labels = np.arange(200) % 2
    lazy = da.from_array(POINTS, chunks=(60, 3))
    for given in (labels, da.from_array(labels, chunks=60)):
        moved = flow(lazy, given).compute(scheduler="sync")
        np.testing.assert_allclose(moved, flow(POINTS, labels), atol=1e-6)
    refused(lambda: flow(lazy, da.from_array(labels, chunks=50)), "labels", "rechunk")
    table = dd.from_pandas(pd.DataFrame(POINTS, columns=NAMES), npartitions=2)
    refused(lambda: flow(table, labels), "labels", "to_dask_array")


def test_a_table_keeps_its_columns_kinds_and_index(flow):
    table = pd.DataFrame(POINTS, columns=NAMES, index=np.arange(200) * 3).assign(c=np.arange(200))
    lazy = flow(dd.from_pandas(table, npartitions=3))
    moved = lazy.compute(scheduler="sync")
    assert moved.index.equals(table.index)
    assert dict(moved.dtypes) == dict(lazy.dtypes) == {"a": "f4", "b": "f4", "c": "f8"}
    np.testing.assert_allclose(moved.to_numpy(), flow(table.to_numpy()), rtol=1e-6)


def test_estimators_and_latent_flows_too():
    frames = (pd.DataFrame(cloud, columns=NAMES) for cloud in (SOURCE, TARGET))
    model = gpa.GPA(steps=3).fit(*frames)
    table = pd.DataFrame(POINTS, columns=NAMES)
    other_order = dd.from_pandas(table[["c", "a", "b"]], npartitions=2)
    moved = model.transform(other_order).compute(scheduler="sync")
    assert list(moved.columns) == ["c", "a", "b"]
    np.testing.assert_allclose(moved[NAMES], model.transform(table), atol=1e-6)
    latent = gpa.LatentGPA(2, steps=3).fit(SOURCE, TARGET)
    lazy = latent.transform(da.from_array(POINTS, chunks=(60, 3)))
    np.testing.assert_allclose(lazy.compute(scheduler="sync"), latent.transform(POINTS), atol=1e-5)


class Counted:
    """A flow that takes its time, and leaves a mark for every block it has begun."""

    def __init__(self, flow, folder):
        self.flow, self.folder = flow, folder

    def __call__(self, block):
        (self.folder / f"{os.getpid()}-{time.monotonic_ns()}").touch()
        time.sleep(0.3)
        return self.flow(block)


@pytest.mark.slow
def test_all_rows_arrive_once_though_a_worker_is_killed(flow, tmp_path):
    from distributed import Client, LocalCluster

    from gparticles.flow.lazily import over_blocks

    settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    cluster = LocalCluster(local_directory=tmp_path / "workers", **settings)
    with cluster, Client(cluster) as client:
        marks = tmp_path / "marks"
        marks.mkdir()
        lazy = over_blocks(Counted(flow, marks), da.from_array(POINTS, chunks=(20, 3)))
        moving = client.compute(lazy)
        ends = time.monotonic() + 120
        while len(list(marks.iterdir())) < 4 and time.monotonic() < ends:
            time.sleep(0.05)
        doomed = next(iter(marks.iterdir())).name.split("-")[0]
        os.kill(int(doomed), signal.SIGKILL)
        np.testing.assert_allclose(moving.result(timeout=120), flow(POINTS), atol=1e-6)
        # some blocks were begun twice, and came once
        assert len({mark.name.split("-")[0] for mark in marks.iterdir()}) >= 2
