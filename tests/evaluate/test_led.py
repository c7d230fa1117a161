"""Frames that begin with a source which an affine map took to step 0."""

import dataclasses

import numpy as np
import pytest

from gparticles.plots.figures import images_over_time_figure, strip_figure
from gparticles.plots.projection import Projection
from gparticles.report.packing import packed_points
from gparticles.report.shown import choose
from tests.evaluate.flows import made, walk


def _led(*shape):
    flow = made(walk(*shape, frames=21))
    return dataclasses.replace(
        flow,
        trajectory=np.concatenate([flow.trajectory[:1] - 1, flow.trajectory]),
        trajectory_steps=np.append(-1, flow.trajectory_steps),
    )


def test_the_strip_shows_the_source_and_where_the_flow_begins():
    flow = _led(20, 2)
    target = flow.particles
    titles = [a.get_title() for a in strip_figure(flow, target, Projection(target)).axes]
    assert titles == ["source", "step 0", "step 5", "step 10", "step 15", "step 20"]
    first = strip_figure(flow, target, Projection(target)).axes[0].collections[0]
    np.testing.assert_allclose(first.get_offsets(), flow.trajectory[0])


def test_images_over_time():
    title = images_over_time_figure(_led(12, 4, 4), None).axes[0].get_title()
    assert title == "ten particles, from source (left) to step 20 (right)"


def test_the_page_has_no_time_for_it():
    flow = _led(20, 2)
    packed = packed_points(flow, choose(flow, flow.particles))
    assert packed["steps"][:3] == [-1, 0, 1]
    assert packed["times"][:3] == pytest.approx([None, 0.0, 0.5])
