"""The kind of study whose rows are ways to make digits, with pictures of digits."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from common import machine, write_json
from digit_runs import Frames, Run, record, scores_of_rows
from matplotlib.figure import Figure
from study import FOLDER, PICTURES, show

from gparticles.evaluate.pairwise import nearest
from gparticles.evaluate.pairwise import rows as as_rows
from gparticles.experiment.inputs import Inputs
from gparticles.plots.images import image_grid

# of a picture's row
COLUMNS = 20


def beside_training(made: Frames) -> np.ndarray:
    """Some particles, class by class, and below each its nearest training digit."""
    images, labels = made.images[-1], made.inputs.labels
    order = np.arange(len(images)) if labels is None else np.argsort(labels, kind="stable")
    chosen = order[np.linspace(0, len(order) - 1, COLUMNS).round().astype(int)]
    _, index = nearest(as_rows(images[chosen]), as_rows(made.inputs.target))
    return np.concatenate([images[chosen], made.inputs.target[index]])


@dataclass(frozen=True)
class DigitStudy:
    """Ways to make digits, over seeds.

    Attributes:
        variants: the runs, by their rows' names.
        beside: what else is judged: images of as many particles, from the inputs and the seed.
        also: more scores of images, whose rows are those of the source.
        picture: what is shown of a run, in rows of COLUMNS images.
        caption: what the picture's rows are.
    """

    variants: Mapping[str, Run]
    beside: Mapping[str, Callable[[Inputs, int], np.ndarray]] = field(default_factory=dict)
    also: Callable[[np.ndarray, Inputs], dict[str, float]] = field(default=lambda *_: {})
    picture: Callable[[Frames], np.ndarray] = beside_training
    caption: str = "below, the nearest training digits"

    def carry_out(self, name: str, seeds: Sequence[int]) -> None:
        """Every variant with every seed: run, draw, show and keep."""
        before = machine()
        found: dict[str, list[Any]] = {}
        beside: dict[str, list[Any]] = {}
        panels: dict[str, np.ndarray] = {}
        for variant, run in self.variants.items():
            for seed in seeds:
                entry, made = record(run, seed)
                entry["scores"] |= self.also(made.images[-1], made.inputs)
                # a page gives commands for recipes alone
                rows = found if run.codec is None else beside
                rows.setdefault(variant, []).append(entry)
                if variant not in panels:
                    panels[variant] = self.picture(made)
        beside |= self._others(seeds)
        self._draw(name, panels)
        show(name, found | beside)
        recipe = next(iter(self.variants.values())).recipe
        kept = {"machine": before, "recipe": recipe, "seeds": [*seeds], "rows": found}
        write_json(FOLDER / f"{name}.json", kept | {"beside": beside})

    def _others(self, seeds: Sequence[int]) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {name: [] for name in self.beside}
        first = next(iter(self.variants.values()))
        for seed in seeds if found else ():
            _, inputs = first.inputs(seed)
            for name, make in self.beside.items():
                images = make(inputs, seed)
                of = scores_of_rows(images, inputs, seed=seed) | self.also(images, inputs)
                found[name].append({"seed": seed, "overrides": [], "scores": of, "floors": {}})
        return found

    def _draw(self, name: str, panels: dict[str, np.ndarray]) -> None:
        heights = [len(images) // COLUMNS for images in panels.values()]
        page = Figure(figsize=(11, 0.62 * sum(heights) + 0.3 * len(heights)), layout="constrained")
        axes = page.subplots(len(panels), 1, height_ratios=heights, squeeze=False)[:, 0]
        for at, (title, images) in zip(axes, panels.items(), strict=True):
            image_grid(at, images, columns=COLUMNS)
            at.set_title(f"{title}; {self.caption}", fontsize=10, loc="left")
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.savefig(PICTURES / f"{name}.png", dpi=80, metadata={"Software": None})
