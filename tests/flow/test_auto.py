"""potential="auto": the potential and the steps that held-out points choose."""

from types import SimpleNamespace

import numpy as np
import pytest

import gparticles as gpa
from gparticles.flow import auto


@pytest.fixture(scope="module")
def clouds():
    generator = np.random.default_rng(0)
    angle = generator.uniform(0, 2 * np.pi, size=48)
    return generator.normal(size=(60, 2)), np.column_stack([np.cos(angle), np.sin(angle)])


@pytest.mark.slow
def test_it_says_what_was_chosen_and_is_that_flow(clouds, tmp_path):
    flow = gpa.transport(*clouds, potential="auto", steps=40, seed=0)
    choice = flow.choice
    assert set(choice["scores"]) == {"network", "tight network", "no network"}
    assert flow.steps == choice["steps"]
    assert choice["chosen"] in choice["sentence"]
    assert choice["scores"][choice["chosen"]]["copies"] <= auto.MOST_COPIES
    flow.save(tmp_path / "flow")
    assert gpa.load_flow(tmp_path / "flow").choice == choice
    again = gpa.transport(*clouds, potential="auto", steps=40, seed=0)
    assert np.array_equal(again.particles, flow.particles)


def test_few_points_take_the_default(clouds):
    source, target = clouds[0], clouds[1][:30]
    flow = gpa.transport(source, target, potential="auto", steps=3, seed=0)
    assert "too few to choose" in flow.choice["sentence"]
    assert np.array_equal(flow.particles, gpa.transport(source, target, steps=3, seed=0).particles)
    assert gpa.transport(source, target, steps=3, seed=0).choice is None


def test_flows_that_do_not_stay_finite_are_not_chosen_from(clouds):
    asked = []

    def failing(**settings):
        asked.append(settings)
        lost = np.full((2, *clouds[0].shape), np.nan)
        return SimpleNamespace(trajectory_steps=[0, 3], trajectory=lost, settings={})

    settings = dict.fromkeys(("lipschitz", "steps", "target_labels", "target_weights", "f"))
    settings |= dict.fromkeys(("step_size", *auto._NETWORKS_OWN))
    settings |= {"target": clouds[1], "stop": "a rule", "seed": 0}
    flow = auto.chosen_flow(failing, settings)
    assert flow.settings["choice"]["sentence"].startswith("no flow stayed finite")
    # a rule would end every flow at another stage
    assert ["stop" in each for each in asked] == [False] * 9 + [True]


def test_copies_have_no_score(clouds):
    _, target = clouds
    learnt, held_out = target[:30], target[30:]
    assert auto.stage_score(learnt, learnt, held_out).loss == np.inf
    fresh = auto.stage_score(held_out, learnt, held_out)
    assert fresh.nearest == 1
    assert fresh.energy == pytest.approx(0, abs=0.2)


def test_other_words_are_refused(clouds):
    with pytest.raises(gpa.InputError, match="potential is 'best'"):
        gpa.transport(*clouds, potential="best")
