"""Flows of random problems: do they end finite, and do the source and new points ride well?

Every problem draws its sizes, dimension, law, f, direction, L, integrator, weights, batches and
scale from its number, as somebody might who has not read the documentation. docs/tried.md has what
was found.
"""

import warnings
from typing import Any, NamedTuple

import numpy as np
from common import RESULTS, machine, write_json

import gparticles as gpa
from gparticles.divergence import REGISTRY
from gparticles.flow.integrators import REGISTRY as INTEGRATORS


class Problem(NamedTuple):
    """What is moved, and how."""

    source: np.ndarray
    target: np.ndarray
    settings: dict[str, Any]


def draw(number: int) -> Problem:
    """The problem of a number, always the same."""
    rng = np.random.default_rng(number)
    dim = int(rng.choice([1, 2, 3, 7, 20, 45, 50]))
    m, n = (int(rng.integers(2, 60)) for _ in range(2))
    laws = [rng.normal, rng.standard_cauchy, rng.lognormal]
    source, target = (laws[rng.integers(3)](size=(size, dim)) for size in (m, n))
    f = list(REGISTRY)[rng.integers(len(REGISTRY))]
    settings: dict[str, Any] = {
        "f": REGISTRY[f](),
        "reverse": bool(rng.random() < 0.5),
        "lipschitz": float(rng.choice([0.1, 1.0, 10.0])),
        "integrator": list(INTEGRATORS.values())[rng.integers(len(INTEGRATORS))](),
        "scale": ["auto", "columns", 1.0][rng.integers(3)],
        "batch_size": None if rng.random() < 0.7 else int(rng.integers(1, n + 1)),
        "source_weights": None if rng.random() < 0.7 else rng.random(m) + 1e-3,
        "seed": number,
        "steps": 20,
    }
    return Problem(source + 10 * rng.normal(), target, settings)


def outcome_of(problem: Problem) -> dict[str, Any]:
    """How the flow ended, how far replay is from it, and where new points go."""
    flow = gpa.transport(problem.source, problem.target, **problem.settings)
    spread = float(np.abs(flow.particles - flow.particles.mean(axis=0)).max()) or 1.0
    rng = np.random.default_rng(problem.settings["seed"])
    near = problem.source + 0.3 * rng.normal(size=problem.source.shape)
    far = problem.source + 100 * rng.normal(size=problem.source.shape)
    return {
        "failed": flow.outcome.startswith("failed"),
        "finite": bool(np.isfinite(flow.particles).all()),
        "replay": float(np.abs(flow(problem.source) - flow.particles).max() / spread),
        "lost": int((~np.isfinite(flow(np.concatenate([near, far])))).any(axis=1).sum()),
    }


def run(*, first: int = 0, count: int = 60) -> None:
    """Tries problems first, first + 1, ...; prints those that went wrong."""
    rows = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(first, first + count):
            row = outcome_of(draw(number))
            rows.append({"problem": number, **row})
            if row["failed"] or not row["finite"] or row["lost"] or row["replay"] > 0:
                print(rows[-1], flush=True)
    totals = {
        "problems": len(rows),
        "failed": sum(row["failed"] for row in rows),
        "not finite": sum(not row["finite"] for row in rows),
        "replay not to the bit": sum(row["replay"] > 0 for row in rows),
        "largest difference of replay over the spread": max(row["replay"] for row in rows),
        "with new points that are lost": sum(row["lost"] > 0 for row in rows),
    }
    print(totals)
    write_json(
        RESULTS / "random-problems.json", {"machine": machine(), "totals": totals, "rows": rows}
    )
