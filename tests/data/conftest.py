"""What the tests of files share."""

import gzip

import numpy as np
import pytest

from gparticles.errors import InputError


@pytest.fixture(scope="session")
def refused():
    """Check that a call is refused with one line that holds these parts; gives the line."""

    def check(call, *parts):
        with pytest.raises(InputError) as caught:
            call()
        message = str(caught.value)
        assert "\n" not in message
        assert ";" in message  # problem; mend
        for part in parts:
            assert part in message
        return message

    return check


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
