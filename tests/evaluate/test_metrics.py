"""The whole evaluation: floors, units, what applies to which data, and what sentences say."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from gparticles.data import digits_split, swiss_roll
from gparticles.evaluate import sentences
from gparticles.evaluate.metrics import FLOORS, evaluate
from gparticles.evaluate.registry import LENET, REGISTRY, Features
from gparticles.evaluate.samples import Setting
from gparticles.evaluate.sentences import Reading
from gparticles.evaluate.wasserstein import w2

GENERATOR = np.random.default_rng(0)
TARGET, HELD_OUT, FRESH = swiss_roll(60, seed=0), swiss_roll(300, seed=1), swiss_roll(300, seed=2)
# of equal distributions, and of copies
DISTANCES = ("w2", "w1", "sliced_w2", "sinkhorn", "energy", "mmd2", "kernel_distance", "frechet")
LOW_IS_GOOD = (*DISTANCES, "c2st", "copy_rate")
HIGH_IS_GOOD = ("recall", "coverage", "nearest_ratio")


@pytest.fixture(scope="module")
def roll():
    return evaluate(swiss_roll(250, seed=3), HELD_OUT, target=TARGET, fresh=FRESH)


def test_fresh_points_beat_resampling(roll):
    for name in LOW_IS_GOOD:
        assert roll[name]["fresh"] < roll[name]["resampled"], name
        assert roll[name]["value"] < roll[name]["resampled"], name
    for name in HIGH_IS_GOOD:
        assert roll[name]["fresh"] > roll[name]["resampled"], name
    assert roll["copy_rate"]["resampled"] == 1
    assert roll["copy_rate"]["smoothed"] < 0.1
    assert roll["recall"]["smoothed"] > roll["recall"]["resampled"]


def test_every_entry_is_complete(roll):
    assert json.loads(json.dumps(roll, allow_nan=False)) == roll
    for entry in roll.values():
        assert {"value", *FLOORS, "unit", "title", "points", "note", "sentence"} <= set(entry)
        assert entry["sentence"].endswith(".")
        assert entry["points"] == [250, 300]
    assert roll["w2"]["unit"] == "data units"
    assert roll["frechet"]["unit"] == "data units^2"
    assert roll["w2"]["low"] < roll["w2"]["value"] < roll["w2"]["high"]


def test_the_numbers_are_those_of_the_functions(roll):
    x, y = swiss_roll(250, seed=3), HELD_OUT
    assert roll["w2"]["value"] == pytest.approx(w2(x, y).value)
    assert roll["w2"]["fresh"] == pytest.approx(w2(FRESH[:250], y).value, rel=0.2)


def test_particles_that_are_copies_are_caught():
    particles = TARGET[GENERATOR.integers(60, size=200)]
    found = evaluate(particles, HELD_OUT, target=TARGET)
    assert found["copy_rate"]["value"] == 1
    assert found["copy_rate"]["sentence"].startswith("There are copies: 100 %")
    assert "as copies do" in found["nearest_ratio"]["sentence"]


def test_a_missing_half_is_seen():
    half = FRESH[FRESH[:, 1] < 10]
    found = evaluate(half, HELD_OUT, target=TARGET, fresh=FRESH)
    assert found["coverage"]["sentence"].startswith("Parts of the target are missing")
    assert found["precision"]["value"] > 0.8


@pytest.mark.parametrize("unit", [1e20, 1e-20])
def test_units_scale_what_has_units(roll, unit):
    clouds = (unit * np.float64(z) for z in (swiss_roll(250, seed=3), HELD_OUT, TARGET, FRESH))
    particles, held_out, target, fresh = clouds
    found = evaluate(particles, held_out, target=target, fresh=fresh)
    power = {"data units": 1, "data units^2": 2}
    for name, entry in found.items():
        factor = unit ** power.get(entry["unit"], 0)
        for role in ("value", *FLOORS):
            expected = roll[name][role]
            assert entry[role] / factor == pytest.approx(expected, rel=1e-2, abs=1e-4), name


def test_columns_may_have_units_of_their_own():
    factors = np.array([1.0, 1e5, 1e-5])
    particles = swiss_roll(100, seed=3)
    one, other = (
        evaluate(f * particles, f * HELD_OUT, target=f * TARGET, each_column=True)
        for f in (1.0, factors)
    )
    for name in one:
        assert one[name]["unit"] == other[name]["unit"]
        # k-nearest neighbours and balls may break a tie otherwise
        assert one[name]["value"] == pytest.approx(other[name]["value"], rel=0.02, abs=0.01), name
    assert one["w2"]["unit"] == "column spreads"
    assert one["w2"]["value"] < 3


def test_the_same_seed_gives_the_same_numbers():
    assert evaluate(FRESH, HELD_OUT, target=TARGET) == evaluate(FRESH, HELD_OUT, target=TARGET)


def test_many_held_out_points_lend_fresh_ones():
    few = swiss_roll(100, seed=3)
    found = evaluate(few, HELD_OUT, target=TARGET)
    assert found["w2"]["points"] == [100, 200]
    assert found["w2"]["fresh"] < found["w2"]["resampled"]
    assert evaluate(FRESH[:200], HELD_OUT, target=TARGET)["w2"]["fresh"] is None


@pytest.mark.parametrize("sizes", [(1, 1, 2), (2, 2, 2), (3, 2, 5), (12, 11, 3)])
def test_tiny_clouds(sizes):
    particles, held_out, target = (GENERATOR.normal(size=(n, 2)) for n in sizes)
    found = evaluate(particles, held_out, target=target)
    assert found["w2"]["value"] > 0
    assert ("energy" in found) == (min(sizes[:2]) >= 2)
    assert ("c2st" in found) == (min(sizes[:2]) >= 10)


def test_points_that_coincide():
    found = evaluate(np.ones((30, 2)), np.ones((20, 2)), target=np.ones((25, 2)))
    assert found["w2"]["value"] == found["sinkhorn"]["value"] == 0
    assert found["nearest_ratio"]["value"] is None
    assert "have been seen" not in found["nearest_ratio"]["sentence"]
    assert "has not seen" in found["nearest_ratio"]["sentence"]


def test_heavy_tails_are_measured_as_such():
    clouds = GENERATOR.standard_t(1, size=(3, 500, 2))
    found = evaluate(clouds[0], clouds[1], target=clouds[2], fresh=GENERATOR.normal(size=(500, 2)))
    assert {"ccdf_error", "tail_log_error", "hill_index"} <= set(found)
    assert "kernel_distance" not in found
    assert found["hill_index"]["value"] == pytest.approx(1, abs=0.4)
    assert found["hill_index"]["expected"] == pytest.approx(1, abs=0.4)
    # what stands for fresh points here is a Gaussian, which has no such tail
    assert found["tail_log_error"]["fresh"] > 3 * found["tail_log_error"]["value"]
    assert found["ccdf_error"]["fresh"] > found["ccdf_error"]["value"]
    assert found["hill_index"]["fresh"] > 2


def test_images_with_labels():
    images, labels, others, names = digits_split(100)
    particles = (images + 0.05 * GENERATOR.normal(size=images.shape)).clip(0, 1)
    found = evaluate(
        *(particles, others[:150]),
        target=images,
        labels=labels,
        target_labels=labels,
        held_out_labels=names[:150],
        bounds=(0.0, 1.0),
    )
    assert found["label_auc"]["value"] > 0.9
    assert found["label_auc"]["resampled"] > 0.9
    assert found["label_auc"]["fresh"] is None
    assert "kernel_distance" not in found
    assert "fd_lenet" not in found
    unlabelled = evaluate(particles, others[:150], target=images, metrics=REGISTRY[:1])
    assert set(unlabelled) == {"w2"}


def test_features_where_they_are(monkeypatch):
    seen = []

    def extract(images):
        seen.append((images.shape, images.min(), images.max()))
        return images.reshape(len(images), -1)[:, :3]

    module = SimpleNamespace(extract=extract, __spec__=SimpleNamespace())
    monkeypatch.setitem(sys.modules, "features_of_a_test", module)
    features = Features("Toy", ((2, 2),), "features_of_a_test", "extract")
    x, y, z = GENERATOR.random(size=(3, 40, 2, 2))
    found = evaluate(x + 0.1, y, target=z, metrics=features.metrics())
    assert list(found) == ["fd_toy", "kd_toy", "nearest_toy"]
    assert found["fd_toy"]["title"] == "FD-Toy"
    # once for each of particles, held-out points, targets, resampled and smoothed ones
    assert len(seen) == 5
    assert all(low >= 0 and high <= 1 for _, low, high in seen)
    assert not evaluate(x, y, target=2 * z + 1, metrics=features.metrics())
    absent = Features("No", ((2, 2),), "no_such_module_at_all", "extract")
    assert not evaluate(x, y, target=z, metrics=absent.metrics())


def test_the_lenet_is_for_small_images_with_pixels():
    def setting(shape, *, in_unit_range):
        return Setting(shape, 10, False, in_unit_range, False)

    assert not LENET.suits(setting((8, 8), in_unit_range=True))
    assert not LENET.suits(setting((28, 28), in_unit_range=False))


def test_names_are_unique_and_documented():
    names = [metric.name for metric in REGISTRY]
    assert len(set(names)) == len(names)
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    for name in names:
        assert f"`{name}`" in page, name


PRAISE = ("not copying", "No copies", "is covered", "as near to", "nearer to")


@pytest.mark.parametrize(
    ("astray", "unit"),
    [
        (np.index_exp[:], 1e4),
        (np.index_exp[:], 1e30),
        (np.index_exp[0], 1e13),
        (np.index_exp[:, 0], 1e13),
    ],
    ids=["all", "beyond float32", "one", "one column"],
)
def test_what_lies_far_off_is_not_praised(astray, unit):
    particles = swiss_roll(250, seed=3).astype(float)
    particles[astray] *= unit
    found = evaluate(particles, HELD_OUT, target=TARGET, fresh=FRESH)
    assert found["w2"]["sentence"].endswith(" times as far.")
    for name in ("w2", "w1", "kernel_distance", "recall", "copy_rate", "nearest_ratio"):
        assert not any(part in found[name]["sentence"] for part in PRAISE), found[name]["sentence"]
    times = found["w2"]["value"] / max(found["w2"][floor] for floor in FLOORS)
    assert f"{times:.3g} times the largest" in found["copy_rate"]["sentence"]


SAID = {
    "as near to unseen points as fresh": Reading(1.02, 1.0, 2.0, 1.8),
    "with or without noise": Reading(1.5, 1.0, 2.0, 1.8),
    "but no nearer than these with noise": Reading(1.9, 1.0, 2.0, 1.8),
    "as near to unseen points as the training": Reading(2.05, 1.0, 2.0, 1.8),
    "about as near to unseen points as the training": Reading(1.9, 1.0, 2.0, 2.1, margin=0.2),
    "can be told from so few": Reading(-0.01, None, -0.02, 0.1),
    "farther": Reading(2.2, 1.0, 2.0, 1.8),
    "at 3 from": Reading(3.0, None, None, None),
    "again, 2.00 times as far": Reading(4.0, 1.0, 2.0, 1.8),
    "again, 5e+12 times as far": Reading(1e13, 1.0, 2.0, 1.8, margin=3e13),
    "about as near to unseen points as the training points": Reading(
        1e-3, None, 1e-5, 1e-5, margin=2e-3, low=-1e-3
    ),
    "is no merit": Reading(-1e9, 1.0, 2.0, 1.8, beyond=1e6),
}


@pytest.mark.parametrize(("part", "reading"), SAID.items(), ids=SAID)
def test_what_is_said_of_distances(part, reading):
    assert part in sentences.nearness("X")(reading)


@pytest.mark.parametrize(
    ("say", "reading", "part"),
    [
        (sentences.near_to_training, Reading(0.3, 1.0, 0.0, 1.1), "as copies do"),
        (sentences.near_to_training, Reading(0.7, 1.0, 0.0, 1.1), "somewhat closer"),
        (sentences.near_to_training, Reading(0.9, 1.0, 0.0, 1.1), "not copying"),
        (sentences.near_to_training, Reading(5.0, 1.0, 0.0, 1.1), "they lie far from the target"),
        (sentences.near_to_training, Reading(0.9, 1.0, 0.0, 1.1, beyond=11), "is 11.00 times the"),
        (sentences.copied, Reading(0.02, 0.02, 1.0, 0.0), "No copies to speak of: 2.0 %"),
        (sentences.copied, Reading(0.3, 0.0, 1.0, 0.0), "There are copies: 30 %"),
        (sentences.copied, Reading(0.3, None, None, None), "30 % of the particles"),
        (sentences.covered, Reading(0.95, 0.97, 0.5, 0.9), "The target is covered:"),
        (sentences.covered, Reading(0.8, 0.97, 0.5, 0.9), "for the most part"),
        (sentences.covered, Reading(0.5, 0.97, 0.5, 0.9), "missing"),
        (sentences.covered, Reading(0.5, None, 0.5, 0.9, expected=0.52), "The target is covered:"),
        (sentences.tail_off, Reading(float(np.log(2)), None, None, None), "a factor of 2 "),
    ],
)
def test_what_is_said(say, reading, part):
    assert part in say(reading)
