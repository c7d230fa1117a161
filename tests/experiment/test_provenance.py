"""The stored law of the source: the same noise, from fewer rows, with the target's classes."""

import numpy as np
import pytest

from gparticles.data import SOURCES
from gparticles.experiment.provenance import (
    SourceLaw,
    balanced_labels,
    condensed,
    form_of,
    load_law,
    stream,
)
from gparticles.tables import Table


@pytest.mark.parametrize("noise", SOURCES)
@pytest.mark.parametrize("shape", [(50, 3), (4, 7), (2, 2), (30, 2, 2), (9, 1), (6, 6)])
def test_condensed_rows_have_the_same_noise(noise, shape):
    target = np.random.default_rng(0).normal(size=shape) * 3 + 100
    rows = condensed(noise, target)
    size = target[0].size
    assert len(rows) <= size + 1
    assert rows.shape[1:] == target.shape[1:]
    flat, few = (a.reshape(len(a), -1) for a in (target, rows))
    if noise == "gaussian":
        np.testing.assert_allclose(np.cov(few.T), np.cov(flat.T), atol=1e-9)
    if noise == "uniform":
        np.testing.assert_allclose([few.min(0), few.max(0)], [flat.min(0), flat.max(0)])
    else:
        np.testing.assert_allclose(few.mean(0), flat.mean(0))
        np.testing.assert_allclose(few.std(0, ddof=1), flat.std(0, ddof=1))


def test_labels_keep_the_target_proportions():
    labels = np.repeat([3, 5, 9], [10, 20, 70])
    for n in (1, 7, 100, 1001):
        drawn = balanced_labels(labels, n, seed=1)
        assert len(drawn) == n
        counts = np.array([(drawn == c).sum() for c in (3, 5, 9)])
        assert (abs(counts - n * np.array([0.1, 0.2, 0.7])) <= 1).all()
    assert (balanced_labels(labels, 50, seed=1) != balanced_labels(labels, 50, seed=2)).any()


def test_streams_differ():
    seeds = [stream(s, p) for s in range(3) for p in ("target", "source", "held-out", "sample")]
    assert len(set(seeds)) == len(seeds)


@pytest.mark.parametrize("kind", ["noise", "dataset"])
def test_saved_and_read_back(kind, tmp_path):
    table = Table(
        values=np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32),
        columns=("a", "b"),
        ids=[str(i) for i in range(20)],
        id_name="who",
        kind="tsv",
        header=True,
    )
    noise = kind == "noise"
    law = SourceLaw(
        kind=kind,
        name="logistic" if noise else "gaussian",
        options={} if noise else {"mean": [1.0, 2.0]},
        rows=condensed("logistic", table.values) if noise else None,
        labels=np.array(["x", "y", "y"]),
        like=form_of(table),
    )
    law.save(tmp_path)
    again = load_law(tmp_path)
    for one, other in zip(law.draw(9, seed=3), again.draw(9, seed=3), strict=True):
        np.testing.assert_array_equal(one, other)
    assert again.like.columns == ("a", "b")
    assert again.like.ids == []
    assert again.like.kind == "tsv"
    assert again.draw(2, seed=0)[0].dtype == np.float32


def test_damaged(tmp_path, refused):
    refused(lambda: load_law(tmp_path), "source.json")
    (tmp_path / "source.json").write_text('{"schema": 1}')
    refused(lambda: load_law(tmp_path), "damaged")
