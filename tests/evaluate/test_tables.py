"""Judging the rows of a table: associations, likeness to real rows, and what rows teach."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

import gparticles as gpa
from gparticles.evaluate.association import associations, differing_pairs
from gparticles.evaluate.fidelity import MEASURES, column_distances, fidelity, told_apart
from gparticles.evaluate.frame_units import FrameUnits
from gparticles.evaluate.table_pictures import CAPTIONS, save_table_pictures
from gparticles.evaluate.usefulness import Fold, usefulness


def made(count, seed):
    """Numbers, kinds, truths, dates and gaps."""
    generator = np.random.default_rng(seed)
    size = generator.normal(size=count)
    weight = 2 * size + 0.5 * generator.normal(size=count)
    days = pd.to_timedelta(generator.integers(100, size=count), "D")
    return pd.DataFrame(
        {
            "size": size,
            "weight": np.where(generator.random(count) < 0.1, np.nan, weight),
            "kind": np.where(size + 0.5 * generator.normal(size=count) > 0, "large", "small"),
            "kept": generator.random(count) > 0.5,
            "day": pd.Timestamp("2020-01-01") + days,
        }
    )


@pytest.fixture(scope="module")
def tables():
    return made(300, 0), made(120, 1), made(100, 2)


def test_units_have_a_coordinate_for_gaps_and_one_for_each_kind(tables):
    new, learnt, _ = tables
    units = FrameUnits.of(learnt)
    points = units.points(new)
    assert points.shape == (300, 1 + 2 + 2 + 2 + 1)
    assert np.isfinite(points).all()
    assert units.without("kind").points(new).shape == (300, 6)
    with pytest.raises(gpa.InputError, match="no column 'kind'"):
        units.points(new.drop(columns="kind"))


def test_associations_are_the_known_ones(tables):
    new = tables[0]
    cells = FrameUnits.of(new).rows(new).cells
    matrix = associations([cells[0], -(cells[0] ** 3), cells[4], cells[2], cells[2]])
    assert matrix[0, 1] == pytest.approx(-1)
    assert matrix[0, 2] == pytest.approx(spearmanr(cells[0], cells[4]).statistic, abs=1e-9)
    assert matrix[3, 4] == pytest.approx(1)
    # the correlation ratio of the ranks
    ranks, large = np.argsort(np.argsort(cells[0])), cells[2] == "large"
    between = large.mean() * (1 - large.mean()) * (ranks[large].mean() - ranks[~large].mean()) ** 2
    assert matrix[0, 3] == pytest.approx(np.sqrt(between / ranks.var()))
    assert associations([np.ones(5), np.arange(5.0)])[0, 1] == 0
    pair = differing_pairs(matrix, np.eye(5))[0]
    assert (pair.first, pair.second) in {(0, 1), (3, 4)}


def test_fresh_rows_look_like_real_ones_and_copies_do_not(tables):
    new, learnt, held_out = tables
    entries = fidelity(new, held_out, learnt=learnt, seed=0)
    assert set(entries) == set(MEASURES)
    assert entries["told_apart"]["value"] < 0.65
    assert entries["copy_rate"]["value"] == 0
    for name in ("margins", "associations", "energy"):
        assert entries[name]["value"] < 2 * abs(entries[name]["fresh"]) + 0.05, name
    assert entries["copy_rate"]["resampled"] == 1
    assert entries["nearest_ratio"]["resampled"] == 0
    assert entries["nearest_ratio"]["fresh"] == 1
    assert entries["nearer_to_learnt"]["value"] == pytest.approx(0.5, abs=0.1)
    assert entries["nearer_to_learnt"]["resampled"] > 0.8
    shifted = fidelity(new.assign(size=new["size"] + 3), held_out, learnt=learnt, seed=0)
    assert shifted["told_apart"]["value"] > 0.95
    assert "tells" in shifted["told_apart"]["sentence"]
    with pytest.raises(gpa.InputError, match="at least 10 are needed"):
        fidelity(new, held_out[:5], learnt=learnt)
    with pytest.raises(gpa.InputError, match="9 new rows: at least 10"):
        fidelity(new[:9], held_out, learnt=learnt)


def test_columns_differ_by_values_kinds_and_gaps(tables):
    new, learnt, _ = tables
    units = FrameUnits.of(learnt)
    other = new.assign(size=new["size"] + 100, kind="large", weight=np.nan)
    rows = units.rows(new), units.rows(other)
    distances = dict(zip(units.names, column_distances(*rows), strict=True))
    assert distances["size"] == 1
    assert distances["weight"] == 1
    assert distances["day"] == 0
    assert distances["kind"] == pytest.approx((new["kind"] == "small").mean())


def test_rows_that_nobody_tells_apart():
    generator = np.random.default_rng(0)
    assert 0.4 < told_apart(generator.normal(size=(90, 2)), generator.normal(size=(60, 2))) < 0.6


@pytest.mark.parametrize(("task", "measure"), [("weight", "R^2"), ("kind", "ROC")])
def test_new_rows_of_the_same_law_teach_and_noise_does_not(tables, task, measure):
    new, learnt, held_out = tables
    good = usefulness([Fold(learnt[:40], new, held_out)], task, repeats=1, draws=50)
    assert measure in good.measure
    assert good.scores["real"].low < good.scores["real"].value
    assert good.scores["both"].value > 0.6
    assert good.gains["both"].value > -0.05
    noise = new.assign(**{task: new[task].sample(frac=1, random_state=0).to_numpy()})
    bad = usefulness([Fold(learnt, noise, held_out)], task, repeats=1, draws=50)
    assert bad.gains["new"].high < 0
    assert bad.sentence.startswith("Not worth it")
    assert set(bad.entries()) == {"taught_by_real", "taught_by_new", "taught_by_both"}


def test_tasks_that_cannot_be_learnt_are_refused(tables):
    new, learnt, held_out = tables
    with pytest.raises(gpa.InputError, match="'colour' is no column"):
        usefulness([Fold(learnt, new, held_out)], "colour")
    constant = held_out.assign(kind="large")
    with pytest.raises(gpa.InputError, match="'kind': fewer than ten held-out rows"):
        usefulness([Fold(learnt, new, constant)], "kind")


def test_pictures_of_a_table(tables, tmp_path):
    files = save_table_pictures(tables[0], tables[1], tmp_path)
    assert [file.name for file in files] == list(CAPTIONS)
    assert all(file.read_bytes()[:4] == b"\x89PNG" for file in files)
    one = save_table_pictures(tables[0][["kind"]], tables[1][["kind"]], tmp_path)
    assert len(one) == 1
