"""Courses whose truth is known: velocities are derivatives, and the law is what they say."""

import numpy as np
import pytest

from gparticles.data import COURSES, branching, growth, rotation

STEP = 1e-4


@pytest.mark.parametrize("sampler", [rotation, branching])
def test_the_velocity_is_the_derivative_of_every_cell(sampler):
    before, after = (sampler(50, times=(t,), dim=3, seed=1) for t in (0.7, 0.7 + STEP))
    moved = (after.points - before.points) / STEP
    assert np.allclose(moved, before.velocity(before.points, 0.7), atol=1e-2)
    assert np.array_equal(before.fates, after.fates)
    assert not before.growth(before.points, 0.7).any()


def test_the_mean_moves_by_velocity_and_growth():
    course = growth(40_000, times=(0, 1), dim=3, seed=2)
    first = course.points[course.times == 1]
    velocity, rates = course.velocity(first, 1.0), course.growth(first, 1.0)
    change = velocity.mean(axis=0) + (rates[:, None] * first).mean(axis=0)
    # the same draws at both times, so that the means differ by the law's change alone
    later = growth(40_000, times=(0, 1.001), dim=3, seed=2).points[40_000:]
    assert np.allclose((later - first).mean(axis=0) / 1e-3, change, atol=0.05)


@pytest.mark.parametrize("name", COURSES)
def test_a_course_has_what_it_says(name, refused):
    course = COURSES[name](20, times=(0, 2), dim=4, seed=3)
    assert course.points.shape == (40, 4)
    assert np.array_equal(course.times, np.repeat([0.0, 2.0], 20))
    assert set(course.fates) == {0, 1}
    again = COURSES[name](20, times=(0, 2), dim=4, seed=3)
    assert np.array_equal(again.points, course.points)
    refused(lambda: COURSES[name](20, dim=1), "dim is 1", "2 or more")
    refused(lambda: COURSES[name](20, times=()), "give those of the snapshots")
    refused(lambda: COURSES[name](20, speed=2.0), "speed", "seed")
    refused(lambda: COURSES[name](0), "n is 0")
