"""Room for compiled programs: forgotten before the memory mappings run out, and only then."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gparticles as gpa
from gparticles import compiled


@pytest.fixture(autouse=True)
def always(monkeypatch):
    """Every call looks."""
    monkeypatch.setattr(compiled, "SECONDS", 0.0)


def _held():
    return compiled.MAPS.read_bytes().count(b"\n")


@pytest.mark.skipif(not compiled.MOST.exists(), reason="only Linux limits the mappings so")
def test_room_is_made_only_where_it_is_short():
    programs = [jax.jit(lambda x, k=k: jnp.sort(x) @ x + k) for k in range(8)]
    for program in programs:
        program(jnp.arange(5.0))
    before = _held()
    assert not compiled.make_room(1.0)
    assert _held() == before
    assert compiled.make_room(0.0)
    assert _held() < before
    assert float(programs[3](jnp.arange(3.0))) == 8.0


def test_a_system_that_does_not_say_is_left_alone(monkeypatch, tmp_path):
    monkeypatch.setattr(compiled, "MOST", tmp_path / "absent")
    assert not compiled.make_room(0.0)


def test_long_loops_make_room(monkeypatch, tmp_path):
    """Every way in that compiles for the shapes it is given looks at the mappings first."""
    flow = gpa.transport(np.ones((3, 2)), np.zeros((4, 2)), steps=2)
    looks = []
    monkeypatch.setattr(compiled.jax, "clear_caches", lambda: looks.append("cleared"))
    few = tmp_path / "max_map_count"
    few.write_text("1")
    monkeypatch.setattr(compiled, "MOST", few)
    gpa.transport(np.ones((3, 2)), np.zeros((4, 2)), steps=2)
    flow(np.ones((3, 2)))
    gpa.divergence(np.ones((3, 2)), np.zeros((4, 2)))
    assert looks == ["cleared"] * 3


def test_it_looks_no_more_than_twice_a_second(monkeypatch, tmp_path):
    few = tmp_path / "max_map_count"
    few.write_text("1")
    monkeypatch.setattr(compiled, "MOST", few)
    monkeypatch.setattr(compiled.jax, "clear_caches", lambda: None)
    monkeypatch.setattr(compiled, "SECONDS", 1e9)
    monkeypatch.setattr(compiled, "_looked", -1e10)
    assert [compiled.make_room() for _ in range(3)] == [True, False, False]
