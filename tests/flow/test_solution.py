"""A finished flow carries new points, and survives the disk."""

import json

import jax
import numpy as np
import pytest

import gparticles as gpa
from gparticles.flow.integrators import REGISTRY, parse_integrator
from gparticles.flow.saving import write_record
from tests.grids import few_usual

DISTINCT = [name for name in REGISTRY if name not in ("ab1", "abm1", "ab4", "abm4")]


@pytest.mark.slow
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", few_usual(DISTINCT, ("euler", "abm5")))
def test_the_source_rides_to_the_particles(name, reverse, clouds, short):
    flow = short(integrator=parse_integrator(name), reverse=reverse)
    np.testing.assert_array_equal(flow(clouds[0]), flow.particles)


def test_with_batches_bounds_labels_and_a_schedule(clouds):
    labels = [np.arange(len(cloud)) % 2 for cloud in clouds]
    flow = gpa.transport(
        *clouds,
        steps=12,
        batch_size=8,
        bounds=(-3.0, 4.0),
        labels=labels[0],
        target_labels=labels[1],
        step_size=lambda n: 1 / (1 + n),
        integrator=gpa.Heun(),
    )
    np.testing.assert_array_equal(flow(clouds[0], labels=labels[0]), flow.particles)
    assert not np.array_equal(flow(clouds[0], labels=1 - labels[0]), flow.particles)


def test_new_points_ride_one_by_one_or_together(clouds, short):
    flow = short()
    new = np.random.default_rng(5).normal(size=(3, 2)) + 3
    together = flow(new)
    alone = np.concatenate([flow(row[None]) for row in new])
    np.testing.assert_allclose(alone, together, atol=1e-4)
    assert not np.allclose(together, new)


def test_many_points_ride_in_blocks(clouds, short, monkeypatch):
    from gparticles.flow import solution

    flow = short()
    whole = flow(clouds[0])
    monkeypatch.setattr(solution, "BLOCK", 16)
    np.testing.assert_allclose(flow(clouds[0]), whole, atol=1e-4)


def test_velocity_is_what_moved_the_particles(clouds, short):
    flow = short(steps=3, store=gpa.Store(frames=4))
    dt = flow.history["time"][1]
    for step in range(3):
        at = flow.trajectory[step]
        moved = at + dt * flow.velocity(at, flow.history["time"][step])
        np.testing.assert_allclose(moved, flow.trajectory[step + 1], atol=1e-5)


def test_velocity_is_bounded_by_l_in_raw_units(clouds, short):
    flow = short()
    speeds = np.linalg.norm(flow.velocity(clouds[0], 0.0), axis=1)
    # working time: dY/dt in data units is the scale times the working velocity
    assert np.all(speeds <= flow.lipschitz * flow.scale**2 * (1 + 1e-5))
    with pytest.raises(gpa.InputError, match="begin at 0"):
        flow.velocity(clouds[0], -1.0)


def test_potentials_are_thinned_beyond_the_budget(clouds, short):
    with pytest.warns(UserWarning, match="exceed the budget"):
        thin = short(steps=40, store=gpa.Store(budget=0.05))
    full = short(steps=40)
    assert thin.notes
    np.testing.assert_array_equal(thin.particles, full.particles)
    kept = {np.asarray(leaf).shape[0] for leaf in jax.tree.leaves(thin.ride.evaluations)}
    assert len(kept) == 1
    assert kept.pop() < 10
    away = np.abs(thin(clouds[0]) - full.particles).max()
    assert 0 < away < 1.0


def test_no_potentials_on_request(clouds, short):
    flow = short(store=gpa.Store(potentials=False))
    with pytest.raises(gpa.InputError, match="no potentials were stored"):
        flow(clouds[0])


def test_frames_are_thinned_to_their_budget(short):
    flow = short(steps=30, store=gpa.Store(frames=31, frames_budget=0.001))
    assert 2 <= len(flow.trajectory) < 10
    assert flow.trajectory_steps[0] == 0
    np.testing.assert_array_equal(flow.trajectory[-1], flow.particles)


SAVED = {
    "plain": {},
    "columns": {"scale": "columns"},
    "bent": {"scale": "log"},
    "bounded": {"bounds": (-1.0, 5.0)},
    "multistep": {"integrator": gpa.AdamsBashforthMoulton(3)},
    "reverse": {"reverse": True, "f": gpa.Alpha(2.0)},
    "tight": {"potential": gpa.tight_mlp(2, width=8)},
    "relu": {"potential": gpa.smooth_mlp(2, width=8, activation=jax.nn.relu)},
    "soft": {"potential": gpa.soft_mlp(2, width=8)},
    "unbounded": {"lipschitz": np.inf, "steps": 3},
    "no potentials": {"store": gpa.Store(potentials=False)},
}


@pytest.mark.parametrize("name", few_usual(SAVED, ("plain", "reverse", "tight")))
def test_save_and_load(name, clouds, short, tmp_path):
    flow = short(**SAVED[name])
    flow.save(tmp_path / "flow")
    loaded = gpa.load_flow(tmp_path / "flow")
    np.testing.assert_array_equal(loaded.particles, flow.particles)
    np.testing.assert_array_equal(loaded.trajectory, flow.trajectory)
    assert loaded.outcome == flow.outcome
    assert loaded.lipschitz == flow.lipschitz
    assert loaded.history.keys() == flow.history.keys()
    if flow.ride is not None:
        np.testing.assert_array_equal(loaded(clouds[0]), flow.particles)


def test_labels_survive_saving(tmp_path, clouds):
    labels = [np.array(["a", "b"])[np.arange(len(cloud)) % 2] for cloud in clouds]
    flow = gpa.transport(*clouds, labels=labels[0], target_labels=labels[1], steps=3)
    loaded = gpa.load_flow(flow.save(tmp_path))
    np.testing.assert_array_equal(loaded(clouds[0], labels[0]), flow.particles)
    with pytest.raises(gpa.InputError, match="does not occur"):
        loaded(clouds[0], np.full(40, "c"))
    with pytest.raises(gpa.InputError, match="needs one label per point"):
        loaded(clouds[0])


def test_nothing_is_pickled(tmp_path, short):
    short().save(tmp_path)
    assert {p.suffix for p in tmp_path.iterdir()} == {".json", ".safetensors"}
    json.loads((tmp_path / "flow.json").read_text())


def test_an_existing_flow_is_kept_unless_asked(tmp_path, short):
    flow = short()
    flow.save(tmp_path)
    with pytest.raises(gpa.InputError, match="overwrite=True"):
        flow.save(tmp_path)
    flow.save(tmp_path, overwrite=True)


def _truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def _newer(path):
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "schema": 99}))


def _other_class(path):
    # as another program would have saved it, with a digest of its own
    record = json.loads(path.read_text().replace('"Euler"', '"Elsewhere"'))
    write_record(path, {key: value for key, value in record.items() if key != "digest"})


def _classes(names):
    def damage(path):
        record = json.loads(path.read_text()) | {"classes": names}
        write_record(path, {key: value for key, value in record.items() if key != "digest"})

    return damage


DAMAGE = {
    "a list among classes": ("flow.json", _classes([[], "b"]), "not a list of names"),
    "lists as classes": ("flow.json", _classes([["a"], ["b"]]), "not a list of names"),
    "classes of a number": ("flow.json", _classes(3), "not a list of names"),
    "truncated arrays": ("flow.safetensors", _truncate, "damaged or truncated"),
    "truncated record": ("flow.json", _truncate, "damaged or truncated"),
    "newer schema": ("flow.json", _newer, "newer gparticles"),
    "unknown class": ("flow.json", _other_class, "unknown class 'Elsewhere'"),
    "no arrays": ("flow.safetensors", lambda p: p.unlink(), "cannot be read"),
    "no record": ("flow.json", lambda p: p.unlink(), "holds no flow"),
    "no schema": ("flow.json", lambda p: p.write_text("[]"), "damaged"),
    "flipped bit": (
        "flow.safetensors",
        lambda p: p.write_bytes(p.read_bytes()[:-9] + b"\x01" + p.read_bytes()[-8:]),
        "damaged",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_files_are_refused(name, tmp_path, short):
    file, damage, message = DAMAGE[name]
    short(store=gpa.Store(frames=2)).save(tmp_path)
    damage(tmp_path / file)
    with pytest.raises(gpa.InputError, match=message) as caught:
        gpa.load_flow(tmp_path)
    assert "\n" not in str(caught.value)


def test_wrong_points_are_refused(short):
    flow = short()
    with pytest.raises(gpa.InputError, match="same columns"):
        flow(np.ones((4, 3)))
    with pytest.raises(gpa.InputError, match="nan"):
        flow(np.full((4, 2), np.nan))
    with pytest.raises(gpa.InputError, match="takes no labels"):
        flow(np.ones((4, 2)), labels=np.zeros(4))


def test_points_far_from_the_source_of_a_reversed_flow_stay_finite(clouds):
    flow = gpa.transport(*clouds, f=gpa.ReverseKL(), reverse=True, steps=10)
    far = np.vstack([clouds[0][:2], [[1e7, 1e7]], [[-1e7, -1e7]]])
    with pytest.warns(UserWarning, match="of 4 points came to where D"):
        moved = flow(far)
    assert np.isfinite(moved).all()
