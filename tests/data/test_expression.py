"""Made-up studies: what is known of them holds."""

import numpy as np
import pytest
from scipy.stats import ttest_ind

from gparticles import data
from gparticles.errors import InputError


def test_the_truth_is_what_the_first_laboratory_sees():
    made = data.synthetic_expression((30, 20, 10), genes=400, seed=3)
    assert made.values.shape == made.truth.shape == (60, 400)
    assert made.values.dtype == made.truth.dtype == np.float32
    assert made.batches.tolist() == ["A"] * 30 + ["B"] * 20 + ["C"] * 10
    first = made.batches == "A"
    np.testing.assert_array_equal(made.values[first], made.truth[first])
    shifts = {b: made.values[made.batches == b] - made.truth[made.batches == b] for b in "BC"}
    assert all(np.abs(shift).mean() > 0.3 for shift in shifts.values())
    # every laboratory has its own map
    assert np.corrcoef(shifts["B"].mean(0), shifts["C"].mean(0))[0, 1] < 0.6


def test_a_laboratory_maps_each_gene_by_a_rising_bend():
    made = data.synthetic_expression((2, 200), genes=300)
    other = made.batches == "B"
    true, seen = made.truth[other].astype(float), made.values[other].astype(float)
    order = np.argsort(true, axis=0)
    assert (np.diff(np.take_along_axis(seen, order, 0), axis=0) > -1e-5).all()
    # no straight line explains it: what is small is bent by the background
    residuals = []
    for gene in np.argsort(made.truth.mean(axis=0))[:50]:
        fitted = np.polyval(np.polyfit(true[:, gene], seen[:, gene], 1), true[:, gene])
        residuals.append(np.std(seen[:, gene] - fitted) / np.std(seen[:, gene]))
    assert np.median(residuals) > 0.05


def test_classes_differ_where_it_says_and_nowhere_else():
    made = data.synthetic_expression((3000,), genes=200)
    assert made.differs.sum() == 10
    found = ttest_ind(made.truth[made.labels == 0], made.truth[made.labels == 1])
    p = np.asarray(found[1])
    assert (p[made.differs] < 1e-4).all()
    # uniform under the null: 190 values, none tiny
    assert p[~made.differs].min() > 1e-4


@pytest.mark.parametrize("shares", [(0.7, 0.3), 0.5])
def test_proportions_of_the_classes(shares):
    made = data.synthetic_expression((100, 50), positive=shares, genes=50)
    wanted = (70, 15) if shares != 0.5 else (50, 25)
    found = tuple(int(made.labels[made.batches == b].sum()) for b in "AB")
    assert found == wanted


def test_biology_has_few_dimensions():
    made = data.synthetic_expression((300,), genes=3000)
    centred = made.truth - made.truth.mean(0)
    shares = np.linalg.eigvalsh(centred @ centred.T)[::-1]
    # twenty programmes and the class; then noise
    assert shares[19] > 3 * shares[21]


def test_a_larger_batch_leaves_the_others_as_they_are():
    small, large = (data.synthetic_expression((n, 12), genes=60) for n in (10, 15))
    np.testing.assert_array_equal(small.values[10:], large.values[15:])


def test_the_sampler_is_the_same_study():
    values, labels = data.expression(25, genes=80, seed=2, positive=0.2)
    assert labels.sum() == 5
    shifted, same = data.expression(25, genes=80, seed=2, positive=0.2, shift=1.0)
    np.testing.assert_array_equal(labels, same)
    assert (np.argsort(values, 0) == np.argsort(shifted, 0)).mean() > 0.99
    half = data.expression(25, genes=80, seed=2, positive=0.2, shift=0.5)[0]
    assert np.abs(values - half).mean() < np.abs(values - shifted).mean()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: data.expression(5, shift=-1), "shift is -1; give 0"),
        (lambda: data.expression(5, positive=1.5, genes=9), "between 0 and 1"),
        (lambda: data.expression(5, genes=0), "genes is 0"),
        (lambda: data.synthetic_expression((5, 5), positive=(0.5,)), "2 sizes and 1 shares"),
        (lambda: data.synthetic_expression((5, 0)), "smallest size"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InputError, match=message):
        call()
