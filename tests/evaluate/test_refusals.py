"""What is no cloud of points is refused in one line, by every public measure."""

import numpy as np
import pytest

from gparticles import InputError
from gparticles.evaluate.classifier import c2st
from gparticles.evaluate.distances import energy_distance, frechet_distance, kid, mmd2
from gparticles.evaluate.features import lenet_features
from gparticles.evaluate.floors import choose_bandwidth
from gparticles.evaluate.manifold import manifold
from gparticles.evaluate.memorisation import memorisation
from gparticles.evaluate.metrics import evaluate
from gparticles.evaluate.mixing import label_auc, mixing, neighbour_mixing, silhouette
from gparticles.evaluate.tails import ccdf_error, hill_index, norms, tail_log_error
from gparticles.evaluate.wasserstein import sinkhorn_divergence, sliced_w2, w1, w2

GOOD = np.random.default_rng(0).normal(size=(30, 3))
GROUPS = np.repeat([0, 1], 15)


def with_entry(value):
    points = GOOD.copy()
    points[4, 1] = value
    return points


BAD = {
    "nan": with_entry(np.nan),
    "inf": with_entry(np.inf),
    "masked": np.ma.masked_array(GOOD, np.arange(90).reshape(30, 3) == 13),
    "text": GOOD.astype("U9"),
    "no rows": GOOD[:0],
    "no columns": GOOD[:, :0],
}
TWO = [w1, w2, sliced_w2, energy_distance, mmd2, kid, frechet_distance, manifold, c2st]


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
@pytest.mark.parametrize("measure", TWO)
def test_of_two_clouds(measure, bad):
    for pair in ((bad, GOOD), (GOOD, bad)):
        with pytest.raises(InputError) as caught:
            measure(*pair)
        assert "\n" not in str(caught.value)


MEASURES = {
    "sinkhorn": lambda bad: sinkhorn_divergence(bad, GOOD, epsilon=1.0),
    "memorisation": lambda bad: memorisation(GOOD, GOOD, bad),
    "bandwidth": choose_bandwidth,
    "mixing": lambda bad: mixing(bad, GROUPS, GROUPS),
    "neighbours": lambda bad: neighbour_mixing(bad, GROUPS),
    "silhouette": lambda bad: silhouette(bad, GROUPS),
    "label_auc": lambda bad: label_auc((GOOD, GROUPS), (bad, GROUPS)),
    "norms": norms,
    "ccdf_error": lambda bad: ccdf_error(bad, GOOD[:, 0]),
    "tail_log_error": lambda bad: tail_log_error(GOOD[:, 0], bad),
    "hill_index": hill_index,
    "features": lenet_features,
    "particles": lambda bad: evaluate(bad, GOOD, target=GOOD),
    "held_out": lambda bad: evaluate(GOOD, bad, target=GOOD),
    "target": lambda bad: evaluate(GOOD, GOOD, target=bad),
    "fresh": lambda bad: evaluate(GOOD, GOOD, target=GOOD, fresh=bad),
    "columns": lambda bad: evaluate(GOOD[:, :2], GOOD, target=GOOD),
    "too far": lambda bad: evaluate(1e60 * GOOD, GOOD, target=GOOD),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
def test_of_one_cloud(measure, bad):
    with pytest.raises(InputError) as caught:
        measure(bad)
    assert "\n" not in str(caught.value)
