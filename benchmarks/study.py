"""Studies: what a page of docs/experiments is measured by.

`Experiment` is the common kind: a recipe and its variants, over several seeds, judged on held-out
points. Data, source and network change with the seed. Scores are those of `gpa run` for the same
settings; "seconds" is of the flow with its compilation.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from common import RESULTS, figure, machine, print_table, write_json
from matplotlib.figure import Figure

from gparticles.evaluate.floors import choose_bandwidth, smoothed
from gparticles.evaluate.metrics import FLOORS, evaluate
from gparticles.evaluate.registry import REGISTRY
from gparticles.experiment.arguments import arguments
from gparticles.experiment.evaluation import MAX_HELD_OUT
from gparticles.experiment.inputs import Inputs, gather
from gparticles.experiment.provenance import stream
from gparticles.experiment.recipes import check, read_recipe, with_overrides
from gparticles.flow import Flow, transport
from gparticles.plots import Projection, scatter
from gparticles.plots.style import PARTICLES

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


class Study(Protocol):
    """What can be carried out: it writes its results and its figure."""

    def carry_out(self, name: str, seeds: Sequence[int]) -> None:
        """Run every row with every seed, draw, print, and keep all in FOLDER/name.json."""
        ...


@dataclass(frozen=True)
class Experiment:
    """What is run and what is looked at.

    Attributes:
        recipe: its name.
        variants: a name for each and what it overrides.
        metrics: names in the registry of metrics.
        also: more scores of a cloud, beside those metrics.
        drawn: the picture of every variant's clouds with the first seed.
    """

    recipe: str
    variants: dict[str, Sequence[str]]
    metrics: Sequence[str] = ("w2", "copy_rate", "nearest_ratio", "coverage")
    also: Callable[[np.ndarray], dict[str, float]] = field(default=lambda _: {})
    drawn: Callable[[dict[str, Clouds]], Figure] = field(default=lambda panels: picture(panels))

    def carry_out(self, name: str, seeds: Sequence[int]) -> None:
        """Every variant with every seed: run, draw, show and keep."""
        before, began = machine(), time.perf_counter()
        rows: dict[str, list[Any]] = {}
        panels: dict[str, Clouds] = {}
        for variant, overrides in self.variants.items():
            for seed in seeds:
                record, clouds = run_one(self, overrides, seed)
                rows.setdefault(variant, []).append(record)
                panels.setdefault(variant, clouds)
        PICTURES.mkdir(parents=True, exist_ok=True)
        page = self.drawn(panels)
        page.savefig(PICTURES / f"{name}.png", dpi=70, metadata={"Software": None})
        show(name, rows)
        kept = {"machine": before, "recipe": self.recipe, "seeds": list(seeds), "rows": rows}
        kept["took"] = time.perf_counter() - began
        write_json(FOLDER / f"{name}.json", kept)


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
        **stride(flow),
    }
    record = {"seed": seed, "outcome": flow.outcome, "overrides": list(overrides)}
    clouds = {"particles": flow.particles, "target": inputs.target}
    if np.isfinite(flow.particles).all():
        scores, floors = judge(experiment, flow.particles, inputs, seed)
        return record | {"scores": found | scores, "floors": floors}, clouds
    return record | {"scores": found, "floors": {}}, clouds


def stride(flow: Flow) -> dict[str, float]:
    """How far, in data units, full speed takes a particle in the last step; {} without a bound."""
    last = np.diff(flow.history["time"])[-1:]
    if not (len(last) and np.isfinite(flow.lipschitz)):
        return {}
    return {"stride": float(last[0]) * flow.lipschitz * flow.scaling.unit**2}


def judge(
    experiment: Experiment, particles: np.ndarray, inputs: Inputs, seed: int
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Scores of the particles; and of the source, fresh points and redrawn targets beside them."""
    fresh = None if inputs.fresh is None else inputs.fresh(len(particles))
    chosen = [metric for metric in REGISTRY if metric.name in experiment.metrics]
    found = evaluate(
        particles,
        inputs.held_out,
        target=inputs.target,
        fresh=fresh,
        seed=stream(seed, "resampled"),
        metrics=chosen,
    )
    scores = {name: entry["value"] for name, entry in found.items()}
    floors = {role: {name: e[role] for name, e in found.items()} for role in FLOORS}
    for role, cloud in others(inputs, fresh, len(particles)).items():
        floors.setdefault(role, {}).update(experiment.also(cloud))
    return scores | experiment.also(particles), floors


def others(inputs: Inputs, fresh: np.ndarray | None, count: int) -> Clouds:
    """What stands beside the particles: where they started, fresh points, noisy targets."""
    noise = choose_bandwidth(inputs.target.astype(np.float64), seed=1).value
    noisy = smoothed(inputs.target.astype(np.float64), count, bandwidth=noise, seed=2)
    found = {"source": inputs.source, "smoothed": noisy}
    return found if fresh is None else found | {"fresh": fresh}


def picture(panels: dict[str, Clouds]) -> Figure:
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
    return page


def show(name: str, rows: dict[str, list[Any]]) -> None:
    """The means over seeds."""
    keys = list(dict.fromkeys(key for row in rows.values() for r in row for key in r["scores"]))
    lines = []
    for variant, records in rows.items():
        found = [[r["scores"].get(key) for r in records] for key in keys]
        known = [[value for value in values if value is not None] for values in found]
        lines.append([variant, *(figure(float(np.mean(v)) if v else None) for v in known)])
    print_table(name, ["variant", *keys], lines)
