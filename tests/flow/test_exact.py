"""The flow without a network: its objective never rises, and new points follow it exactly."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import logsumexp

import gparticles as gpa
from gparticles.divergence import REGISTRY
from tests.grids import few_usual

# compiles once for every f
pytestmark = pytest.mark.slow

each = pytest.mark.parametrize("name", few_usual(REGISTRY, ("kl", "alpha", "w1")))


@pytest.fixture(scope="session")
def run(clouds):
    """A flow without a network of 30 steps, with any settings."""

    def run(source=None, target=None, *, smoothing=1.0, **settings):
        source = clouds[0] if source is None else source
        target = clouds[1] if target is None else target
        potential = gpa.ExactPotential(smoothing=smoothing)
        return gpa.transport(source, target, potential=potential, **({"steps": 30} | settings))

    return run


@pytest.fixture(scope="session")
def flow(run):
    return run()


def never_rises(values, share=1e-12):
    assert np.all(np.diff(values) <= share * values[:-1])


def mean_cost(x, y):
    return np.linalg.norm(x[:, None] - y, axis=2).min(axis=1).mean()


@each
def test_the_smoothed_objective_never_rises(name, run, clouds):
    flow = run(f=REGISTRY[name](), steps=80)
    never_rises(flow.history["divergence"])
    assert flow.history["divergence"][-1] < 0.35 * flow.history["divergence"][0]
    assert flow.history["max_speed"].max() <= 1 + 1e-12
    assert mean_cost(flow.particles, clouds[1]) < 0.1 * mean_cost(*clouds)
    assert flow.ride.moved.sum() > 40
    np.testing.assert_array_equal(flow(clouds[0]), flow.particles)


@each
def test_without_smoothing_the_upper_bound_never_rises(name, run, clouds):
    source, target, f = clouds[0][:15], clouds[1][:15], REGISTRY[name]()
    flow = run(source, target, f=f, smoothing=0, steps=70)
    # a plan with an empty column where f(0) is infinite is mixed with a little of another
    never_rises(flow.history["divergence"], 1e-9 if name == "reverse-kl" else 1e-12)
    c = gpa.divergence(source, target, f=f, lipschitz=flow.lipschitz, tolerance=1e-6)
    assert flow.history["divergence"][0] == pytest.approx(c.upper, rel=1e-4)
    assert flow.history["max_speed"].max() <= 1 + 1e-12
    assert mean_cost(flow.particles, target) < 0.05 * mean_cost(source, target)


def test_the_value_is_the_maximum_of_the_smoothed_dual(flow, clouds):
    """KL: max over psi of E_P phi - log E_Q e^psi, by L-BFGS on the formula."""
    x, y = ((cloud - flow.centre) / flow.scale for cloud in clouds)
    away = np.linalg.norm(x[:, None] - y, axis=2)
    costs = np.where(away < 0.1, away**2 / 0.2 + 0.05, away)

    def negative(psi):
        exponents = -(psi + costs)
        phi = -logsumexp(exponents, axis=1, b=1 / 30)
        shares = np.exp(exponents + phi[:, None]) / 30
        weights = np.exp(psi - logsumexp(psi))
        value = phi.mean() - logsumexp(psi, b=1 / 30)
        return -value, weights - shares.mean(axis=0)

    found = minimize(negative, np.zeros(30), jac=True, method="L-BFGS-B", options={"ftol": 1e-15})
    assert flow.history["divergence"][0] == pytest.approx(-found.fun, rel=1e-6)
    # entropy and the rounded tip of the distance only add
    exact = gpa.divergence(*clouds, lipschitz=flow.lipschitz, tolerance=1e-6)
    assert exact.lower < flow.history["divergence"][0]


def test_small_smoothing_gives_the_divergence_itself(run, clouds):
    flow = run(smoothing=1e-3, steps=2)
    exact = gpa.divergence(*clouds, lipschitz=flow.lipschitz, tolerance=1e-6)
    assert flow.history["divergence"][0] == pytest.approx(exact.upper, rel=1e-3)


def test_what_is_lost_is_the_kinetic_energy(run):
    """T5: (D_n - D_{n+1}) / dt is the mean of |v|^2 as dt falls."""
    for smoothing in (1.0, 0.0):
        history = run(steps=3, step_size=1e-3, smoothing=smoothing).history
        lost = -np.diff(history["divergence"]) / np.diff(history["time"])
        # the second derivative is at most that of the distances and of the softmax
        np.testing.assert_allclose(lost, 2 * history["kinetic_energy"][:-1], rtol=0.01)


def test_the_source_rides_to_the_last_bit_and_others_follow(flow, clouds, tmp_path):
    source = clouds[0]
    np.testing.assert_array_equal(flow(source), flow.particles)
    loaded = gpa.load_flow(flow.save(tmp_path / "flow"))
    np.testing.assert_array_equal(loaded(source), flow.particles)
    assert loaded.notes == flow.notes
    assert any("contains the target points" in note for note in flow.notes)
    np.testing.assert_array_equal(
        loaded.ride.targets, flow.scaling.to_working(clouds[1]).astype(np.float64)
    )
    np.testing.assert_allclose(flow(source[:5]), flow.particles[:5], atol=1e-9)
    # neighbours stay neighbours, and newcomers arrive
    near = flow(source + 1e-6)
    assert np.abs(near - flow.particles).max() < 1e-3
    new = np.random.default_rng(7).normal(size=(50, 2)) + 3
    assert mean_cost(flow(new), clouds[1]) < 0.3 * mean_cost(new, clouds[1])
    assert flow(new.astype(np.float32)).dtype == np.float32


def test_without_smoothing_nobody_rides(run, clouds, tmp_path):
    flow = run(smoothing=0, steps=2)
    loaded = gpa.load_flow(flow.save(tmp_path / "flow"))
    for ask in (
        lambda: flow(clouds[0]),
        lambda: loaded(clouds[0]),
        lambda: flow.velocity(clouds[0], 0.0),
        flow.potential,
    ):
        with pytest.raises(
            gpa.InputError, match=r"ExactPotential\(smoothing=...\) above 0"
        ) as said:
            ask()
        assert "\n" not in str(said.value)
        assert "use ExactPotential(smoothing=...) above 0" in str(said.value)


def test_the_velocity_is_minus_the_gradient_of_the_potential(flow, clouds):
    x = clouds[0] + 0.3
    time = flow.history["time"][4]
    found = flow.velocity(x, time)
    values, weights = flow.ride.values[4], flow.ride.log_weights

    def phi(at):
        away = np.linalg.norm((at - flow.centre)[:, None] / flow.scale - flow.ride.targets, axis=2)
        rounded = np.where(away < 0.1, away**2 / 0.2 + 0.05, away)
        return -logsumexp(weights - values - rounded, axis=1)

    for k, along in enumerate(np.eye(2) * 1e-5):
        slope = (phi(x + along) - phi(x - along)) / 2e-5
        # a gradient per data unit is less by the scale, and so is a speed in working units
        np.testing.assert_allclose(found[:, k], -slope * flow.scale**2, atol=1e-6)
    assert np.linalg.norm(found, axis=1).max() <= flow.scale * (1 + 1e-12)
    working = jnp.asarray(flow.scaling.to_working(x))
    np.testing.assert_allclose(flow.potential(4)(working), phi(x), rtol=1e-5)


def test_twice_the_same_bits_and_permuted_particles(run, flow, clouds):
    np.testing.assert_array_equal(run().particles, flow.particles)
    np.testing.assert_array_equal(run(seed=5).particles, flow.particles)
    order = np.random.default_rng(0).permutation(40)
    np.testing.assert_allclose(
        run(clouds[0][order]).particles, flow.particles[order], rtol=0, atol=1e-9
    )


@pytest.mark.parametrize("smoothing", [1.0, 0.0])
def test_rotated_and_moved_clouds_give_rotated_and_moved_particles(smoothing, run, clouds):
    """T9; the working units are float32's."""
    turn = np.array([[math.cos(0.7), -math.sin(0.7)], [math.sin(0.7), math.cos(0.7)]])
    settings = {"scale": 0.25, "step_size": 0.5, "smoothing": smoothing, "steps": 10}
    base = run(**settings)
    turned = run(*(cloud @ turn.T + 5 for cloud in clouds), **settings)
    np.testing.assert_allclose(turned.particles, base.particles @ turn.T + 5, atol=2e-4)
    np.testing.assert_allclose(turned.history["divergence"], base.history["divergence"], rtol=1e-5)


def test_weights_of_zero(run, flow, clouds):
    """Targets of weight 0 pull nobody; particles of weight 0 ride along and pull nobody."""
    far = [100.0, 0.0]
    source, target = (np.concatenate([c, c[:5] * 0 + far]) for c in clouds)
    given = {
        "source_weights": np.r_[np.ones(40), np.zeros(5)],
        "target_weights": np.r_[np.ones(30), np.zeros(5)],
        "scale": 0.25,
        "steps": 10,
    }
    for smoothing in (1.0, 0.0):
        alone = run(smoothing=smoothing, scale=0.25, steps=10, step_size=0.5)
        found = run(source, target, smoothing=smoothing, **(given | {"step_size": 0.5}))
        # the centre is a median of all points, so the working units round differently
        np.testing.assert_allclose(found.particles[:40], alone.particles, atol=1e-4)
        assert np.all(np.linalg.norm(found.particles[40:] - far, axis=1) > 1)
        never_rises(found.history["divergence"])


@pytest.mark.parametrize("smoothing", [1.0, 0.0])
def test_particles_that_begin_outside_the_box_begin_on_its_side(smoothing, run, clouds):
    source = clouds[0]
    flow = run(source, clouds[1] + 3, smoothing=smoothing, bounds=(-1.0, 3.5))
    assert flow.trajectory.min() >= -1
    assert flow.trajectory.max() <= 3.5
    np.testing.assert_allclose(flow.trajectory[0], np.clip(source, -1, 3.5), atol=1e-6)
    assert np.abs(np.diff(flow.trajectory[[0, -1]], axis=0)).max() > 0.3
    never_rises(flow.history["divergence"])
    if smoothing:
        np.testing.assert_array_equal(flow(source), flow.particles)


ODD = {
    "particles on targets": lambda x, y: (y, y),
    "one target": lambda x, y: (x, y[:1]),
    "one particle": lambda x, y: (x[:1], y),
    "repeated targets": lambda x, y: (x, np.repeat(y[:6], 5, axis=0)),
    "all the same point": lambda x, y: (np.ones((4, 2)), np.ones((3, 2))),
    "integers": lambda x, y: ((3 * x).astype(int), (3 * y).astype(int)),
    "float32": lambda x, y: (x.astype(np.float32), y),
    "images": lambda x, y: (x.reshape(10, 4, 2), y[:24].reshape(6, 4, 2)),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("smoothing", few_usual([1.0, 0.0], ("1.0",)))
def test_odd_clouds(name, smoothing, run, clouds):
    source, target = ODD[name](*clouds)
    flow = run(source, target, smoothing=smoothing, steps=12)
    assert flow.particles.shape == source.shape
    assert flow.particles.dtype == (np.float32 if name == "float32" else np.float64)
    assert np.isfinite(flow.particles).all()
    assert all(np.isfinite(column).all() for column in flow.history.values())
    never_rises(flow.history["divergence"])
    if smoothing:
        np.testing.assert_array_equal(flow(source), flow.particles)
        assert flow.velocity(source, 0.0).shape == source.shape
    elif name == "particles on targets":
        np.testing.assert_allclose(flow.particles, source, atol=1e-6)


def test_one_target_is_reached_by_the_straight_way(run, clouds):
    """The value is L times the mean distance, and every particle takes dt L of it per step."""
    source, target = clouds[0], clouds[1][:1]
    for smoothing in (1.0, 0.0):
        flow = run(source, target, smoothing=smoothing, scale=1.0, step_size=0.25, steps=12)
        away = np.linalg.norm(source - target, axis=1)
        assert flow.history["divergence"][0] == pytest.approx(away.mean(), rel=1e-5)
        left = np.linalg.norm(flow.particles - target, axis=1)
        np.testing.assert_allclose(left, np.maximum(away - 3.0, 0), atol=0.3)


def test_what_is_stored_keeps_its_budget(run, clouds, flow):
    bare = run(store=gpa.Store(potentials=False))
    np.testing.assert_array_equal(bare.particles, flow.particles)
    assert bare.notes == ()
    with pytest.raises(gpa.InputError, match="no potentials were stored"):
        bare(clouds[0])
    third = 8 * 30 * 10 / 2**20
    with pytest.warns(UserWarning, match="every 3th step are kept"):
        thin = run(store=gpa.Store(budget=third))
    assert thin.ride.values.shape == (10, 30)
    assert any("approximate" in note for note in thin.notes)
    np.testing.assert_array_equal(thin.particles, flow.particles)
    assert 0 < np.abs(thin(clouds[0]) - thin.particles).max() < 0.5


def test_stops_and_callbacks_end_it(run, clouds, monkeypatch):
    rest = run(stop=gpa.KineticEnergy(fraction=0.5, window=5), steps=200)
    assert "kinetic energy" in rest.outcome
    assert rest.steps < 200
    np.testing.assert_array_equal(rest(clouds[0]), rest.particles)
    monkeypatch.setattr("gparticles.flow.driver.CHUNK_SECONDS", 0.0)
    seen = []

    def watch(progress):
        seen.append(progress)
        return progress.step >= 8

    ended = run(callbacks=[watch])
    assert ended.steps == 8 == seen[-1].step
    assert "callback" in ended.outcome
    np.testing.assert_array_equal(seen[-1].particles(), ended.particles)
    np.testing.assert_array_equal(ended(clouds[0]), ended.particles)
    assert ended.trajectory_steps[-1] == 8


def test_callbacks_are_told_at_every_frame(run):
    seen = []
    flow = run(callbacks=[lambda progress: seen.append(progress.step)], store=gpa.Store(frames=4))
    assert set(flow.trajectory_steps[1:]) <= set(seen)
    assert len(seen) < 30


class _Nowhere(gpa.KineticEnergy):
    """Stops where the particles' mean is below a number: rules see the particles."""

    def update(self, state, observation):
        return state, observation.particles.mean() < -1.0


def test_stops_see_the_particles(run):
    flow = run(stop=_Nowhere())
    assert 0 < flow.steps < 30


def test_it_shows_itself(flow, run):
    for shown in (flow, run(smoothing=0, steps=2)):
        assert "40 x 2 particles" in repr(shown)
        assert "nats per data unit" in shown._repr_html_()


REFUSED = {
    "reverse": True,
    "labels": np.zeros(40),
    "target_labels": np.zeros(30),
    "optimizer": "adam",
    "fit_steps": 3,
    "batch_size": 8,
    "integrator": gpa.Heun(),
    "stop": "held-out",
    "f": "kl",
    "lipschitz": math.inf,
    "store": 3,
    "seed": -1,
    "bounds": (1.0, 0.0),
    "scale": "robust",
    "source_weights": [1.0],
    "target_weights": np.zeros(30),
    "steps": 0,
    "step_size": -1.0,
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_in_one_line(name, run):
    with pytest.raises(gpa.InputError, match=name) as said:
        run(**{name: REFUSED[name]})
    assert "\n" not in str(said.value)


@pytest.mark.parametrize("smoothing", [-1, math.nan, math.inf, "1", None, True, 1j])
def test_smoothing_is_checked_when_given(smoothing):
    with pytest.raises(gpa.InputError, match=r"smoothing is .* 0 or above") as said:
        gpa.ExactPotential(smoothing=smoothing)
    assert "\n" not in str(said.value)


def test_smoothing_is_any_kind_of_number():
    assert gpa.ExactPotential().smoothing == 1.0
    for number in (0, 2, np.float32(0.5), np.int64(3)):
        assert gpa.ExactPotential(smoothing=number).smoothing == number


@pytest.mark.parametrize(("n", "smoothing"), [(2049, 0.0), (8200, 1.0)])
def test_too_many_points_are_refused(n, smoothing, run):
    points = np.arange(float(n))[:, None]
    with pytest.raises(gpa.InputError, match=r"fewer points") as said:
        run(points, points, smoothing=smoothing)
    assert "\n" not in str(said.value)


def interrupted_at(number):
    def watch(progress):
        if progress.step >= number:
            raise KeyboardInterrupt

    return watch


@pytest.mark.parametrize("smoothing", [1.0, 0.0])
def test_a_stopped_flow_continues_to_the_same_bits(smoothing, run, tmp_path, monkeypatch):
    monkeypatch.setattr("gparticles.flow.driver.CHUNK_SECONDS", 0.0)
    settings = {"smoothing": smoothing, "steps": 12, "stop": gpa.HeldOut(patience=30, window=3)}
    whole = run(**settings)
    with pytest.raises(KeyboardInterrupt):
        run(**settings, checkpoint=gpa.Checkpoint(tmp_path), callbacks=[interrupted_at(5)])
    steps = []
    resumed = run(
        **settings,
        checkpoint=gpa.Checkpoint(tmp_path, resume=True),
        callbacks=[lambda progress: steps.append(progress.step)],
    )
    assert steps[0] > 5
    np.testing.assert_array_equal(resumed.particles, whole.particles)
    for name, values in whole.history.items():
        np.testing.assert_array_equal(resumed.history[name], values)


@pytest.mark.parametrize("smoothing", [1.0, 0.0])
def test_held_out_returns_the_best_step(smoothing, run, clouds):
    flow = run(smoothing=smoothing, steps=150, stop=gpa.HeldOut(patience=10, window=3))
    held_out = flow.history["held_out"]
    assert np.isfinite(held_out).all()
    assert held_out[-1] < 0.5 * held_out[0]
    assert flow.trajectory_steps[-1] == flow.steps == len(held_out)
    np.testing.assert_array_equal(flow.trajectory[-1], flow.particles)
    if smoothing:
        np.testing.assert_array_equal(flow(clouds[0]), flow.particles)


@each
def test_with_labels_every_class_has_a_potential_of_its_own(name, run, clouds, tmp_path):
    source, target = clouds
    ours, theirs = np.arange(40) % 2, np.arange(30) % 2
    settings = {"f": REGISTRY[name](), "scale": 1.0, "step_size": 0.2, "lipschitz": 0.5}
    flow = run(labels=ours, target_labels=theirs, **settings)
    never_rises(flow.history["divergence"])
    np.testing.assert_array_equal(flow(source, ours), flow.particles)
    loaded = gpa.load_flow(flow.save(tmp_path / "flow"))
    np.testing.assert_array_equal(loaded(source, ours), flow.particles)
    # equal shares: the mean of the classes' values, and e log 2 for what keeps them apart
    alone = [run(source[ours == c], target[theirs == c], **settings) for c in (0, 1)]
    values = [one.history["divergence"][0] for one in alone]
    expected = np.mean(values) + math.log(2)
    assert flow.history["divergence"][0] == pytest.approx(expected, rel=1e-5)
    moved = [one.trajectory[1] for one in alone]
    together = flow.trajectory[1][np.argsort(ours, kind="stable")]
    np.testing.assert_allclose(together, np.concatenate(moved), atol=1e-4)


def test_a_class_without_weight_in_the_target_is_refused(run):
    weights = np.r_[np.ones(15), np.zeros(15)]
    labels = {"labels": np.arange(40) % 2, "target_labels": np.repeat([0, 1], 15)}
    with pytest.raises(gpa.InputError, match="class '1' of the source has weight 0"):
        run(**labels, target_weights=weights)
