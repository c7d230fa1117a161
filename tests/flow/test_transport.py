"""What a flow does: it arrives, keeps its bounds, does not depend on units, and repeats itself."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import gparticles as gpa
from gparticles import compiled
from gparticles.divergence import REGISTRY
from gparticles.flow import driver
from gparticles.flow.network import run_chunk
from tests.grids import few_usual

# compiles much: left out of `make fast-test`
pytestmark = pytest.mark.slow


def _energy_distance(x, y):
    def mean(a, b):
        return np.linalg.norm(a[:, None] - b[None], axis=2).mean()

    return 2 * mean(x, y) - mean(x, x) - mean(y, y)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", few_usual(REGISTRY, ("kl", "alpha", "w1")))
def test_particles_arrive(name, reverse, clouds):
    f = REGISTRY[name]()
    if name == "w1":
        # its optimal phi has slope L everywhere, so particles overshoot by a step
        flow = gpa.transport(*clouds, f=f, reverse=reverse, steps=150, step_size=0.2)
    else:
        flow = gpa.transport(*clouds, f=f, reverse=reverse, steps=150)
    before, after = (_energy_distance(x, clouds[1]) for x in (clouds[0], flow.particles))
    # D(Q|P) pulls hardest at the particles that are nearest already, so the rest come late
    assert after < (0.7 if reverse else 0.03) * before
    assert flow.outcome == "took all 150 steps"
    assert (
        flow.history["divergence"][-1] < (0.7 if reverse else 0.1) * flow.history["divergence"][0]
    )


def test_history_has_a_row_per_step(short):
    flow = short(step_size=0.25)
    assert set(flow.history) == {
        "time",
        "divergence",
        "kinetic_energy",
        "mean_speed",
        "max_speed",
    }
    assert all(v.shape == (12,) for v in flow.history.values())
    np.testing.assert_allclose(flow.history["time"], 0.25 * np.arange(12), rtol=1e-6)


@pytest.mark.parametrize("integrator", [gpa.Euler(), gpa.Heun(), gpa.RK4(), gpa.AdamsBashforth(3)])
def test_speeds_and_steps_are_bounded_by_l(integrator, short):
    """T6: |v| <= L, kinetic energy <= L^2 / 2, a step moves at most L dt sum |b|."""
    flow = short(lipschitz=2.0, scale=1.0, step_size=0.1, integrator=integrator)
    slack = 1 + 1e-5
    assert flow.lipschitz == 2.0
    assert np.all(flow.history["max_speed"] <= 2.0 * slack)
    assert np.all(flow.history["kinetic_energy"] <= 2.0 * slack)
    reach = 3.67 if isinstance(integrator, gpa.AdamsBashforth) else 1.0
    moved = np.linalg.norm(np.diff(flow.trajectory, axis=0), axis=2)
    assert moved.max() <= 2.0 * 0.1 * reach * 1.001


@pytest.mark.parametrize("scale", ["auto", "columns", "log"])
@pytest.mark.parametrize(
    ("factor", "shift"), [(1000.0, 0.0), (1.0, 1e4), (1e30, 0.0), (1e-30, 0.0)]
)
def test_units_change_nothing(scale, factor, shift, clouds, short):
    source, target = (cloud.astype(np.float64) for cloud in clouds)
    base = short(source, target, scale=scale)
    other = short(source * factor + shift, target * factor + shift, scale=scale)
    spread = np.abs(base.particles).max()
    back = (other.particles - shift) / factor
    np.testing.assert_allclose(back, base.particles, atol=2e-4 * spread)
    assert other.lipschitz * factor == pytest.approx(base.lipschitz, rel=1e-6)


def test_the_default_step_is_free_of_the_scale_given(clouds):
    arrived = [
        gpa.transport(*clouds, scale=s, lipschitz=L, steps=100).particles
        for s, L in ((1.0, 1.0), (0.2, 1.0), (5.0, 3.0))
    ]
    for particles in arrived:
        assert _energy_distance(particles, clouds[1]) < 0.2


def test_same_seed_same_bits_and_another_seed_differs(short):
    first, second, third = (short(seed=s, batch_size=8).particles for s in (5, 5, 6))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, third)


def test_permuting_particles_permutes_the_result(clouds, short):
    """T9, full batch, to rounding."""
    order = np.random.default_rng(0).permutation(40)
    base, permuted = short(), short(source=clouds[0][order])
    np.testing.assert_allclose(permuted.particles, base.particles[order], atol=3e-3)


def test_no_chunk_is_traced_twice(short):
    short()
    count = run_chunk._cache_size()
    short(seed=3)
    short(source=np.random.default_rng(1).normal(size=(40, 2)))
    assert run_chunk._cache_size() == count


def test_chunk_length_changes_no_bit(short, monkeypatch):
    base = short(steps=30)
    monkeypatch.setattr(driver, "CHUNK_SECONDS", 1e-9)
    np.testing.assert_array_equal(short(steps=30).particles, base.particles)


def test_weights_stand_for_repetitions(clouds):
    source, target = clouds
    counts = np.arange(30) % 3
    weighted = gpa.transport(source, target, target_weights=counts, steps=5, scale=1.0)
    repeated = gpa.transport(source, np.repeat(target, counts, axis=0), steps=5, scale=1.0)
    # the centre is a median of unweighted rows, so only the divergence is the same to rounding
    np.testing.assert_allclose(
        weighted.history["divergence"][0], repeated.history["divergence"][0], rtol=0.05
    )


def test_a_source_point_of_weight_zero_still_rides(clouds):
    weights = np.ones(40)
    weights[0] = 0
    flow = gpa.transport(*clouds, source_weights=weights, steps=50)
    assert np.linalg.norm(flow.particles[0] - clouds[0][0]) > 1


def test_bounds_hold_at_every_frame(clouds):
    source, target = (1 / (1 + np.exp(-cloud)) for cloud in clouds)
    flow = gpa.transport(source, target, steps=60, bounds=(0.0, 1.0), step_size=5.0)
    assert flow.trajectory.min() >= 0
    assert flow.trajectory.max() <= 1


def test_labels_keep_classes_apart(clouds):
    rng = np.random.default_rng(0)
    names = np.array(["left", "right"])
    labels, target_labels = rng.integers(0, 2, 80), rng.integers(0, 2, 60)
    target = rng.normal(size=(60, 2)) * 0.3 + np.where(target_labels, 4, -4)[:, None]
    flow = gpa.transport(
        rng.normal(size=(80, 2)),
        target,
        labels=names[labels],
        target_labels=names[target_labels],
        steps=200,
    )
    assert np.array_equal(np.sign(flow.particles[:, 0]), np.where(labels, 1, -1))
    assert list(flow.classes) == ["left", "right"]


def test_images_keep_their_shape():
    rng = np.random.default_rng(0)
    source, target = rng.random((10, 6, 5)), rng.random((8, 6, 5)).astype(np.float32)
    phi = gpa.LipschitzConv(
        (6, 5), channels=4, depth=1, activation=gpa.activations.GroupSort(), layer=gpa.Orthogonal
    )
    flow = gpa.transport(source, target, potential=phi, steps=3, bounds=(0, 1))
    assert flow.particles.shape == (10, 6, 5)
    np.testing.assert_array_equal(flow(source), flow.particles)


@pytest.mark.parametrize("n", few_usual([1, 7, 29, 30, 64], ("1", "29", "64")))
def test_batches_of_any_size_work(n, short):
    assert np.isfinite(short(batch_size=n).particles).all()


@pytest.mark.parametrize("optimizer", [optax.sgd(1e-2), optax.adamw(1e-3), optax.lion(1e-3)])
def test_any_optax_optimiser_works(optimizer, short):
    assert np.isfinite(short(optimizer=optimizer).particles).all()


def test_schedules_set_the_step_size(short):
    flow = short(step_size=optax.linear_schedule(1.0, 0.0, 10))
    np.testing.assert_allclose(np.diff(flow.history["time"])[:3], [1.0, 0.9, 0.8], rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_sources_dtype_is_kept(dtype, clouds, short):
    flow = short(clouds[0].astype(dtype), clouds[1].astype(np.float32))
    assert flow.particles.dtype == dtype
    assert flow(clouds[0].astype(dtype)).dtype == dtype


def test_integers_become_floats(short):
    whole = np.random.default_rng(0).integers(0, 9, size=(20, 3))
    assert short(whole, whole + 2).particles.dtype == np.float64


ODD = {
    "one dimension": (np.arange(9.0)[:, None], np.arange(7.0)[:, None] + 3),
    "constant column": (np.c_[np.arange(9.0), np.ones(9)], np.c_[np.arange(7.0), np.ones(7)]),
    "point mass": (np.random.default_rng(0).normal(size=(9, 3)), np.ones((6, 3))),
    "all the same point": (np.ones((4, 2)), np.ones((3, 2))),
    "one particle": (np.array([[1.0, 2.0]]), np.random.default_rng(0).normal(size=(5, 2))),
    "one target": (np.random.default_rng(0).normal(size=(5, 2)), np.array([[1.0, 2.0]])),
    "repeated rows": (np.repeat(np.eye(3), 4, 0), np.repeat(np.eye(3) + 1, 5, 0)),
    "10,000 dimensions": (np.random.default_rng(0).normal(size=(4, 10_000)), np.ones((3, 10_000))),
    "mostly zeros": (np.eye(30), np.eye(30)[::-1] * 2),
}
FEW_ODD = ("constant column", "all the same point", "one particle", "10,000 dimensions")


@pytest.mark.parametrize("name", few_usual(ODD, FEW_ODD))
@pytest.mark.parametrize("scale", few_usual(["auto", "columns", "log"], ("auto",)))
def test_odd_data_work(name, scale):
    flow = gpa.transport(*ODD[name], steps=4, scale=scale)
    assert np.isfinite(flow.particles).all()
    assert "took all" in flow.outcome
    # wide products may be split differently in another program
    np.testing.assert_allclose(flow(ODD[name][0]), flow.particles, rtol=1e-5, atol=1e-6)


def test_a_constant_column_stays_constant(clouds):
    source, target = (np.c_[cloud, np.full(len(cloud), 7.25)] for cloud in clouds)
    flow = gpa.transport(source, target, steps=30)
    np.testing.assert_allclose(flow.particles[:, 2], 7.25, rtol=1e-12)
    np.testing.assert_array_equal(flow(source), flow.particles)
    assert _energy_distance(flow.particles, target) < _energy_distance(source, target) / 3


def test_nothing_moves_where_source_and_target_are_one(clouds):
    flow = gpa.transport(clouds[1], clouds[1], steps=20)
    assert np.abs(flow.particles - clouds[1]).max() < 0.2


def test_without_a_bound_nothing_is_certified(short):
    flow = short(lipschitz=np.inf, optimizer=optax.adam(1e-3))
    assert not flow.certified
    assert any("certified" in note for note in flow.notes)
    assert short().certified
    assert not short(potential=gpa.soft_mlp(2)).certified


def test_a_non_finite_value_ends_the_flow_at_the_last_finite_step(clouds):
    target = clouds[1]
    flow = gpa.transport(
        clouds[0], target, lipschitz=np.inf, steps=200, step_size=1e6, optimizer=optax.sgd(1e4)
    )
    assert "failed at step" in flow.outcome
    assert "finite lipschitz" in flow.outcome
    assert np.isfinite(flow.particles).all()
    assert all(np.isfinite(v).all() for v in flow.history.values())
    step = int(flow.outcome.split("failed at step ")[1].split(":")[0])
    assert flow.steps == step
    np.testing.assert_array_equal(flow(clouds[0]), flow.particles)


def test_kinetic_energy_stops_a_flow_that_has_arrived(clouds):
    flow = gpa.transport(*clouds, steps=2000, stop=gpa.KineticEnergy(fraction=0.1, window=20))
    assert flow.steps < 2000
    assert "kinetic energy" in flow.outcome
    assert _energy_distance(flow.particles, clouds[1]) < 0.3


def test_kinetic_energy_does_not_stop_a_potential_that_has_barely_begun(clouds):
    phi = gpa.smooth_mlp(2, activation=jax.nn.relu)
    flow = gpa.transport(
        *clouds, steps=60, potential=phi, stop=gpa.KineticEnergy(fraction=0.1, window=5)
    )
    assert flow.history["kinetic_energy"][0] > 1e-3


def test_held_out_returns_the_best_step(clouds):
    flow = gpa.transport(*clouds, steps=400, stop=gpa.HeldOut(patience=40, window=5))
    assert "held-out" in flow.outcome
    assert "held_out" in flow.history
    np.testing.assert_array_equal(flow.trajectory[-1], flow.particles)
    assert flow.trajectory_steps[-1] == flow.steps
    assert len(flow.history["time"]) == flow.steps == len(flow.ride.step_sizes)
    np.testing.assert_array_equal(flow(clouds[0]), flow.particles)


def test_held_out_keeps_every_class_in_the_fitted_part():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(5), 4)
    flow = gpa.transport(
        rng.normal(size=(20, 2)),
        rng.normal(size=(20, 2)),
        labels=labels,
        target_labels=labels,
        steps=5,
        stop=gpa.HeldOut(fraction=0.5, patience=10),
    )
    assert np.isfinite(flow.history["held_out"]).all()


def test_callbacks_see_progress_and_can_stop(clouds):
    seen = []

    def watch(progress):
        seen.append(progress)
        return progress.step >= 8

    flow = gpa.transport(*clouds, steps=40, callbacks=[watch], store=gpa.Store(frames=11))
    assert flow.steps == 8 == seen[-1].step
    assert "callback" in flow.outcome
    assert seen[0].latest["divergence"] > 0
    np.testing.assert_array_equal(seen[-1].particles(), flow.particles)
    np.testing.assert_array_equal(flow.trajectory[-1], flow.particles)


def test_step_and_init_are_pure_and_public(clouds):
    """``transport`` is a loop that anyone could have written."""
    from gparticles.flow import init, prepare, step

    prepared = prepare(*clouds, steps=3)
    key = jax.random.fold_in(jax.random.PRNGKey(0), 1)
    state = init(prepared.problem, prepared.choice.potential, prepared.state.particles, key)
    one = jax.jit(step)
    for _ in range(3):
        state, info, _ = one(prepared.problem, state)
    flow = gpa.transport(*clouds, steps=3)
    np.testing.assert_allclose(prepared.to_data(state.particles), flow.particles, atol=1e-5)
    assert float(info.divergence) == pytest.approx(flow.history["divergence"][-1], rel=1e-4)
    assert jnp.isfinite(info.time)


def test_a_soft_potential_takes_labels(clouds):
    labels = [np.arange(len(cloud)) % 2 for cloud in clouds]
    network = gpa.LipschitzMLP(
        2, width=8, depth=2, lipschitz=np.inf, activation=gpa.activations.Softplus()
    )
    phi = gpa.SoftLipschitz(gpa.ClassConditional(network, 2), lipschitz=1.0)
    flow = gpa.transport(*clouds, potential=phi, labels=labels[0], target_labels=labels[1], steps=5)
    np.testing.assert_array_equal(flow(clouds[0], labels[0]), flow.particles)
    assert not flow.certified


def test_many_particles_are_taken_in_blocks(monkeypatch):
    """The same velocity, by the same operations on the same rows."""
    from gparticles.flow import velocity

    generator = np.random.default_rng(0)
    source, target = generator.normal(size=(70, 2)), generator.normal(size=(20, 2)) + 1
    network = gpa.ClassConditional(gpa.smooth_mlp(2, width=8, depth=2), 2)
    labels = {"labels": np.arange(70) % 2, "target_labels": np.arange(20) % 2}
    settings = {"steps": 4, "potential": network, **labels}
    whole = gpa.transport(source, target, **settings).particles
    monkeypatch.setattr(velocity, "MOST_AT_ONCE", 32)
    # programs of other blocks are kept by the shapes alone
    compiled.forget()
    flow = gpa.transport(source, target, **settings)
    np.testing.assert_allclose(flow.particles, whole, atol=1e-5)
    compiled.forget()
