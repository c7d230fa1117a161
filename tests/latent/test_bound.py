"""The latent bound as users see it: against the decoded clouds' own divergence."""

import dataclasses

import numpy as np
import pytest

import gparticles as gpa
from gparticles.latent import bound, latent_bound


@pytest.fixture
def flow(clouds, short):
    # columns of very different units, so that the decoder stretches
    units = np.geomspace(0.5, 50, clouds[0].shape[1])
    source, target = (cloud * units for cloud in clouds)
    weights = np.arange(1.0, 31)
    return source, short(source, target, codec=gpa.PCA(2, standardise=True), source_weights=weights)


def test_it_bounds_what_the_decoder_shows(flow):
    source, moved = flow
    found = latent_bound(moved, source, f=gpa.KL())
    decode, start = moved.codec.decode, moved.codec.encode(source)
    target = decode(moved.latent_target)
    for latents, upper in ((start, found.before), (moved.latent.particles, found.after)):
        true = gpa.divergence(
            decode(latents), target, lipschitz=found.lipschitz, p_weights=moved.weights[0]
        )
        assert 0 < true.lower <= upper
        # of the flow's own L in latent units, and so not far above what it descends
        own = gpa.divergence(
            latents,
            moved.latent_target,
            lipschitz=moved.latent.lipschitz,
            p_weights=moved.weights[0],
        )
        assert own.lower <= upper <= 1.06 * own.upper
    assert found.before != found.after
    assert found.decoder_lipschitz == moved.decoder_lipschitz > 2
    assert f"at most {found.after:.3g} nats ({found.before:.3g} before" in found.sentence
    assert found.record()["unit"] == "nats"


def test_halves_of_the_target_are_what_chance_gives(clouds, short):
    flow = short()
    # two samples of one law in the place of particles and target
    sizes = 200, 160
    z, target = (np.random.default_rng(k).normal(size=(n, 2)) for k, n in enumerate(sizes))
    weights = np.full(200, 1 / 200), np.full(160, 1 / 160)
    latent = dataclasses.replace(flow.latent, particles=z)
    same = dataclasses.replace(flow, latent=latent, latent_target=target, weights=weights)
    found = latent_bound(same, clouds[0][:1].repeat(200, axis=0), f=gpa.KL())
    assert 0.7 < found.halves / found.after < 3
    few = dataclasses.replace(flow, latent_target=target[:3], weights=(flow.weights[0], np.ones(3)))
    found = latent_bound(few, clouds[0], f=gpa.KL())
    assert found.halves is None
    assert "halves" not in found.sentence


def test_why_there_is_none(flow, monkeypatch):
    source, moved = flow
    monkeypatch.setattr(bound, "MAX_PAIRS", 30 * 40 - 1)
    found = latent_bound(moved, source, f=gpa.KL())
    assert (found.before, found.after, found.halves) == (None, None, None)
    assert "1,200 pairs of samples" in found.sentence


def test_an_unknown_constant(clouds, short):
    from sklearn.decomposition import PCA

    source = clouds[0]
    flow = short(codec=PCA(2).fit(np.concatenate(clouds)))
    assert "constant is not known" in latent_bound(flow, source, f=gpa.KL()).sentence
