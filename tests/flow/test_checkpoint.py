"""A flow that was cut off continues to the same bits."""

import importlib
import json

import numpy as np
import optax
import pytest

import gparticles as gpa
from gparticles.flow.saving import read_arrays, write_arrays, write_record

# compiles much: left out of `make fast-test`
pytestmark = pytest.mark.slow


class _CutError(Exception):
    pass


def _cut_at(step):
    def callback(progress):
        if progress.step >= step:
            raise _CutError

    return callback


SETTINGS = {
    "plain": {},
    "batches": {"batch_size": 8},
    "multistep": {"integrator": gpa.AdamsBashforth(3)},
    "stopping": {"stop": gpa.HeldOut(patience=15, window=5)},
    "soft": {"potential": gpa.soft_mlp(2, width=8)},
    "no potentials": {"store": gpa.Store(potentials=False, frames=13)},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_resumed_bits_are_those_of_an_uninterrupted_run(name, clouds, tmp_path):
    settings = {"steps": 36, "store": gpa.Store(frames=13), **SETTINGS[name]}
    whole = gpa.transport(*clouds, **settings)
    saving = gpa.Checkpoint(tmp_path, seconds=1e-9)
    with pytest.raises(_CutError):
        gpa.transport(*clouds, checkpoint=saving, callbacks=[_cut_at(15)], **settings)
    steps = []
    resumed = gpa.transport(
        *clouds,
        checkpoint=gpa.Checkpoint(tmp_path, resume=True),
        callbacks=[lambda p: steps.append(p.step)],
        **settings,
    )
    assert steps[0] > 12
    np.testing.assert_array_equal(resumed.particles, whole.particles)
    np.testing.assert_array_equal(resumed.trajectory, whole.trajectory)
    for column in whole.history:
        np.testing.assert_array_equal(resumed.history[column], whole.history[column])
    if whole.ride is not None:
        np.testing.assert_array_equal(resumed(clouds[0]), whole.particles)


def test_an_interrupt_saves_first(clouds, tmp_path):
    def interrupt(progress):
        if progress.step >= 9:
            raise KeyboardInterrupt

    settings = {"steps": 30, "store": gpa.Store(frames=11)}
    with pytest.raises(KeyboardInterrupt):
        gpa.transport(
            *clouds, checkpoint=gpa.Checkpoint(tmp_path), callbacks=[interrupt], **settings
        )
    assert json.loads((tmp_path / "checkpoint.json").read_text())["step"] == 9
    resumed = gpa.transport(*clouds, checkpoint=gpa.Checkpoint(tmp_path, resume=True), **settings)
    np.testing.assert_array_equal(resumed.particles, gpa.transport(*clouds, **settings).particles)


def _saved(clouds, tmp_path, **settings):
    with pytest.raises(_CutError):
        gpa.transport(
            *clouds,
            steps=20,
            checkpoint=gpa.Checkpoint(tmp_path, seconds=1e-9),
            callbacks=[_cut_at(5)],
            **settings,
        )


def _resume(clouds, tmp_path, **settings):
    return gpa.transport(
        *clouds, steps=20, checkpoint=gpa.Checkpoint(tmp_path, resume=True), **settings
    )


@pytest.mark.parametrize(
    "settings", [{"seed": 1}, {"fit_steps": 4}, {"f": gpa.Alpha(3.0)}, {"lipschitz": 2.0}]
)
def test_other_settings_do_not_continue_it(settings, clouds, tmp_path):
    _saved(clouds, tmp_path)
    with pytest.raises(gpa.InputError, match="other data, settings"):
        _resume(clouds, tmp_path, **settings)


def test_other_data_do_not_continue_it(clouds, tmp_path):
    _saved(clouds, tmp_path)
    with pytest.raises(gpa.InputError, match="other data, settings"):
        _resume((clouds[0], clouds[1] * 1.001), tmp_path)


@pytest.mark.parametrize("kind", ["checkpoint.json", "state-*", "part-*"])
def test_a_damaged_checkpoint_is_refused(kind, clouds, tmp_path):
    _saved(clouds, tmp_path)
    path = next(tmp_path.glob(kind))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(gpa.InputError, match="damaged") as caught:
        _resume(clouds, tmp_path)
    assert "\n" not in str(caught.value)


def test_without_a_checkpoint_resume_starts_anew(clouds, tmp_path):
    flow = _resume(clouds, tmp_path / "nothing")
    np.testing.assert_array_equal(flow.particles, gpa.transport(*clouds, steps=20).particles)


def test_refused_input_leaves_no_folder(clouds, tmp_path):
    with pytest.raises(gpa.InputError):
        gpa.transport(
            clouds[0], clouds[1][:, :1], steps=2, checkpoint=gpa.Checkpoint(tmp_path / "new")
        )
    assert not (tmp_path / "new").exists()


def test_an_interrupt_before_the_first_step_resumes_to_the_same_frames(clouds, tmp_path):
    settings = {"steps": 20, "store": gpa.Store(frames=11)}
    module = importlib.import_module("gparticles.flow.network")

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "run_chunk", interrupted)
        with pytest.raises(KeyboardInterrupt):
            gpa.transport(*clouds, checkpoint=gpa.Checkpoint(tmp_path), **settings)
    resumed = gpa.transport(*clouds, checkpoint=gpa.Checkpoint(tmp_path, resume=True), **settings)
    whole = gpa.transport(*clouds, **settings)
    np.testing.assert_array_equal(resumed.trajectory_steps, whole.trajectory_steps)
    np.testing.assert_array_equal(resumed.trajectory, whole.trajectory)


def test_another_learning_rate_does_not_continue_it(clouds, tmp_path):
    _saved(clouds, tmp_path, optimizer=optax.adam(1e-2))
    with pytest.raises(gpa.InputError, match="other data, settings"):
        _resume(clouds, tmp_path, optimizer=optax.adam(1e-4))
    _resume(clouds, tmp_path, optimizer=optax.adam(1e-2))


@pytest.mark.parametrize("name", ["../elsewhere", "/etc/passwd", "state-1", "", 3, None, ["a"]])
@pytest.mark.parametrize("part", [True, False])
def test_a_checkpoint_names_no_files_but_its_own(name, part, clouds, tmp_path, monkeypatch):
    folder = tmp_path / "checkpoint"
    _saved(clouds, folder)
    record = json.loads((folder / "checkpoint.json").read_text())
    (record["parts"][0] if part else record["state"])["file"] = name
    del record["digest"]
    (folder / "checkpoint.json").write_text(json.dumps(record))
    opened = []
    monkeypatch.setattr(
        "gparticles.flow.checkpoint.read_arrays", lambda path, _: opened.append(path) or {}
    )
    with pytest.raises(gpa.InputError, match="damaged checkpoint") as caught:
        _resume(clouds, folder)
    assert "\n" not in str(caught.value)
    assert all(
        path.parent == folder and path.name.startswith(("state-", "part-")) for path in opened
    )


def test_arrays_of_other_shapes_are_no_checkpoint(clouds, tmp_path):
    _saved(clouds, tmp_path)
    record = json.loads((tmp_path / "checkpoint.json").read_text())
    path = tmp_path / record["state"]["file"]
    arrays = read_arrays(path, record["state"]["checksum"])
    for name in arrays:
        changed = arrays | {name: np.append(arrays[name], arrays[name])}
        record["state"]["checksum"] = write_arrays(path, changed)
        write_record(
            tmp_path / "checkpoint.json", {k: v for k, v in record.items() if k != "digest"}
        )
        with pytest.raises(gpa.InputError, match="damaged checkpoint"):
            _resume(clouds, tmp_path)
