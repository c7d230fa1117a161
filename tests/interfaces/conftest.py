"""What the tests of the command share."""

import numpy as np
import pytest

from gparticles.errors import InputError
from gparticles.interfaces.cli import main


@pytest.fixture
def refused():
    """Check that a call is refused with one line that holds these parts."""

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
