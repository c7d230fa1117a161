"""Augmenting a small data set: the flow's points beside the few, and what a GAN makes of both."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

import gparticles
from gparticles.augment.gans import GanOptions, Space, Training
from gparticles.augment.verdict import judged_words, means
from gparticles.errors import InputError
from gparticles.experiment import runs
from gparticles.experiment.config import Config
from gparticles.experiment.evaluation import MAX_HELD_OUT
from gparticles.experiment.folder import RunFolder
from gparticles.experiment.inputs import Inputs
from gparticles.experiment.mixed_runs import as_numbers
from gparticles.experiment.provenance import stream
from gparticles.experiment.recipes import Recipe, cloud_given, packaged, read_recipe, with_overrides
from gparticles.gan import GAN
from gparticles.tables import made_up_ids

ROWS = 5000
METRICS = ("w2", "energy", "kd_lenet", "copy_rate", "nearest_ratio", "coverage")
FEW, AUGMENTED = "few", "augmented"
TITLES = {FEW: "the few rows", AUGMENTED: "all rows"}


@dataclass(frozen=True)
class Augmentation:
    """What was made: the files, and how near to held-out rows everything came.

    Attributes:
        data: the few rows and the new ones in one file.
        rows: how many of each.
        metrics: as in ``metrics.json``.
        folder: where everything is.
    """

    data: Path
    rows: tuple[int, int]
    metrics: dict[str, Any]
    folder: Path

    def lines(self) -> Sequence[str]:
        """What the user reads."""
        few, new = self.rows
        return (
            f"{few} rows and {new} new ones: {self.data}",
            self.metrics["verdict"]["sentence"],
            f"figures:   {self.folder / 'figures'} (loss.png, samples.png)",
            f"the flow:  {self.folder / 'gpa' / 'report.html'} (open it in a browser)",
        )


def recipe_of(target: str, columns: dict[str, str]) -> Recipe:
    """A recipe, by its name or path, or one for a file or a dataset with noise for its source.

    Args:
        target: as given.
        columns: ``id_column`` and ``label_column`` of a file, as far as they were given.
    """
    path = Path(target)
    if target.endswith(".toml") or (target in packaged() and not path.exists()):
        recipe = with_overrides(read_recipe(target), ())
        if "file" not in recipe.keys.get("source", {}):
            recipe.keys.setdefault("n", ROWS)
    else:
        cloud = cloud_given(target, "target", recipes=packaged())
        keys = {"n": ROWS, "source": {"noise": "gaussian"}, "target": cloud}
        name = path.name.split(".")[0] or "data"
        recipe = Recipe(name, "the command line", keys, Path.cwd())
    if columns:
        section = recipe.keys.get("target")
        if not isinstance(section, dict) or "file" not in section:
            option = next(iter(columns)).replace("_", "-")
            raise InputError(f"--{option}: is for a target in a file; leave it out")
        section.update(columns)
    return recipe


def augment(
    config: Config,
    out: str | Path,
    options: GanOptions,
    *,
    resume: bool = False,
    callbacks: Sequence[Callable[[Any], Any]] = (),
    say: runs.Say,
) -> Augmentation:
    """Makes new rows by the flow, trains GANs with and without them, and writes the folder.

    Args:
        config: of the flow; its source is noise or a sampler, its target the few rows.
        out: the folder, new or empty, or an unfinished one's with ``resume``.
        options: of the GANs.
        resume: continue the flow from its checkpoint; the GANs are trained anew.
        callbacks: called after every chunk of steps of the flow and of each GAN.
        say: called with lines that the user should read.

    Raises:
        InputError: anything that the user can mend; before the folder is made if it concerns the
            input.
    """
    folder = RunFolder(out)
    folder.check(resume=resume)
    # a GAN takes numbers, in units of their columns
    config = as_numbers(config)
    ready = runs.make_ready(config)
    inputs = ready.inputs
    runs.check_same_run(folder, config.to_dict())
    folder.begin(_config_text(config, options))
    began = time.monotonic()
    new = _flow_points(ready, folder, callbacks=callbacks, say=say)
    data = _save_augmented(inputs, folder, new)
    # where the codec encodes nothing, GANs learn in pixels
    begun = ready.codec is not None and ready.codec.begins
    place = (None, inputs) if begun else (ready.codec, ready.moved)
    space = Space(*place, inputs, ready.arguments)
    training = Training(config, space, options, tuple(callbacks))
    gans = {FEW: training.gans(), AUGMENTED: training.gans(new)}
    samples = {name: [training.sample(g, len(new)) for g in each] for name, each in gans.items()}
    for name, clouds in samples.items():
        labels = training.labels(len(new))
        folder.write_points(f"gan-{name}", clouds[0], like=inputs.like, labels=labels)
    _write_history(folder, gans)
    drawn = {f"GAN on {TITLES[name]}": clouds[0] for name, clouds in samples.items()}
    _draw(folder, space, {"the flow's rows": new, **drawn}, gans)
    metrics = _metrics(config, space, {"flow": [new], **samples})
    ends = {name: [gan.outcome for gan in each] for name, each in gans.items()}
    metrics |= {
        "gan_steps": {"value": options.steps, "outcomes": ends},
        "seconds": {"value": round(time.monotonic() - began, 3), "unit": "s"},
    }
    folder.finish(metrics)
    return Augmentation(data, (len(inputs.target), len(new)), metrics, folder.path)


def _config_text(config: Config, options: GanOptions) -> str:
    again = f"gpa augment --target config.toml --gan-steps {options.steps} --out ANOTHER"
    head = f"# written by gparticles {gparticles.__version__}; {again} repeats this"
    return f"{head}\n{tomli_w.dumps(config.to_dict())}"


def _flow_points(
    ready: runs.ReadyRun, folder: RunFolder, *, callbacks: Sequence[Any], say: runs.Say
) -> np.ndarray:
    """The flow's particles, from a run folder inside, which may be there from before."""
    inner = RunFolder(folder.path / "gpa")
    if inner.finished:
        return np.asarray(inner.flow().particles)
    made = runs.run(
        ready.config, inner.path, resume=inner.begun, ready=ready, callbacks=callbacks, say=say
    )
    if made.flow.outcome.startswith("failed"):
        raise InputError(f"{inner}: the flow {made.flow.outcome}")
    return np.asarray(made.flow.particles)


def _save_augmented(inputs: Inputs, folder: RunFolder, new: np.ndarray) -> Path:
    """The few rows as they came and the new ones below, with identifiers and classes."""
    few = inputs.table
    ids = None if few.ids is None else [*few.ids, *made_up_ids(len(new))]
    labels = None
    if inputs.kept_labels is not None and few.labels is not None:
        labels = np.concatenate([few.labels, inputs.kept_labels])
    rows = np.concatenate([inputs.target, new])
    return folder.write_points("augmented", rows, like=inputs.like, ids=ids, labels=labels)


def _write_history(folder: RunFolder, gans: dict[str, list[GAN]]) -> None:
    """The first GANs' losses; one that failed has fewer steps, which stay empty."""
    curves = {name: each[0].history["divergence"].astype(np.float64) for name, each in gans.items()}
    longest = max(map(len, curves.values()))
    ends = {name: np.full(longest - len(curve), np.nan) for name, curve in curves.items()}
    folder.write_history({k: np.concatenate([curve, ends[k]]) for k, curve in curves.items()})


def _draw(
    folder: RunFolder, space: Space, clouds: dict[str, np.ndarray], gans: dict[str, list[GAN]]
) -> None:
    from gparticles.plots.losses import save_loss, save_samples

    figures = folder.subfolder("figures")
    curves = {
        f"GAN on {TITLES[name]}": [g.history["divergence"] for g in each]
        for name, each in gans.items()
    }
    save_loss(curves, figures / "loss.png")
    shown = {name: space.displayed(cloud) for name, cloud in clouds.items()}
    columns = space.each_column
    save_samples(space.judged.target, shown, figures / "samples.png", each_column=columns)


def _metrics(config: Config, space: Space, clouds: dict[str, list[np.ndarray]]) -> dict[str, Any]:
    """Every cloud beside the floors, and in words whether it helped."""
    inputs = space.judged
    if inputs.held_out is None:
        return {"verdict": {"sentence": judged_words(None)}}
    from gparticles.evaluate.metrics import evaluate
    from gparticles.evaluate.registry import REGISTRY

    count = min(len(clouds["flow"][0]), MAX_HELD_OUT)
    measured = {
        name: [
            evaluate(
                space.displayed(cloud),
                inputs.held_out,
                target=inputs.target,
                fresh=None if inputs.fresh is None else inputs.fresh(count),
                bounds=None if inputs is not space.data else space.arguments["bounds"],
                each_column=space.each_column,
                seed=stream(config.seed, "resampled"),
                metrics=[metric for metric in REGISTRY if metric.name in METRICS],
            )
            for cloud in made
        ]
        for name, made in clouds.items()
    }
    scores = means(measured)
    return {**scores, "verdict": {"sentence": judged_words(scores)}}
