"""Room for compiled programs: ours are forgotten before the mappings run out, and only then."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gparticles as gpa
from gparticles import compiled

pytestmark = pytest.mark.skipif(
    not compiled.MOST.exists(), reason="only Linux limits the mappings so"
)


@pytest.fixture(autouse=True)
def always(monkeypatch):
    """Every call counts, and nothing is known of earlier ones."""
    monkeypatch.setattr(compiled, "SECONDS", 0.0)
    monkeypatch.setattr(compiled, "_left", 0)


@pytest.fixture
def short(monkeypatch, tmp_path):
    """A system that allows one mapping."""
    few = tmp_path / "max_map_count"
    few.write_text("1")
    monkeypatch.setattr(compiled, "MOST", few)


def _sorted_total(points, *, power=1):
    return (jnp.sort(points) ** power) @ points


@pytest.mark.parametrize(
    "jit", [compiled.jit, partial(compiled.jit, static_argnames="power")], ids=["eqx", "jax"]
)
def test_room_is_made_of_our_programs_and_of_no_others(jit):
    ours, theirs = jit(_sorted_total), jax.jit(lambda points: jnp.sort(points) @ points)
    for n in range(1, 9):
        theirs(np.ones(n, np.float32))
    before = compiled._held()
    for n in range(1, 9):
        ours(np.ones(n, np.float32))
    after = compiled._held()
    assert not compiled.make_room(1.0)
    assert compiled._held() == after
    assert compiled.make_room(0.0)
    assert compiled._held() <= before < after
    # what others compiled is there still, and ours comes back where it is needed
    assert theirs._cache_size() == 8
    assert float(ours(np.arange(3, dtype=np.float32))) == 5.0


def test_others_who_hold_most_mappings_do_not_cost_us_every_program(monkeypatch, tmp_path):
    most = tmp_path / "max_map_count"
    most.write_text("1000")
    monkeypatch.setattr(compiled, "MOST", most)
    monkeypatch.setattr(compiled, "_held", lambda: 800)
    assert compiled.make_room()
    assert not compiled.make_room()
    monkeypatch.setattr(compiled, "_held", lambda: 901)
    assert compiled.make_room()


def test_a_system_that_does_not_say_is_left_alone(monkeypatch, tmp_path):
    monkeypatch.setattr(compiled, "MOST", tmp_path / "absent")
    assert not compiled.make_room(0.0)


def test_long_loops_make_room(monkeypatch, short):
    """Every way in that compiles for the shapes it is given counts the mappings first."""
    flow = gpa.transport(np.ones((3, 2)), np.zeros((4, 2)), steps=2)
    calls = []
    monkeypatch.setattr(compiled, "forget", lambda: calls.append("forgotten"))
    monkeypatch.setattr(jax, "clear_caches", lambda: calls.append("everything"))
    gpa.transport(np.ones((3, 2)), np.zeros((4, 2)), steps=2)
    flow(np.ones((3, 2)))
    gpa.divergence(np.ones((3, 2)), np.zeros((4, 2)))
    assert set(calls) == {"forgotten"}
    assert len(calls) >= 3


def test_it_counts_no_more_than_twice_a_second(monkeypatch, short):
    monkeypatch.setattr(compiled, "SECONDS", 1e9)
    monkeypatch.setattr(compiled, "_counted", -1e10)
    assert [compiled.make_room() for _ in range(3)] == [True, False, False]
