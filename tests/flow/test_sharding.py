"""Particles split over devices and hosts, in processes of their own."""

import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

import gparticles as gpa
from gparticles.hosts import _described, _met
from gparticles.tables import load
from tests.grids import few_usual

SCRIPT = Path(__file__).with_name("split_flows.py")
# names of the script's cases, which cannot be imported here: it sets how many devices there are
USUAL = ("labels", "weights, several steps", "no network")
REST = (
    "euler",
    "several stages",
    "reverse",
    "batches",
    "held out",
    "bounds",
    "no network, labels",
    "latent",
)


def started(*arguments):
    command = [sys.executable, str(SCRIPT), *[str(argument) for argument in arguments]]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def finished(*arguments):
    process = started(*arguments)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    """What the script found on three devices, and its folder."""
    folder = tmp_path_factory.mktemp("devices")
    finished("devices", folder / "results.npz", 3)
    with np.load(folder / "results.npz") as results:
        return dict(results), folder


@pytest.fixture(scope="module")
def rest(tmp_path_factory):
    """What the script found of its other cases."""
    out = tmp_path_factory.mktemp("devices") / "results.npz"
    finished("rest", out, 3)
    with np.load(out) as results:
        return dict(results)


@pytest.mark.slow
@pytest.mark.parametrize("name", USUAL)
def test_the_same_flow_to_rounding(split, name):
    _check_same(split[0], name)


@pytest.mark.thorough
@pytest.mark.parametrize("name", REST)
def test_the_same_flow_in_other_ways(rest, name):
    _check_same(rest, name)


def _check_same(results, name):
    one, many, ridden = (results[f"{name}/{which}"] for which in ("one", "split", "ridden"))
    assert many.shape == (31, 2)
    # the first fit magnifies rounding; without a network nothing does
    np.testing.assert_allclose(many, one, atol=1e-9 if "no network" in name else 0.05)
    np.testing.assert_allclose(ridden, many, atol=1e-5)


@pytest.mark.slow
def test_the_same_certificate_to_rounding(split):
    _check_same_certificate(split[0])


@pytest.mark.thorough
def test_the_same_certificate_in_blocks_of_rows(rest):
    _check_same_certificate(rest)


def _check_same_certificate(results):
    one, many = results["certificate/one"], results["certificate/split"]
    np.testing.assert_allclose(many[:2], one[:2], rtol=1e-6)
    # float32 iterates prove them
    np.testing.assert_allclose(many, one, atol=1e-3)


@pytest.mark.slow
def test_targets_can_be_split_too(split):
    np.testing.assert_allclose(
        split[0]["split targets"], split[0]["weights, several steps/one"], atol=0.05
    )


@pytest.mark.slow
def test_sums_are_all_that_is_sent(split):
    counts = {name: int(count) for name, count in split[0]["collectives"]}
    assert counts.pop("all-reduce") > 0
    assert set(counts.values()) == {0}


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_run_continues_on_any_number(split, count, tmp_path):
    results, folder = split
    shutil.copytree(folder / "saved", tmp_path / f"saved-{count}")
    finished("resume", tmp_path / "resumed.npz", count)
    with np.load(tmp_path / "resumed.npz") as resumed:
        if count == 3:
            np.testing.assert_array_equal(resumed["particles"], results["whole"])
        np.testing.assert_allclose(resumed["particles"], results["whole"], atol=1e-3)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def hosts(folder, count, *, steps, more=()):
    address = f"127.0.0.1:{free_port()}"
    return [
        started("host", folder / "host.npz", count, index, address, steps, *more)
        for index in range(count)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("count", few_usual([2, 3], ("3",)))
def test_several_processes_carry_out_one_flow(split, count, tmp_path):
    processes = hosts(tmp_path, count, steps=6)
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    results = [np.load(tmp_path / f"host-{index}.npz") for index in range(count)]
    # whatever the others would have chosen
    assert {str(result["choice"]) for result in results} == {"network"}
    particles = [result["particles"] for result in results]
    for other in particles[1:]:
        np.testing.assert_array_equal(other, particles[0])
    np.testing.assert_allclose(particles[0], split[0]["whole"], atol=1e-3)


@pytest.mark.slow
def test_processes_that_disagree_are_refused(tmp_path):
    for process in hosts(tmp_path, 2, steps=6, more=("other",)):
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 1
        assert "process 1 has other data, settings, versions" in errors


@pytest.mark.slow
def test_where_one_dies_the_others_end(tmp_path):
    first, second = hosts(tmp_path, 2, steps=10**6)
    record = tmp_path / "saved" / "checkpoint.json"
    ends = time.monotonic() + 300
    while not record.exists() and first.poll() is None and time.monotonic() < ends:
        time.sleep(0.2)
    second.send_signal(signal.SIGKILL)
    began = time.monotonic()
    _, errors = first.communicate(timeout=300)
    second.communicate()
    assert time.monotonic() - began < 60
    assert first.returncode == 1
    assert errors.strip().splitlines()[-1].startswith("another process of this run has ended")
    assert record.exists()


def test_bad_devices_are_refused(refused):
    points = np.zeros((3, 2)), np.ones((3, 2))
    there = len(jax.devices())
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:1]).reshape(1, 1), ("a", "b"))
    for devices, part in (
        (there + 1, f"there are {there}"),
        (0, "give None, a number"),
        (True, "give None, a number"),
        ("gpus", "give None, a number"),
        (mesh, 'name the one that splits particles "particles"'),
    ):
        refused(lambda devices=devices: gpa.transport(*points, steps=1, devices=devices), part)


def test_one_device_is_as_none():
    points = np.arange(6.0).reshape(3, 2), np.ones((3, 2))
    settings = {"steps": 2, "potential": gpa.smooth_mlp(2, width=4, depth=2)}
    flows = [gpa.transport(*points, devices=count, **settings) for count in (None, 1)]
    np.testing.assert_array_equal(flows[0].particles, flows[1].particles)
    assert flows[1].notes == flows[0].notes


def test_a_mesh_of_one_device():
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:1]), ("rows",))
    points = np.arange(6.0).reshape(3, 2), np.ones((3, 2))
    flow = gpa.transport(*points, steps=2, devices=mesh, potential=gpa.ExactPotential(1.0))
    alone = gpa.transport(*points, steps=2, potential=gpa.ExactPotential(1.0))
    np.testing.assert_allclose(flow.particles, alone.particles, atol=1e-9)
    assert any("split over 1 devices" in note for note in flow.notes)
    mesh_refused = {"potential": gpa.ExactPotential(0.0), "devices": mesh}
    with pytest.raises(gpa.InputError, match="one processor"):
        gpa.transport(*points, steps=2, **mesh_refused)


def test_launchers_say_which_process_this_is(refused):
    ompi = {"OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "2"}
    assert _described("a:1", None, None, ompi) == ("a:1", 4, 2)
    assert _described(None, None, None, {"SLURM_STEP_NUM_TASKS": "3"}) == (None, 3, None)
    assert _described(None, None, None, {}) == (None, None, None)
    assert _described(None, 1, None, {}) == (None, 1, 0)
    refused(lambda: _described(None, None, None, ompi), "--coordinator missing")
    refused(lambda: _described("a:1", 2, None, {}), "--process missing")
    refused(lambda: _described("a:1", 2, 2, {}), "0 to 1")
    refused(lambda: _described("a", 2, 1, {}), "give host:port")


def test_who_waits_in_vain_says_for_whom(refused, monkeypatch):
    monkeypatch.setattr("gparticles.hosts._PATIENCE", 0.3)
    address = f"127.0.0.1:{free_port()}"
    refused(lambda: _met(address, 3, 0), "process 1, 2 of 3 did not come", address)
    refused(lambda: _met(address, 2, 1), "process 0 of 2 did not come", address)


@pytest.mark.slow
def test_the_command_in_two_processes(tmp_path):
    address = f"127.0.0.1:{free_port()}"
    code = "import sys; from gparticles.command.main import main; sys.exit(main())"
    words = ["run", "gaussian", "--out", "run", "--devices", "all"]
    words += ["--set", "n=9", "--set", "target.n=8", "--set", "steps=2"]
    words += ["--coordinator", address, "--processes", "2"]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, *words, "--process", str(index)],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for index in range(2)
    ]
    answers = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], answers
    assert "split over 2 devices" in answers[0][0]
    assert "particles" not in answers[1][0]
    assert (tmp_path / "run" / "metrics.json").exists()
    (particles,) = (tmp_path / "run").glob("particles.*")
    assert len(load(particles)) == 9
