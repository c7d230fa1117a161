"""The command: exit statuses, one line per error, Ctrl-C, kill -9, full disks."""

import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

import gparticles
from gparticles.command import console, watching
from gparticles.tables import load

# compiles much: left out of `make fast-test`
pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "gparticles.command.main"]
TINY = ("--set", "steps=4", "--set", "n=10")


def test_help_version_and_recipes(gpa):
    assert gpa("--version")[:2] == (0, f"gparticles {gparticles.__version__}\n")
    for arguments in ((), ("--help",), ("run", "--help")):
        status, out, _ = gpa(*arguments)
        assert status == 0
        assert "Usage" in out
    status, out, err = gpa("recipes")
    assert (status, err) == (0, "")
    assert {line.split()[0] for line in out.splitlines()} >= {"digits", "gaussian", "mixture"}


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ("run", ("nothing to run", "gpa recipes")),
        ("run digts", ("did you mean 'digits'?",)),
        ("run absent.toml", ("absent.toml", "check the path")),
        ("run digits --set stepz=3", ("unknown key 'stepz'", "'steps'")),
        ("run digits --set steps=ten", ("steps is 'ten'",)),
        ("run digits --seed -1", ("--seed",)),
        ("run digits -n 0", ("-n",)),
        ("run digits --stpes 3", ("--stpes",)),
        ("run --target absent.csv", ("absent.csv", "no such file")),
        ("run --target xyz", ("no file or dataset is called 'xyz'", "two-moons")),
        ("run gaussian --source logistc", ("did you mean 'logistic'?",)),
        ("run --target few.csv --noise pink", ("source.noise is 'pink'", "logistic")),
        ("run --target few.csv --source few.csv --noise uniform", ("give one of them",)),
        ("run --target few.csv --set scale=columns", ("few.csv", "kind")),
        ("run --target few.csv --label-column sort", ("few.csv", '"sort"')),
        ("run digits --out few.csv", ("few.csv is a file", "--out")),
        ("run digits --out few.csv/below", ("few.csv is a file", "--out")),
        ("frobnicate", ("frobnicate",)),
        ("transform absent few.csv -o out.csv", ("absent", "no such folder")),
        ("transform . few.csv -o few.csv", ("few.csv: exists", "--force")),
        ("sample . -n 3 -o out.csv", ("no finished flow",)),
        ("sample . -n 3 -o few.csv", ("few.csv: exists", "--force")),
        ("sample . -n 3", ("--out",)),
    ],
)
def test_refused_with_status_2(arguments, parts, fails, few, tmp_path):
    fails(shlex.split(arguments), *parts)
    assert {path.name for path in tmp_path.iterdir()} == {"few.csv"}


def test_the_person_with_few_rows(gpa, few, tmp_path):
    named = ("--label-column", "kind")
    status, out, err = gpa("run", "--target", few, "-n", 25, "--set", "steps=4", *named)
    assert status == 0
    assert "scale" in err
    assert err.count("\n") == 1
    assert "25 particles" in out
    assert "particles: runs/few/particles.csv" in out
    assert "runs/few/figures" in out
    assert gpa("sample", "runs/few", "-n", 3, "-o", "new.csv")[0] == 0
    assert len(load(tmp_path / "new.csv", label_column="kind")) == 3
    # the column of labels is known from the run
    status, out, _ = gpa("transform", "runs/few", few, "-o", "moved.csv")
    assert (status, out) == (0, "moved points: moved.csv\n")
    assert load(tmp_path / "moved.csv", label_column="kind").ids[0] == "s0"
    assert gpa("transform", "runs/few", few, "-o", "moved.csv")[0] == 2
    assert gpa("transform", "runs/few", few, "-o", "moved.csv", "--force")[0] == 0
    (tmp_path / "other.csv").write_text("sample,kind,height\nx,a,1\ny,b,2\n")
    status, _, err = gpa("transform", "runs/few", "other.csv", "-o", "o.csv")
    assert status == 2
    assert '"weight", "income"' in err
    status, _, err = gpa("run", "--target", few, *named)
    assert status == 2
    assert "--out" in err


def test_recipes_with_own_data(gpa, tmp_path):
    generator = np.random.default_rng(0)
    np.save(tmp_path / "a.npy", generator.normal(size=(20, 5)))
    np.save(tmp_path / "b.npy", generator.normal(size=(30, 5)))
    assert gpa("run", "swiss-roll", "--target", "b.npy", "--out", "one", *TINY)[0] == 0
    assert load(tmp_path / "one" / "particles.npy").values.shape == (10, 5)
    both = ("--source", "a.npy", "--target", "b.npy", "--seed", 3)
    status, out, _ = gpa("run", "gaussian", *both, "--out", "two", "--set", "steps=4")
    assert status == 0
    assert "20 particles" in out
    status, _, err = gpa("sample", "two", "-n", 3, "-o", "more.npy")
    assert status == 2
    assert "gpa transform two points.csv" in err


def test_categorical_columns_are_told(gpa, tmp_path):
    values = np.random.default_rng(0).normal(size=(60, 3))
    values[:, 1] = np.arange(60) % 3
    np.savetxt(tmp_path / "c.csv", values, delimiter=",", header="x,sort,z", comments="")
    status, _, err = gpa("run", "--target", "c.csv", "--set", "scale=columns", *TINY)
    assert status == 0
    assert '"sort" looks categorical' in err


def test_a_failing_flow_keeps_what_was_computed(gpa, tmp_path):
    wild = ("--set", "lipschitz=inf", "--set", "step_size=1e38", "--set", "steps=9")
    status, out, err = gpa("run", "gaussian", "--out", "wild", "--set", "n=10", *wild)
    assert status == 2
    assert "failed at step" in err
    assert "give a finite lipschitz" in err
    assert "nothing is certified" in out
    assert len(load(tmp_path / "wild" / "particles.csv")) == 10


def test_faults_of_ours(gpa, monkeypatch, capsys):
    def broken(*_, **__):
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("gparticles.experiment.runs.sample", broken)
    status, _, err = gpa("sample", "x", "-n", 1, "-o", "y")
    assert status == 1
    assert err.count("\n") == 1
    assert "ZeroDivisionError: oops" in err
    assert "report" in err
    monkeypatch.setenv("GPA_DEBUG", "1")
    assert "Traceback" in gpa("sample", "x", "-n", 1, "-o", "y")[2]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OSError(28, "No space left on device", "a/b"), 2),
        (MemoryError(), 2),
        (KeyboardInterrupt(), 130),
        (RuntimeError("x"), 1),
    ],
)
def test_statuses(error, status, capsys):
    assert console.status_of(error) == status
    assert capsys.readouterr().err.count("\n") == 1


def test_how_to_resume(monkeypatch, tmp_path):
    monkeypatch.setattr(watching, "_typed", ["run", "my recipe.toml", "--out", "x"])
    assert watching._how_to_resume(tmp_path).endswith("gpa run 'my recipe.toml' --out x --resume")
    assert "before anything was written" in watching._how_to_resume(tmp_path / "none")


LONG = ("gaussian", "--set", "n=20", "--set", "target.n=20", "--set", "checkpoint_seconds=0.1")


def long(out, steps, *more):
    return ["run", *LONG, "--set", f"steps={steps}", "--out", str(out), *more]


def wait_for(there, process, seconds=60):
    began = time.monotonic()
    while not there():
        assert process.poll() is None, "it ended before it was to be interrupted"
        assert time.monotonic() - began < seconds
        time.sleep(0.005)


def same_particles(one, other):
    return (one / "particles.csv").read_bytes() == (other / "particles.csv").read_bytes()


@pytest.mark.slow
def test_killed_and_resumed_to_the_same_bits(gpa, tmp_path):
    arguments = long(tmp_path / "killed", 3000)
    process = subprocess.Popen([*COMMAND, *arguments], stderr=subprocess.PIPE)
    record = tmp_path / "killed" / "checkpoint" / "checkpoint.json"
    wait_for(record.exists, process)
    process.kill()
    _, err = process.communicate()
    assert err == b""  # no progress where there is no terminal
    assert not (tmp_path / "killed" / "metrics.json").exists()
    assert gpa(*arguments)[0] == 2
    # in processes of their own, as a user's are: what makes a checkpoint fit must not depend on one
    for again in ([*arguments, "--resume"], long(tmp_path / "whole", 3000)):
        subprocess.run([*COMMAND, *again], check=True, stdout=subprocess.PIPE)
    assert same_particles(tmp_path / "killed", tmp_path / "whole")


@pytest.mark.slow
def test_ctrl_c_on_a_terminal(gpa, tmp_path):
    folder = tmp_path / "stopped"
    controller, terminal = pty.openpty()
    environment = os.environ | {"COLUMNS": "120", "TERM": "xterm"}
    # a shell that runs the tests in the background has them, and what they start, ignore Ctrl-C
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen([*COMMAND, *long(folder, 200_000)], stderr=terminal, env=environment)
    signal.signal(signal.SIGINT, before)
    os.close(terminal)
    seen = bytearray()

    def progressed():
        seen.extend(os.read(controller, 4096))
        return b"steps/s" in seen

    wait_for(progressed, process)
    process.send_signal(signal.SIGINT)
    with suppress(OSError):  # which is how Linux tells that the other end is closed
        while True:
            seen.extend(os.read(controller, 4096))
    process.wait(timeout=60)
    os.close(controller)
    assert process.returncode == 130
    assert b"step " in seen
    assert b"--resume" in seen
    assert b"Traceback" not in seen
    assert (folder / "checkpoint" / "checkpoint.json").exists()
    assert not (folder / "metrics.json").exists()


@pytest.fixture
def tiny_disk(tmp_path):
    """A disk of 200 KiB, and a way to make it larger."""
    disk = tmp_path / "disk"
    disk.mkdir()

    def mount(*options):
        command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(disk)]
        return subprocess.run(command, capture_output=True, check=False).returncode

    try:
        permitted = mount("size=200k") == 0
    except FileNotFoundError:
        permitted = False
    if not permitted:
        pytest.skip("mounting is not permitted here")
    yield disk, lambda: mount("remount", "size=64m")
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.slow
def test_a_full_disk_keeps_the_checkpoint(tiny_disk, gpa, tmp_path):
    disk, enlarge = tiny_disk
    arguments = long(disk / "run", 400)
    status, out, err = gpa(*arguments)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert "No space left on device" in err
    assert "--resume" in err
    kept = Path(disk / "run" / "checkpoint" / "checkpoint.json").exists()
    assert enlarge() == 0
    status, _, err = gpa(*arguments, "--resume")
    assert status == 0, err
    assert gpa(*long(tmp_path / "whole", 400))[0] == 0
    assert same_particles(disk / "run", tmp_path / "whole")
    assert kept


@pytest.mark.slow
def test_more_rows_are_appended_and_numbered_on(gpa, few):
    quick = ["--set", "steps=2", "--set", "store.frames=2", "--set", "potential.width=4"]
    assert gpa("run", "--target", few, "--label-column", "kind", "--out", "run", *quick)[0] == 0
    assert "# on " in Path("run/config.toml").read_text()
    status, out, _ = gpa("sample", "run", "-n", 3, "-o", "a.csv")
    assert status == 0
    assert "seed 0: the same call makes the same again" in out
    first = Path("a.csv").read_text()
    gpa("sample", "run", "-n", 3, "-o", "b.csv", "--seed", 0)
    assert Path("b.csv").read_text() == first
    status, out, err = gpa("sample", "run", "-n", 2, "-o", "a.csv", "--append")
    assert status == 0, err
    assert "seed 3" in out
    text = Path("a.csv").read_text()
    assert text.startswith(first)
    rows = [line.split(",") for line in text.splitlines()[1:]]
    assert [row[0] for row in rows] == [f"generated-0000{k}" for k in range(1, 6)]
    assert len({tuple(row[2:]) for row in rows}) == 5
    for words, part in (
        (["-o", "new.csv", "--append"], "no such file to append to"),
        (["-o", "a.csv", "--append", "--force"], "give one of them"),
        (["-o", "a.csv"], "--append to add rows"),
    ):
        status, _, err = gpa("sample", "run", "-n", 2, *words)
        assert status == 2
        assert part in err
    config = Path("run/config.toml")
    config.write_text(re.sub(r"# on \d+ cores", "# on 999 cores", config.read_text()))
    Path("run/metrics.json").unlink()
    command = ["run", "--target", few, "--label-column", "kind", "--out", "run", *quick]
    status, _, err = gpa(*command, "--resume")
    assert status == 0, err
    assert "began on 999 cores" in err
