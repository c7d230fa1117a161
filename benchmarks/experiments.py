"""Runs experiments: a recipe and its variants, over several seeds, judged on held-out points.

    python benchmarks/experiments.py                     # all of them
    python benchmarks/experiments.py mixture --seeds 0 1 2

Each writes benchmarks/results/experiments/NAME.json and its figure, docs/experiments/NAME.png (the
first seed); `python docs/make_experiments.py` makes the pages of docs/experiments from them. Data,
source and network all change with the seed. Scores are those of `gpa run` for the same settings;
"seconds" is of the flow with its compilation.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from common import RESULTS, figure, machine, print_table, write_json
from matplotlib.figure import Figure

from gparticles.data import in_sierpinski_holes
from gparticles.evaluate.floors import choose_bandwidth, smoothed
from gparticles.evaluate.metrics import FLOORS, evaluate
from gparticles.evaluate.plots import Projection, scatter
from gparticles.evaluate.plots.style import PARTICLES
from gparticles.evaluate.registry import REGISTRY
from gparticles.flow import Flow, transport
from gparticles.interfaces.building import arguments
from gparticles.interfaces.evaluation import MAX_HELD_OUT
from gparticles.interfaces.inputs import Inputs, gather
from gparticles.interfaces.laws import stream
from gparticles.interfaces.recipes import check, read_recipe, with_overrides

FOLDER = RESULTS / "experiments"
PICTURES = Path(__file__).parents[1] / "docs" / "experiments"
# replay is not asked for, and storing thousands of potentials costs time
COMMON = ("store.potentials=false",)
REFERENCE = (
    "scale=1.0",
    "potential.preset=smooth",
    "potential.activation=relu",
    "learning_rate=1e-3",
)
# so many targets would hide the particles
MANY = 2000
Clouds = dict[str, np.ndarray]


@dataclass(frozen=True)
class Experiment:
    """What is run and what is looked at.

    Attributes:
        recipe: its name.
        variants: a name for each and what it overrides.
        metrics: names in the registry of metrics.
        also: more scores of a cloud, beside those metrics.
    """

    recipe: str
    variants: dict[str, Sequence[str]]
    metrics: Sequence[str] = ("w2", "copy_rate", "nearest_ratio", "coverage")
    also: Callable[[np.ndarray], dict[str, float]] = field(default=lambda _: {})


def holes(points: np.ndarray) -> dict[str, float]:
    """Shares in holes of the carpet (those of its first two levels, and all) and off its square."""
    inside = np.all((points[:, :2] >= 0) & (points[:, :2] <= 10), axis=1)
    return {
        "in_large_holes": float(in_sierpinski_holes(points, level=2).mean()),
        "in_holes": float(in_sierpinski_holes(points).mean()),
        "off_square": float(1 - inside.mean()),
    }


def modes(points: np.ndarray) -> dict[str, float]:
    """How the four modes are met.

    Share within three standard deviations of a centre, where a two-dimensional Gaussian has
    1 - exp(-9/2) = 0.989 of its mass; and the largest difference of a mode's share from 1/4.
    """
    centres = np.array([(a, b) for a in (-2.0, 2.0) for b in (-2.0, 2.0)])
    distance = np.linalg.norm(points[:, None] - centres, axis=2)
    shares = np.bincount(distance.argmin(axis=1), minlength=4) / len(points)
    return {
        "at_modes": float((distance.min(axis=1) < 3 * 0.5).mean()),
        "worst_share": float(np.abs(shares - 0.25).max()),
    }


def lipschitz_variants() -> dict[str, Sequence[str]]:
    """The mixture with four L, from a source in its middle and from one far away."""
    far = ("source.mean=10.0", "source.std=0.5")
    every = ("1", "10", "100", "inf")
    near = {f"L = {L}": (f"lipschitz={L}",) for L in every}
    distant = {f"L = {L}, source far away": (f"lipschitz={L}", *far) for L in every}
    theirs = (*far, *REFERENCE, "steps=500", "step_size=0.5")
    alike = {
        f"L = {L}, far away, reference's settings": (f"lipschitz={L}", *theirs)
        for L in ("1", "inf")
    }
    return near | distant | alike


EXPERIMENTS = {
    "swiss-roll": Experiment(
        "swiss-roll",
        {
            "recipe": (),
            "reference's settings": (
                *REFERENCE,
                "integrator=heun",
                "step_size=0.5",
                "steps=5000",
            ),
        },
    ),
    "mixture": Experiment(
        "mixture", lipschitz_variants(), metrics=("w2", "energy", "copy_rate"), also=modes
    ),
    "sierpinski": Experiment(
        "sierpinski",
        {
            "recipe": (),
            "tight potential": ("potential.preset=tight", "potential.width=32"),
            "reference's settings": (
                *REFERENCE,
                "integrator=heun",
                "step_size=0.2",
                "steps=5000",
                "batch_size=200",
            ),
        },
        metrics=("w2", "copy_rate", "nearest_ratio"),
        also=holes,
    ),
}


def run_one(experiment: Experiment, overrides: Sequence[str], seed: int) -> tuple[Any, Clouds]:
    """One variant with one seed: its scores, and clouds to draw."""
    settings = (*COMMON, *overrides, f"seed={seed}")
    config = check(with_overrides(read_recipe(experiment.recipe), settings))
    inputs = gather(config, max_held_out=MAX_HELD_OUT)
    began = time.perf_counter()
    flow = transport(**arguments(config, inputs))
    seconds = time.perf_counter() - began
    found = {
        "seconds": seconds,
        "failed": float("failed" in flow.outcome),
        # nats per working unit, as is L
        "top_speed": float(np.nanmax(flow.history["max_speed"])),
    }
    record = {"seed": seed, "outcome": flow.outcome, "overrides": list(overrides)}
    clouds = {"particles": flow.particles, "target": inputs.target}
    if np.isfinite(flow.particles).all():
        scores, floors = judge(experiment, flow, inputs, seed)
        return record | {"scores": found | scores, "floors": floors}, clouds
    return record | {"scores": found, "floors": {}}, clouds


def judge(
    experiment: Experiment, flow: Flow, inputs: Inputs, seed: int
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Scores of the particles; and of the source, fresh points and redrawn targets beside them."""
    fresh = None if inputs.fresh is None else inputs.fresh(len(flow.particles))
    chosen = [metric for metric in REGISTRY if metric.name in experiment.metrics]
    found = evaluate(
        flow.particles,
        inputs.held_out,
        target=inputs.target,
        fresh=fresh,
        seed=stream(seed, "resampled"),
        metrics=chosen,
    )
    scores = {name: entry["value"] for name, entry in found.items()}
    floors = {role: {name: e[role] for name, e in found.items()} for role in FLOORS}
    for role, cloud in others(inputs, fresh, len(flow.particles)).items():
        floors.setdefault(role, {}).update(experiment.also(cloud))
    return scores | experiment.also(flow.particles), floors


def others(inputs: Inputs, fresh: np.ndarray | None, count: int) -> Clouds:
    """What stands beside the particles: where they started, fresh points, noisy targets."""
    noise = choose_bandwidth(inputs.target.astype(np.float64), seed=1).value
    noisy = smoothed(inputs.target.astype(np.float64), count, bandwidth=noise, seed=2)
    found = {"source": inputs.source, "smoothed": noisy}
    return found if fresh is None else found | {"fresh": fresh}


def draw(name: str, panels: dict[str, Clouds]) -> None:
    """The particles of every variant on the target, in rows of four; many targets are left out."""
    columns = min(len(panels), 4)
    rows = -(-len(panels) // columns)
    page = Figure(figsize=(4.2 * columns, 4.2 * rows), layout="constrained")
    for k, (title, clouds) in enumerate(panels.items()):
        projection = Projection(clouds["target"])
        solid = {"projection": "3d"} if projection.dim == 3 else {}
        axes = page.add_subplot(rows, columns, k + 1, **solid)
        if solid:
            axes.view_init(elev=14, azim=-72)
        particles, target = (projection(clouds[name]) for name in ("particles", "target"))
        if len(target) > MANY:
            axes.scatter(*particles.T, s=2, c=PARTICLES, linewidths=0)
            axes.set(xlim=(target.min(), target.max()), ylim=(target.min(), target.max()))
            axes.set_aspect("equal")
        else:
            scatter(axes, particles, target)
        axes.set_title(title, y=1.1 if not solid else 1.04, fontsize=11)
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.savefig(PICTURES / f"{name}.png", dpi=70, metadata={"Software": None})


def carry_out(name: str, seeds: Sequence[int]) -> None:
    """One experiment: run, draw, show and keep."""
    experiment, before = EXPERIMENTS[name], machine()
    rows: dict[str, list[Any]] = {}
    panels: dict[str, Clouds] = {}
    for variant, overrides in experiment.variants.items():
        for seed in seeds:
            record, clouds = run_one(experiment, overrides, seed)
            rows.setdefault(variant, []).append(record)
            panels.setdefault(variant, clouds)
    draw(name, panels)
    show(name, rows)
    kept = {"machine": before, "recipe": experiment.recipe, "seeds": list(seeds), "rows": rows}
    write_json(FOLDER / f"{name}.json", kept)


def show(name: str, rows: dict[str, list[Any]]) -> None:
    """The means over seeds."""
    keys = list(dict.fromkeys(key for row in rows.values() for r in row for key in r["scores"]))
    lines = []
    for variant, records in rows.items():
        found = [[r["scores"].get(key) for r in records] for key in keys]
        known = [[value for value in values if value is not None] for values in found]
        lines.append([variant, *(figure(float(np.mean(v)) if v else None) for v in known)])
    print_table(name, ["variant", *keys], lines)


def main() -> None:
    """Carry out those that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(EXPERIMENTS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    options = parser.parse_args()
    unknown = set(options.names) - set(EXPERIMENTS)
    if unknown:
        parser.error(f"no experiment {', '.join(unknown)}; there are {', '.join(EXPERIMENTS)}")
    for name in options.names or EXPERIMENTS:
        carry_out(name, options.seeds)


if __name__ == "__main__":
    main()
