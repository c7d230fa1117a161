"""Studies: what a page of docs/experiments is measured by, and what most of them share.

A study's rows are functions of the seed, which changes data, source and network. `experiment` makes
the common kind: a recipe and its variants, judged on held-out points. Scores are those of
`gpa run` for the same settings; "seconds" is of the flow with its compilation.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from common import RESULTS, figure, machine, print_table, write_json
from matplotlib.figure import Figure
from scipy.spatial import cKDTree

from gparticles.evaluate.features import kd_lenet
from gparticles.evaluate.floors import choose_bandwidth, smoothed
from gparticles.evaluate.manifold import manifold
from gparticles.evaluate.memorisation import memorisation
from gparticles.evaluate.metrics import FLOORS, evaluate
from gparticles.evaluate.registry import REGISTRY
from gparticles.evaluate.wasserstein import w2
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
W2_POINTS = 1500
# of the median distance of a fresh point to its nearest target
NEAR = 0.1
# so many targets would hide the particles
MANY = 2000
Scores = Mapping[str, float]


class Found(NamedTuple):
    """What one row gave with one seed.

    Attributes:
        scores: numbers for the table.
        shown: what the picture needs of it.
        floors: scores of what stands beside the row, by the roles of docs/make_pages.py.
        about: what the result keeps besides.
    """

    scores: Scores
    shown: Any = None
    floors: Mapping[str, Scores] = {}
    about: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Study:
    """Rows, each a function of the seed, and a picture.

    Attributes:
        rows: a name for each and what measures it.
        draw: makes the picture from ``shown`` of every row, by its name, seed by seed.
        given: what the page has to know beside the rows.
        beside: rows for which the page can give no commands.
        variants: what the rows override, where they are variants of the recipe that is given.
        dpi: of the picture.
    """

    rows: Mapping[str, Callable[[int], Found]]
    draw: Callable[[dict[str, list[Any]]], Figure]
    given: Mapping[str, Any] = field(default_factory=dict)
    beside: Mapping[str, Callable[[int], Found]] = field(default_factory=dict)
    variants: Mapping[str, Sequence[str]] = field(default_factory=dict)
    dpi: int = 70

    def add_to(self, name: str, seeds: Sequence[int], rows: Sequence[str]) -> None:
        """Some rows, in the place of those of FOLDER/name.json; the others and the picture stay."""
        path, every = FOLDER / f"{name}.json", {**self.rows, **self.beside}
        record = json.loads(path.read_text())
        for row in rows:
            part = "rows" if row in self.rows else "beside"
            runs = [entry(seed, every[row](seed)) for seed in seeds]
            record.setdefault(part, {})[row] = runs
            show(name, {row: runs})
            # a row takes minutes, and what was measured is not lost with the next
            write_json(path, record)

    def carry_out(self, name: str, seeds: Sequence[int]) -> None:
        """Every row with every seed: measure, draw, print, and keep in FOLDER/name.json."""
        about: dict[str, Any] = {"machine": machine(), "seeds": list(seeds), **self.given}
        began, shown, kept = time.perf_counter(), {}, {"rows": {}, "beside": {}}
        for part, rows in (("rows", self.rows), ("beside", self.beside)):
            for row, measure in rows.items():
                every = [measure(seed) for seed in seeds]
                shown[row] = [found.shown for found in every]
                kept[part][row] = [entry(*pair) for pair in zip(seeds, every, strict=True)]
        PICTURES.mkdir(parents=True, exist_ok=True)
        drawn = self.draw({row: each for row, each in shown.items() if each[0] is not None})
        drawn.savefig(PICTURES / f"{name}.png", dpi=self.dpi, metadata={"Software": None})
        show(name, kept["rows"] | kept["beside"])
        about["took"] = time.perf_counter() - began
        write_json(FOLDER / f"{name}.json", about | {k: v for k, v in kept.items() if v})


def entry(seed: int, found: Found) -> dict[str, Any]:
    """One run as results keep it."""
    scores = {k: None if v is None else float(v) for k, v in found.scores.items()}
    return {"seed": seed, **found.about, "scores": scores, "floors": found.floors}


def show(name: str, rows: dict[str, list[Any]]) -> None:
    """The means over seeds."""
    keys = list(dict.fromkeys(key for row in rows.values() for r in row for key in r["scores"]))
    lines = []
    for variant, records in rows.items():
        found = [[r["scores"].get(key) for r in records] for key in keys]
        known = [[value for value in values if value is not None] for values in found]
        lines.append([variant, *(figure(float(np.mean(v)) if v else None) for v in known)])
    print_table(name, ["variant", *keys], lines)


# --- recipes ---


@lru_cache(maxsize=8)
def inputs_of(
    recipe: str, overrides: tuple[str, ...], seed: int, *, most: int = MAX_HELD_OUT
) -> tuple[Any, Inputs]:
    """The checked configuration of a recipe and its clouds, with so many held-out points."""
    config = check(with_overrides(read_recipe(recipe), (*COMMON, *overrides, f"seed={seed}")))
    return config, gather(config, max_held_out=most)


def flow_of(config: Any, inputs: Inputs, **changed: Any) -> tuple[Flow, dict[str, float]]:
    """The recipe's flow, and what is scored of its running."""
    began = time.perf_counter()
    flow = transport(**arguments(config, inputs) | changed)
    seconds = time.perf_counter() - began
    return flow, {"seconds": seconds, "failed": float("failed" in flow.outcome)}


def experiment(
    recipe: str,
    variants: Mapping[str, Sequence[str]],
    metrics: Sequence[str] = ("w2", "copy_rate", "nearest_ratio", "coverage"),
    *,
    also: Callable[[np.ndarray], Scores] = lambda _: {},
    draw: Callable[[dict[str, list[Any]]], Figure] | None = None,
) -> Study:
    """A recipe and what its variants override, judged by metrics of the registry and by more."""
    rows = {
        name: partial(run_one, recipe, overrides, metrics=metrics, also=also)
        for name, overrides in variants.items()
    }
    return Study(rows, draw or picture, {"recipe": recipe}, variants=variants)


def run_one(
    recipe: str,
    overrides: Sequence[str],
    seed: int,
    *,
    metrics: Sequence[str],
    also: Callable[[np.ndarray], Scores] = lambda _: {},
) -> Found:
    """One variant with one seed: its scores, and clouds to draw."""
    config, inputs = inputs_of(recipe, tuple(overrides), seed)
    flow, scores = flow_of(config, inputs)
    # nats per working unit, as is L
    scores |= {"top_speed": float(np.nanmax(flow.history["max_speed"])), **stride(flow)}
    about = {"outcome": flow.outcome, "overrides": list(overrides)}
    clouds = {"particles": flow.particles, "target": inputs.target}
    if not np.isfinite(flow.particles).all():
        return Found(scores, clouds, {}, about)
    judged, floors = judge(flow.particles, inputs, seed, metrics=metrics, also=also)
    return Found(scores | judged, clouds, floors, about)


def stride(flow: Flow) -> dict[str, float]:
    """How far, in data units, full speed takes a particle in the last step; {} without a bound."""
    last = np.diff(flow.history["time"])[-1:]
    if not (len(last) and np.isfinite(flow.lipschitz)):
        return {}
    return {"stride": float(last[0]) * flow.lipschitz * flow.scaling.unit**2}


def judge(
    particles: np.ndarray,
    inputs: Inputs,
    seed: int,
    *,
    metrics: Sequence[str],
    also: Callable[[np.ndarray], Scores] = lambda _: {},
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Scores of the particles; and of the source, fresh points and redrawn targets beside them."""
    fresh = None if inputs.fresh is None else inputs.fresh(len(particles))
    scores, floors = evaluated(particles, inputs, (inputs.held_out, fresh), seed, metrics)
    noise = choose_bandwidth(inputs.target.astype(np.float64), seed=1).value
    noisy = smoothed(inputs.target.astype(np.float64), len(particles), bandwidth=noise, seed=2)
    for role, cloud in (("source", inputs.source), ("smoothed", noisy), ("fresh", fresh)):
        if cloud is not None:
            floors.setdefault(role, {}).update(also(cloud))
    return scores | also(particles), floors


def evaluated(
    particles: np.ndarray,
    inputs: Inputs,
    judges: Any,
    seed: int,
    metrics: Sequence[str],
    **more: Any,
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Metrics of the registry, by unseen points and fresh ones, and those of the floors."""
    found = evaluate(
        particles,
        judges[0],
        target=inputs.target,
        fresh=judges[1],
        seed=stream(seed, "resampled"),
        metrics=[metric for metric in REGISTRY if metric.name in metrics],
        **more,
    )
    values = {name: each["value"] for name, each in found.items()}
    return values, {role: {name: e[role] for name, e in found.items()} for role in FLOORS}


# --- clouds ---


def scores_of(
    points: np.ndarray, target: np.ndarray, held_out: np.ndarray, *, w2_points: int = W2_POINTS
) -> dict[str, float]:
    """The distance to held-out points (of images KD-LeNet), copies, nearness and coverage."""
    near = memorisation(points, target, held_out)
    distance = (
        {"kd_lenet": kd_lenet(points, held_out)}
        if points.ndim > 2
        else {"w2": w2(points, held_out, max_points=w2_points).value}
    )
    return distance | {
        "copy_rate": near.copy_rate,
        "nearest_ratio": near.nearest_ratio,
        "coverage": manifold(points[:MAX_HELD_OUT], held_out).coverage,
    }


def near_copies(points: np.ndarray, target: np.ndarray, held_out: np.ndarray) -> float:
    """Share nearer to a target than a tenth of the median distance of fresh points."""
    tree = cKDTree(target)
    return float(np.mean(tree.query(points)[0] < NEAR * np.median(tree.query(held_out)[0])))


def picture(shown: dict[str, list[dict[str, np.ndarray]]]) -> Figure:
    """The first seed's particles on the target, in rows of four; many targets are left out."""
    columns = min(len(shown), 4)
    rows = -(-len(shown) // columns)
    page = Figure(figsize=(4.2 * columns, 4.2 * rows), layout="constrained")
    for k, (title, (clouds, *_)) in enumerate(shown.items()):
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
