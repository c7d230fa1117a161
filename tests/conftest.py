"""Run-time checks of the annotated types and shapes of the mathematics, for all tests."""

import gzip
import os
from contextlib import suppress

import numpy as np
import pytest

# before JAX loads: tests run on the CPU, and the typechecker must wrap modules as they load
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import platformdirs
from jaxtyping import install_import_hook

from gparticles.command.programs import VARIABLE, keep_programs

# workers, commands that tests start and later suites share what one of them has compiled
os.environ.setdefault(VARIABLE, str(platformdirs.user_cache_path("gparticles") / "tests"))
keep_programs()

# the rooms of the mathematics; the ways in check what users give by themselves, in one line
MATHEMATICS = ["abstract_f", "bounds", "dual", "f_divergences", "ground", "interior_point"]
CHECKED = [f"divergence.{name}" for name in [*MATHEMATICS, "plans", "sinkhorn"]]
PHI = ["activations", "convolution", "fitting", "lipschitz", "networks", "soft_transform"]
CHECKED += [f"potential.{name}" for name in PHI]
CHECKED += [f"flow.{name}" for name in ("integrators", "stepping", "stopping", "scaling")]
install_import_hook([f"gparticles.{name}" for name in CHECKED], "beartype.beartype")


@pytest.fixture(scope="module", autouse=True)
def room_for_programs():
    """The suite compiles thousands of programs, by far not all of them through the ways in."""
    yield
    # imported late, so that the hook above comes first
    import jax

    from gparticles import compiled

    with suppress(OSError):
        if compiled.MAPS.read_bytes().count(b"\n") > 0.3 * int(compiled.MOST.read_text()):
            jax.clear_caches()


@pytest.fixture
def refused():
    """Check that a call is refused with one line that holds these parts."""
    from gparticles.errors import InputError

    def check(call, *parts):
        with pytest.raises(InputError) as caught:
            call()
        message = str(caught.value)
        assert "\n" not in message
        for part in parts:
            assert part in message
        return message

    return check


@pytest.fixture
def gpa(capsys, tmp_path, monkeypatch):
    """Run the command in this process in a new folder; gives its status and what it printed."""
    from gparticles.command.main import main

    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        status = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


@pytest.fixture
def fails(gpa):
    """Check that the command refuses with status 2 and one line that holds these parts."""

    def check(arguments, *parts):
        status, out, err = gpa(*arguments)
        assert status == 2, err
        assert out == ""
        assert err.count("\n") == 1
        assert err.startswith("gpa: ")
        for part in parts:
            assert part in err
        return err

    return check


@pytest.fixture
def few(tmp_path):
    """A small table with identifiers and classes; gives its path."""
    values = np.random.default_rng(0).normal(size=(40, 3)) * [1, 10, 100] + [0, 5, 1000]
    rows = [f"s{i},{'ab'[i % 2]},{a},{b},{c}" for i, (a, b, c) in enumerate(values.tolist())]
    path = tmp_path / "few.csv"
    path.write_text("\n".join(["sample,kind,height,weight,income", *rows]) + "\n")
    return path


@pytest.fixture(scope="session")
def written():
    """Write text or bytes, gzipped where the name says so."""

    def write(path, content):
        raw = content if isinstance(content, bytes) else content.encode()
        path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
        return path

    return write


@pytest.fixture
def csv(tmp_path, written):
    """Write a small file of this content; gives its path."""
    return lambda content, name="a.csv": written(tmp_path / name, content)


@pytest.fixture(scope="session")
def rows():
    """Rows of normal numbers."""

    def make(n=6, d=3, dtype: type = np.float64):
        return np.random.default_rng(0).normal(size=(n, d)).astype(dtype)

    return make


@pytest.fixture
def pandas():
    return pytest.importorskip("pandas")


@pytest.fixture
def frame(pandas):
    return pandas.DataFrame(
        {"who": list("abc"), "x": [1, 2, 3], "kind": list("uvu"), "y": [0.5, 1.5, 2.5]}
    )
