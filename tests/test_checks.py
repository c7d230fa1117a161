"""Checks of labels: each is found among the target's, whatever its type."""

import numpy as np
import pytest

from gparticles.checks import label_indices
from gparticles.errors import InputError

CLASSES = np.array([2, 9, 10, 100])


@pytest.mark.parametrize("given", [CLASSES[::-1], CLASSES[::-1].astype(str)])
def test_positions_among_the_classes(given):
    np.testing.assert_array_equal(label_indices(given, CLASSES, "labels"), [3, 2, 1, 0])


def test_text_classes_and_numbers():
    classes = np.array(["1", "10", "2"])
    np.testing.assert_array_equal(label_indices(np.array([10, 2, 1]), classes, "labels"), [1, 2, 0])


@pytest.mark.parametrize("absent", [np.array([2, 3]), np.array(["100", "1000"]), np.array([101])])
def test_absent_labels_are_refused(absent):
    with pytest.raises(InputError, match="does not occur among the target's labels"):
        label_indices(absent, CLASSES, "labels")
