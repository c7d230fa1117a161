"""GANs: every critic goes through the same laws; samples, labels, bounds and refusals."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import gparticles as gpa
from gparticles.evaluate.distances import energy_distance
from gparticles.gan.model import Generator
from gparticles.gan.training import CHUNK, Game, _averaged, _finite, _real
from gparticles.potential.fitting import BatchStream, Cloud

CRITICS = {
    # small networks, which compile in half the time
    "kl": gpa.LipschitzCritic(
        potential=gpa.smooth_mlp(2, width=16, depth=1, layer=gpa.AOL, lipschitz=0.1)
    ),
    "alpha": gpa.LipschitzCritic(f=gpa.Alpha(2.0), lipschitz=2.0),
    "clipped": gpa.ClippedCritic(limit=0.05, width=16, depth=1),
    "penalised": gpa.PenalisedCritic(width=16, depth=1),
}
LABELS = np.repeat(["left", "right"], 30)


def train(target, **given):
    """The same networks and shapes in every test, so that only one program is compiled."""
    settings = {"critic": CRITICS["kl"], "labels": LABELS, "bounds": (0.0, 130.0)}
    return gpa.train_gan(target, **{**settings, "steps": 3, "width": 16, "depth": 2, **given})


@pytest.fixture(scope="module")
def target():
    """Two far clusters of points, off the origin."""
    rng = np.random.default_rng(0)
    centres = np.repeat([[80.0, 10.0], [120.0, 30.0]], 30, axis=0)
    return (centres + rng.normal(size=(60, 2))).astype(np.float32)


@pytest.fixture(scope="module")
def trained(target):
    """A GAN after its training, and what its callback saw."""
    seen = []
    gan = train(target, steps=400, callbacks=[lambda p: seen.append(p)])
    return gan, seen


def test_same_seed_same_bits(target):
    first, again, other = (train(target, seed=seed) for seed in (0, 0, 1))
    assert first.outcome == "took all 3 steps"
    assert first.history["divergence"].shape == (3,)
    labels = LABELS[[0, 40, 1]]
    points = first.sample(3, labels=labels)
    assert points.shape == (3, 2)
    assert points.dtype == np.float32
    np.testing.assert_array_equal(points, again.sample(3, labels=labels))
    assert not np.array_equal(points, other.sample(3, labels=labels))
    assert not np.array_equal(points, first.sample(3, labels=labels, seed=1))


def test_each_class_is_learnt_within_the_bounds(target, trained):
    gan, seen = trained
    made = gan.sample(60, labels=LABELS, seed=3)
    start = seen[0].gan().sample(60, labels=LABELS, seed=3)
    assert energy_distance(made, target) < 1
    for label, centre in (("left", 80), ("right", 120)):
        assert made[label == LABELS, 0].mean() == pytest.approx(centre, abs=8)
    assert made.min() >= 0
    assert made.max() <= 130
    divergence = gan.history["divergence"]
    assert divergence[-50:].mean() < 0.5 * divergence[:20].mean()
    assert [p.step for p in seen] == [100, 200, 300, 400]
    assert seen[-1].latest["divergence"] == divergence[-1]
    assert not np.array_equal(start, made)


def test_a_callback_ends_training(target):
    gan = train(target, steps=CHUNK + 5, callbacks=[lambda p: True])
    assert gan.outcome == f"stopped: a callback asked for it (step {CHUNK})"
    assert len(gan.history["divergence"]) == CHUNK


BURSTING = optax.chain(
    optax.adam(1e-3), optax.scale_by_schedule(lambda n: jnp.where(n < 40, 1.0, jnp.inf))
)


class Bursting(gpa.PenalisedCritic):
    """A critic whose weights become infinite at its 41st step."""

    def optimiser(self):
        return BURSTING


def test_a_failure_keeps_the_last_finite_generator(target):
    critic = Bursting()
    gan = train(target, critic=critic, steps=200)
    taken = len(gan.history["divergence"])
    assert gan.outcome.startswith(f"failed at step {taken}: ")
    assert "learning rates" in gan.outcome
    assert 0 < taken < 200
    before = train(target, critic=critic, steps=taken)
    np.testing.assert_array_equal(gan.sample(60, labels=LABELS), before.sample(60, labels=LABELS))


def test_one_value_that_is_not_finite_is_enough():
    good = {"w": jnp.ones(2), "b": jnp.zeros(())}
    assert bool(_finite(good))
    assert not bool(_finite({**good, "b": jnp.asarray(jnp.nan)}))
    assert not bool(_finite({**good, "w": jnp.array([1.0, jnp.inf])}))


def test_labels_of_samples_are_needed_and_known(trained):
    with pytest.raises(gpa.InputError, match="give labels, one per point"):
        trained[0].sample(3)
    with pytest.raises(gpa.InputError, match="does not occur"):
        trained[0].sample(1, labels=["middle"])


def test_a_generator_without_labels_or_bounds():
    generator = Generator(lambda z: z + 1, None, 10.0, (2, 2), None)
    at = np.arange(12, dtype=np.float32).reshape(3, 4)
    np.testing.assert_array_equal(generator(jnp.asarray(at)), 10 * (at + 1).reshape(3, 2, 2))


@pytest.mark.parametrize("name", CRITICS)
def test_critics_are_potentials(name):
    critic = CRITICS[name]
    phi = critic.network((2,), None, seed=4)
    if name in ("kl", "alpha"):
        slope = {"kl": 0.1, "alpha": 2.0}[name]
        assert phi.lipschitz_bound() <= slope * (1 + 1e-6)
    else:
        assert phi.lipschitz_bound() == math.inf
    assert critic.network((2,), 2, seed=4)(jnp.zeros((2, 2)), jnp.arange(2)).shape == (2,)
    assert critic.optimiser() is critic.optimiser()


def test_clipping_holds_after_every_step():
    critic = gpa.ClippedCritic(limit=0.05, learning_rate=1.0)
    optimiser = critic.optimiser()
    parameters = {"w": jnp.array([0.04, -0.05])}
    state = optimiser.init(parameters)
    updates, _ = optimiser.update({"w": jnp.array([-1.0, 1.0])}, state, parameters)
    np.testing.assert_allclose(parameters["w"] + updates["w"], [0.05, -0.05], atol=1e-7)
    start = eqx.filter(critic.network((2,), None, seed=0), eqx.is_inexact_array)
    assert max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(start)) < 0.05 + 1e-7


def test_batches_keep_the_classes_of_the_real_points():
    points = jnp.arange(60.0)[:, None]
    cloud = Cloud(points, jnp.full(60, 1 / 60), jnp.arange(60) % 2)
    game = Game(None, cloud, None, None, 1, 4, 2)
    order = jnp.arange(59, -1, -1)
    batches = BatchStream(jax.random.PRNGKey(0), order, jnp.asarray(10))
    real, following = _real(game, batches)
    np.testing.assert_array_equal(real.points[:, 0], [49, 48, 47, 46])
    np.testing.assert_array_equal(real.labels, [1, 0, 1, 0])
    np.testing.assert_allclose(real.weights, 0.25)
    assert int(following.position) == 14


def test_the_potential_that_is_given_is_used():
    critic = gpa.LipschitzCritic(potential=gpa.smooth_mlp(2, lipschitz=3.0))
    assert critic.network((2,), None, seed=0) is critic.potential
    assert critic.network((2,), 2, seed=0).num_classes == 2


def test_the_average_forgets_the_beginning():
    average = jnp.asarray(100.0)
    for step in range(200):
        average = _averaged(average, jnp.asarray(1.0), jnp.asarray(step))
    assert float(average) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(
    ("call", "part"),
    [
        (lambda x: gpa.train_gan([1.0, 2.0]), "one row per point"),
        (lambda x: gpa.train_gan(x, critic="kl"), "gpa.LipschitzCritic()"),
        (lambda x: gpa.train_gan(x, steps=0), "steps is 0"),
        (lambda x: gpa.train_gan(x, latent_dim=-1), "latent_dim is -1"),
        (lambda x: gpa.train_gan(x, critic_steps=0), "critic_steps is 0"),
        (lambda x: gpa.train_gan(x, batch_size=0), "batch_size is 0"),
        (lambda x: gpa.train_gan(x, learning_rate=-1.0), "learning_rate is -1"),
        (lambda x: gpa.train_gan(x, bounds=(1, 0)), "the first must be below"),
        (lambda x: gpa.train_gan(x, labels=[0, 1]), "one label per point"),
        (lambda x: gpa.train_gan(x, seed=-1), "seed is -1"),
        (lambda x: gpa.train_gan(x, scale="wide"), "scale is 'wide'"),
        (lambda x: gpa.LipschitzCritic(f="kl"), "gpa.KL()"),
        (lambda x: gpa.ClippedCritic(limit=0.0), "limit is 0.0"),
        (lambda x: gpa.PenalisedCritic(strength=-1.0), "strength is -1.0"),
        (lambda x: train(x).sample(0, labels=[]), "n is 0"),
    ],
)
def test_bad_input_is_refused_in_one_line(call, part, target):
    with pytest.raises(gpa.InputError) as caught:
        call(target)
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)
