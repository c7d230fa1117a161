"""Snapshots in time: the field against known ones, what is refused, and what is written."""

import warnings
from pathlib import Path

import numpy as np
import pytest

import gparticles as gpa
from gparticles.data import branching, growth, rotation
from gparticles.timecourse.judging import Population, w2_between
from gparticles.timecourse.legs import by_length

N = 60
# what is not in the package: benchmarks/studies/trajectories.py says where it is from
DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="module")
def forked():
    return branching(N, times=(0, 1, 2), seed=3)


@pytest.fixture(scope="module")
def course(forked):
    return gpa.trajectory(forked.points, forked.times, fit_steps=1000, seed=0)


def even(points):
    return Population(points, np.full(len(points), 1 / len(points)))


def test_cells_arrive_where_the_snapshots_are(forked, course):
    cells = [forked.points[forked.times == t] for t in (0, 1, 2)]
    assert np.allclose(course.at(0.0), cells[0], atol=1e-5)
    for time, snapshot in ((1.0, cells[1]), (2.0, cells[2])):
        arrived = w2_between(even(course.at(time)), even(snapshot))
        assert arrived < 0.4 * w2_between(even(cells[0]), even(snapshot))


def test_backwards_is_forwards_undone(course):
    begun = course.at(0.5)
    there = course.carry(begun, 0.5, 1.75)
    assert there.shape == begun.shape
    assert np.abs(course.carry(there, 1.75, 0.5) - begun).max() < 0.02


def test_the_field_is_the_true_one(forked, course):
    fresh = branching(200, times=(0.5, 1.5), seed=4)
    points = fresh.points[fresh.times == 0.5]
    truth = forked.velocity(points, 0.5)
    error = ((course.velocity(points, 0.5) - truth) ** 2).mean() / (truth**2).mean()
    assert error < 0.15


def test_fates_are_the_true_ones(forked, course):
    labels = np.where(forked.fates == 1, "up", "down").astype(object)
    # classes of earlier cells are not used
    labels[forked.times < 2] = None
    fates = course.fates(labels)
    assert fates.classes.tolist() == ["down", "up"]
    assert np.allclose(fates.probabilities.sum(axis=1), 1)
    early = forked.times == 0
    right = fates.probabilities.argmax(axis=1) == forked.fates
    assert right[early].mean() > 0.85


def test_growth_goes_with_the_true_rates():
    grown = growth(150, times=(0, 1), seed=5)
    course = gpa.trajectory(grown.points, grown.times, fit_steps=50)
    first = grown.times == 0
    assert np.isnan(course.growth[~first]).all()
    assert np.isnan(course.density_ratio[first]).all()
    truth = grown.growth(grown.points[first], 0.0)
    assert np.corrcoef(truth, np.log(course.growth[first]))[0, 1] > 0.4
    assert abs(course.growth[first].mean() - 1) < 1e-9


def test_weights_are_repetitions(forked):
    # a cell of weight 2 is two cells
    early, late = (forked.points[forked.times == t] for t in (0, 1))
    weights = np.ones(2 * N)
    weights[0] = 2
    times = np.repeat([0.0, 1.0], N)
    one = gpa.trajectory(np.concatenate([early, late]), times, weights=weights, fit_steps=50)
    places, mass = one.population(0.0)
    assert mass[np.all(np.isclose(places, early[0], atol=1e-6), axis=1)].sum() == pytest.approx(
        2 / (N + 1)
    )


def test_a_snapshot_is_its_own_population(forked, course):
    for time in (0.0, 1.0, 2.0):
        estimate = course.population(time)
        assert estimate.weights.sum() == pytest.approx(1)
        assert w2_between(estimate, even(forked.points[forked.times == time])) < 1e-3


def test_ways_are_walked_at_one_speed():
    # at full speed to the corner, and then in small steps
    steps = np.concatenate([np.linspace(0, 1, 5)[:-1], np.linspace(1, 2, 41)])
    path = np.stack([np.minimum(steps, 1.0), np.maximum(steps - 1, 0.0)], axis=1)[:, None]
    even_path = by_length(path)
    lengths = np.linalg.norm(np.diff(even_path, axis=0), axis=2)
    assert np.allclose(lengths, 0.1)
    still = by_length(np.zeros((4, 2, 3)))
    assert np.array_equal(still, np.zeros_like(still))


def test_what_turns_within_its_law_leaves_no_trace():
    turning = rotation(N, times=(0, 1), centre=0.0, seed=0)
    course = gpa.trajectory(turning.points, turning.times, fit_steps=200)
    first = turning.points[:N]
    moved = np.linalg.norm(course.velocity(first, 0.5), axis=1).mean()
    # the law says nothing of it: what is found is the difference of two samples
    assert moved < 0.6 * np.linalg.norm(turning.velocity(first, 0.5), axis=1).mean()


def test_the_same_seed_gives_the_same_bits(forked, course):
    again = gpa.trajectory(forked.points, forked.times, fit_steps=1000, seed=0)
    assert np.array_equal(again.at(1.3), course.at(1.3))


def test_a_saved_one_comes_back_whole(course, forked, tmp_path, refused):
    course.save(tmp_path / "kept")
    restored = gpa.load_trajectory(tmp_path / "kept")
    assert np.array_equal(restored.at(1.3), course.at(1.3))
    assert np.array_equal(restored.growth, course.growth, equal_nan=True)
    before, after = (c.fates(forked.fates).probabilities for c in (course, restored))
    assert np.array_equal(before, after)
    assert repr(restored) == repr(course)
    refused(lambda: course.save(tmp_path / "kept"), "overwrite=True")
    refused(lambda: gpa.load_trajectory(tmp_path), "holds no trajectory")
    (tmp_path / "kept" / "trajectory.safetensors").write_bytes(b"half")
    refused(lambda: gpa.load_trajectory(tmp_path / "kept"), "damaged")


@pytest.mark.parametrize(
    ("times", "numbers", "unit"),
    [
        (["0.000e+00", "1.2e+01", ".5e2"], [0, 12, 50], ""),
        (["24hpf", "48 hpf", "5hpf"], [24, 48, 5], "hours"),
        (["3mo", "18 months", "24 mo"], [3, 18, 24], "months"),
        (["Day-0", "day-3", "day_7"], [0, 3, 7], "days"),
        (["-1 d", "d0", "1.5d"], [-1, 0, 1.5], "days"),
        (["2024-05-01T12:00Z", "2024-05-02T14:00+02:00", "2024-05-02"], [0, 1, 0.5], "days"),
        (["2024-03", "2024-02", "2024-01"], [60, 31, 0], "days"),
        (["0h", "12h", "48 h"], [0, 12, 48], "hours"),
        (["day 0", "d2", "5 days"], [0, 2, 5], "days"),
        (["E7.5", "E8.25", "e8.5"], [7.5, 8.25, 8.5], "days"),
        (["90 min", "2h", "1d"], [1.5, 2, 24], "hours"),
        (["2024-05-01", "2024-05-03T12:00", "2024-05-02"], [0, 2.5, 1], "days"),
        (["0", "1.5", "-3"], [0, 1.5, -3], ""),
        ([1, 2, 4], [1, 2, 4], ""),
        (np.array([0, 90, 30], "timedelta64[m]"), [0, 1.5, 0.5], "hours"),
    ],
)
def test_times_as_people_write_them(times, numbers, unit):
    from gparticles.timecourse import read_times

    read, of_them = read_times(times, 3)
    assert read.tolist() == numbers
    assert of_them == unit


POINTS = np.random.default_rng(0).normal(size=(6, 2))


@pytest.mark.parametrize(
    ("times", "parts"),
    [
        ([1, 1, 1, 1, 1, 1], ["all cells are of time 1", "two times or more"]),
        ([0, 0, 0, 1, 1, 2], ["2 has one cell (row 5)", "leave this cell out"]),
        ([0, 0, np.nan, 1, 1, 1], ["entry 2 is missing", "remove such cells"]),
        ([0, 0, np.inf, 1, 1, 1], ["entry 2 is missing or infinite (1 of 6)"]),
        (["3m", "3m", "18m", "18m", "3m", "3m"], ["'18m' is no time", "mo for months"]),
        (["D-1", "D-1", "D0", "D0", "D1", "D1"], ["some have a dash", "'-1 d'"]),
        (["NaT", "NaT", *["2024-01-01"] * 4], ["'NaT' is no time"]),
        (["2h", "2h", *["2024-01-01"] * 4], ["give all of them as dates"]),
        (["early", "early", "early", "late", "late", "late"], ["'early' is no time", "12h"]),
        (["1h", "1h", "2", "2", "2", "2"], ["some have a unit and others none"]),
        ([0, 0, 0, 1, 1], ["shape (5,)"]),
        ([0, 0, 0, 1, 1, None], ["entry 5 is missing", "give every cell a time"]),
    ],
)
def test_times_that_cannot_be_used(times, parts, refused):
    refused(lambda: gpa.trajectory(POINTS, times), *parts)


def test_other_things_that_cannot_be_used(course, forked, refused):
    times = np.repeat([0, 1], 3)
    refused(lambda: gpa.trajectory(POINTS, times, weights=[0, 0, 0, 1, 1, 1]), "all zero")
    refused(lambda: gpa.trajectory(POINTS, times, smoothing=0), "smoothing is 0")
    refused(lambda: course.at(3.0), "outside of the snapshots' times, 0 to 2", "extrapolate=True")
    refused(lambda: course.at("soon"), "give a number")
    refused(lambda: course.carry(np.zeros((2, 3)), 0, 1), "2 columns")
    refused(lambda: course.fates(["a"] * len(forked.times)), "give two classes")
    refused(lambda: course.fates([None] * len(forked.times)), "of the last snapshot has none")
    refused(lambda: gpa.leave_out(forked.points, forked.times, left=[2.0]), "no inner time", "1")
    refused(lambda: gpa.leave_out(POINTS, times), "needs three")


def test_beyond_the_snapshots_it_warns(course):
    with pytest.warns(UserWarning, match="extrapolated"):
        beyond = course.at(2.1, extrapolate=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        within = course.at(2.0, extrapolate=True)
    assert np.linalg.norm(beyond - within, axis=1).max() < 1.0


@pytest.mark.slow
@pytest.mark.parametrize(("name", "unit"), [("mesc", "hours"), ("mef", "days")])
def test_left_out_snapshots_of_measured_cells_are_nearer_than_by_exact_transport(name, unit):
    path = DATA / f"timecourse_{name}.npz"
    if not path.is_file():
        pytest.skip(f"{path.name} is not in ../shared/data beside the repository")
    with np.load(path, allow_pickle=False) as data:
        results = gpa.leave_out(data["X"], data[unit], latent_dim=16)
    assert len(results) == 3
    for result in results:
        assert result.w2["flow"] < result.w2["exact transport"], result.time


def test_a_left_out_snapshot_is_met_better_than_by_what_needs_no_flow(forked):
    (result,) = gpa.leave_out(forked.points, forked.times)
    assert result.time == 1.0
    assert result.w2["flow"] < min(result.w2["stay"], result.w2["mean shift"])
    assert set(result.w2) == set(result.energy)
    assert all(value >= 0 for value in result.energy.values())
