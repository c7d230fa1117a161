"""Images as deformations of one another: fields, classes, range, and what is refused."""

import numpy as np
import pytest

from gparticles.latent import Deformations
from gparticles.latent.deformations import NUMBER_UNIT, deformed, mates_of
from gparticles.latent.registration import on_grid, register, waves, without_colour

SIDE = 16


def rings(count, *, seed=0):
    """Ellipses of several sizes and places, shape (count, 16, 16)."""
    generator = np.random.default_rng(seed)
    y, x = np.indices((SIDE, SIDE)) - (SIDE - 1) / 2
    images = []
    for _ in range(count):
        tall, wide = generator.uniform(3, 6, 2)
        up, left = generator.uniform(-1, 1, 2)
        away = np.hypot((y - up) / tall, (x - left) / wide)
        images.append(np.exp(-(((away - 1) * 4) ** 2)))
    return np.array(images, np.float32)


@pytest.fixture(scope="module")
def fitted():
    images, kinds = rings(12), np.arange(12) % 2
    return images, kinds, *Deformations(mates=3, cosines=6).fit_images(images, kinds)


def test_registration_makes_one_image_look_like_another():
    images = rings(8)
    first, second = images[:4], images[4:]
    fields = register(first, second)
    off = np.abs(deformed(first, fields) - second).mean(axis=(1, 2))
    assert (off < 0.5 * np.abs(first - second).mean(axis=(1, 2))).all()


def test_no_field_is_no_deformation(fitted):
    images, _, codec, mates = fitted
    latents = np.zeros((12, mates.latents.shape[1]))
    latents[:, 0] = NUMBER_UNIT * np.arange(12)
    assert np.allclose(codec.decode(latents), images, atol=1e-5)


def test_mates_and_what_begins_are_of_the_class(fitted):
    images, kinds, codec, mates = fitted
    pairs = mates_of(without_colour(images), kinds, count=3)
    assert np.array_equal(mates.images, pairs[:, 0])
    assert (kinds[pairs[:, 0]] == kinds[pairs[:, 1]]).all()
    assert (pairs[:, 0] != pairs[:, 1]).all()
    wanted = np.repeat([0, 1], 9)
    start = codec.begin(wanted, seed=1)
    assert np.array_equal(kinds[start.images], wanted)
    # in turns: nine of six images, none a third time
    assert np.bincount(start.images).max() == 2
    assert np.array_equal(start.latents, codec.begin(wanted, seed=1).latents)


def test_what_begins_has_the_moments_of_the_fields(fitted):
    _, _, codec, mates = fitted
    start = codec.begin(np.zeros(4000, int))
    drawn, known = ((points.latents[:, 1:] ** 2).sum(axis=1).mean() for points in (start, mates))
    assert drawn == pytest.approx(codec.widening**2 * known, rel=0.1)


def test_cosines_of_smooth_fields_and_back():
    cosines = np.random.default_rng(0).normal(size=(3, 2 * 5 * 5))
    assert np.allclose(waves(on_grid(cosines, (9, 12)), 5), cosines)
    # fewer pixels than cosines
    assert np.allclose(on_grid(waves(np.ones((1, 2, 4, 6)), 8), (4, 6)), 1)


def test_colours_stay_in_their_range():
    images = np.repeat(rings(4)[..., None], 3, axis=3) * [0.2, 0.5, 0.9]
    codec, mates = Deformations(mates=2).fit_images(images)
    made = codec.decode(mates.latents)
    assert made.shape == (8, SIDE, SIDE, 3)
    assert images.min() <= made.min()
    assert made.max() <= images.max()


def test_an_image_alone_in_its_class_stays(fitted):
    images = fitted[0][:3]
    codec, mates = Deformations().fit_images(images, np.array([0, 0, 1]))
    alone = mates.latents[mates.images == 2]
    assert np.allclose(codec.decode(alone)[0], images[2], atol=1e-5)


def test_what_cannot_be_used_is_refused(fitted, refused):
    refused(lambda: Deformations().fit_images(np.ones((5, 3))), "shape (5, 3)", "another codec")
    refused(lambda: Deformations(mates=0), "mates")
    refused(lambda: Deformations(widening=-1.0), "widening")
    refused(lambda: fitted[2].encode(fitted[0]), "gpa sample")
    refused(lambda: Deformations().decode(np.ones((2, 3))), "not fitted")
