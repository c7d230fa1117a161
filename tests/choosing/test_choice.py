"""A way to new rows is chosen by held-out rows, never one that copies, and it says why."""

import numpy as np
import pytest

import gparticles as gpa
from gparticles.choosing import DEFAULT, Way, choose_way
from gparticles.choosing import choice as choices
from gparticles.choosing.choice import Tried, _loss, _parts, nearest_of
from gparticles.choosing.scoring import WayScore, score
from gparticles.choosing.ways import blurred, in_proportion


@pytest.fixture(scope="module")
def points():
    generator = np.random.default_rng(0)
    angle = generator.uniform(0, 2 * np.pi, size=60)
    return np.column_stack([np.cos(angle), np.sin(angle)]) + 0.1 * generator.normal(size=(60, 2))


@pytest.fixture(scope="module")
def chosen(points):
    # one kind of flow, so that little is compiled
    return choose_way(points, seconds=4.5, seed=0)


def test_what_was_chosen_is_said_beside_the_simple_ways(chosen):
    assert chosen.way.potential == "network"
    assert len(chosen.scores) == 3 * len(choices.NOISES)
    assert set(chosen.simple) == set(choices.SIMPLE)
    assert str(chosen.way) in chosen.sentence
    assert "simple ways" in chosen.sentence
    assert chosen.simple["resampling"].copies == 1
    assert chosen.simple["resampling"].loss == np.inf
    record = chosen.to_dict()
    assert record["simple"]["resampling"]["loss"] is None
    assert record["scores"][record["way"]]["loss"] == pytest.approx(chosen.score.loss, abs=1e-5)
    # a ring is no Gaussian
    assert chosen.score.told_apart < chosen.simple["Gaussian copula"].told_apart


def test_the_same_seed_makes_the_same_rows(points, chosen):
    fitted = chosen.way.fit(points, seed=0)
    assert fitted.draw(7, seed=3).shape == (7, 2)
    assert np.array_equal(fitted.draw(7, seed=3), fitted.draw(7, seed=3))
    assert not np.array_equal(fitted.draw(7, seed=3), fitted.draw(7, seed=4))


def test_few_rows_choose_nothing(points):
    chosen = choose_way(points[:30], seed=0)
    assert chosen.way == DEFAULT
    assert not chosen.scores
    assert chosen.score is None
    assert "too few to choose" in chosen.sentence
    assert chosen.simple_wins is None


def test_a_way_that_copies_is_never_the_best():
    def tried(way, *told, copies=0.0):
        return Tried(way, [WayScore(t, 0.0, 1.0, copies) for t in told])

    first, other = tried(DEFAULT, 0.6, 0.7), tried(Way(noise=0.2), 0.5, 0.75)
    copying = tried(Way(steps=9), 0.5, 0.5, copies=0.02)
    assert min([first, other, copying], key=_loss) == other
    assert _loss(copying) == np.inf


def test_where_a_simple_way_is_better_the_sentence_says_so(points, chosen, monkeypatch):
    monkeypatch.setattr(choices, "SIMPLE", {"the law itself": _ring})
    again = choose_way(points, seconds=4.5, seed=0)
    # the same seed chooses from the same scores
    assert again.scores == chosen.scores
    assert again.simple_wins == "the law itself"
    assert "A simple way wins here" in again.sentence


def _ring(rows, count, *, seed):
    generator = np.random.default_rng(seed)
    angle = generator.uniform(0, 2 * np.pi, size=count)
    ring = np.column_stack([np.cos(angle), np.sin(angle)])
    return ring + 0.1 * generator.normal(size=(count, 2))


def test_every_class_is_learnt(points):
    labels = np.array(["a"] + ["b"] * 59)
    for part in _parts(points, labels, seed=0):
        assert set(labels[part.learnt]) == {"a", "b"}
        assert not part.learnt.all()


def test_classes_keep_their_shares_where_rows_are_sorted():
    labels = np.repeat(["a", "b"], [1200, 1800])
    drawn = in_proportion(labels, 1000, np.random.default_rng(0))
    assert (drawn == "a").mean() == pytest.approx(0.4, abs=0.05)


def test_copies_rule_a_way_out(points):
    assert score(points[:40], points[:40], points[40:]).loss == np.inf
    assert np.isfinite(score(_ring(points, 40, seed=0), points[:40], points[40:]).loss)


def test_noise_keeps_mean_and_covariance():
    white = np.random.default_rng(0).normal(size=(4000, 2))
    assert np.allclose(np.cov(blurred(white, 0.8, seed=0).T), np.cov(white.T), atol=0.05)
    assert np.array_equal(blurred(white, 0.0, seed=0), white)


@pytest.mark.parametrize("bad", [-0.1, 1.5, "near", True])
def test_closeness_is_a_number_from_0_to_1(bad):
    with pytest.raises(gpa.InputError, match=r"closeness is .* give a number from 0"):
        nearest_of(bad)


@pytest.mark.slow
@pytest.mark.thorough
def test_the_dial_leads_from_new_to_near(points):
    far, near = (choose_way(points, closeness=value, seed=0) for value in (0.1, 0.9))
    assert far.score.nearest > near.score.nearest + 0.3
    assert near.score.nearest == pytest.approx(nearest_of(0.9), abs=0.15)
    assert "closeness 0.9 asks for a nearest of 0.38" in near.sentence
    assert near.score.copies <= 0.01
    assert set(near.curves) == {"network", "no network"}
