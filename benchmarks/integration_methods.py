"""Ways to correct a batch: each is fitted to training samples and corrects samples it has not seen.

A method takes a ``Task`` and returns `Corrected`: the held-out source and the held-out target after
it, in the space of genes or, where a method knows no genes, in the principal components.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

import gparticles as gpa
from gparticles.latent.classes import grouped
from gparticles.latent.residuals import Residuals, moments

LATENT_DIM = 50
Array = np.ndarray


@dataclass
class Task:
    """Training and held-out samples of a source and a target, shapes (., genes)."""

    source: Array
    target: Array
    new_source: Array
    new_target: Array
    seed: int
    labels: dict[str, Array] = field(default_factory=dict)
    codec: Any = None

    def __post_init__(self) -> None:
        both = np.concatenate([self.source, self.target])
        self.codec = gpa.PCA(LATENT_DIM).fit(both, seed=self.seed)


class Corrected(NamedTuple):
    """Genes of the held-out source and target, or None; and their principal components."""

    genes: tuple[Array, Array] | None
    latents: tuple[Array, Array]


Method = Callable[[Task], Corrected]


def of_genes(task: Task, source: Array) -> Corrected:
    """A corrected gene matrix, whose components are those of the training samples."""
    genes = source, task.new_target
    return Corrected(genes, (task.codec.encode(source), task.codec.encode(task.new_target)))


def none(task: Task) -> Corrected:
    return of_genes(task, task.new_source)


def centring(task: Task) -> Corrected:
    return of_genes(task, task.new_source - task.source.mean(axis=0) + task.target.mean(axis=0))


def z_score(task: Task) -> Corrected:
    gain = task.target.std(axis=0) / np.maximum(task.source.std(axis=0), 1e-12)
    moved = (task.new_source - task.source.mean(axis=0)) * gain + task.target.mean(axis=0)
    return of_genes(task, moved)


def combat(task: Task) -> Corrected:
    """ComBat of the training samples, the target as its reference batch.

    It has no transform for new samples, but is affine in every gene and batch: two training samples
    say which map it is, and a third that there is no other.
    """
    from inmoose.pycombat import pycombat_norm

    both = np.concatenate([task.source, task.target])
    batches = np.repeat([0, 1], [len(task.source), len(task.target)]).tolist()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = np.asarray(pycombat_norm(both.T, batches, ref_batch=1)).T[: len(task.source)]
    gain, offset = affine_between(task.source, found)
    return of_genes(task, gain * task.new_source + offset)


def affine_between(before: Array, after: Array) -> tuple[Array, Array]:
    """Gains and offsets of the columns that took the one to the other; asserts that they did."""
    low, high = before.argmin(axis=0), before.argmax(axis=0)
    columns = np.arange(before.shape[1])
    spread = before[high, columns] - before[low, columns]
    gain = (after[high, columns] - after[low, columns]) / np.maximum(spread, 1e-12)
    offset = after[low, columns] - gain * before[low, columns]
    assert np.abs(gain * before + offset - after).max() < 1e-6 * np.abs(after).max()
    return gain, offset


def harmony(*, centred: bool = False, **settings: Any) -> Method:
    """harmonypy, which has no transform for new samples: fitted to the held-out ones as well."""

    def method(task: Task) -> Corrected:
        source, target = (task.codec.encode(x) for x in (task.source, task.target))
        new = [task.codec.encode(x) for x in (task.new_source, task.new_target)]
        shift = (target.mean(axis=0) - source.mean(axis=0)) * centred
        parts = [source + shift, new[0] + shift, target, new[1]]
        sizes = [len(part) for part in parts]
        names = np.repeat(["source", "source", "target", "target"], sizes)
        found = harmony_of(np.concatenate(parts), names, random_state=task.seed, **settings)
        ends = np.cumsum(sizes)
        return Corrected(None, (found[ends[0] : ends[1]], found[ends[2] : ends[3]]))

    return method


def harmony_of(latents: Array, batches: Array, **settings: Any) -> Array:
    """harmonypy's corrected embedding, shape (n, k)."""
    import logging

    import harmonypy
    import pandas

    logging.getLogger("harmonypy").setLevel(logging.ERROR)
    meta = pandas.DataFrame({"batch": batches})
    found = harmonypy.run_harmony(latents, meta, "batch", verbose=False, **settings)
    moved = np.asarray(found.Z_corr)
    return moved if moved.shape == latents.shape else moved.T


def through_latents(fit: Callable[[Array, Array], Callable[[Array], Array]]) -> Method:
    """A method of latents: what the components do not hold is centred and scaled as by default."""

    def method(task: Task) -> Corrected:
        codec = task.codec
        latents = codec.encode(task.source), codec.encode(task.target)
        move = fit(*latents)
        each = [
            moments(x, codec.decode(z), grouped(z, np.full(len(z), 1 / len(z))))
            for x, z in zip((task.source, task.target), latents, strict=True)
        ]
        before = codec.encode(task.new_source)
        restore = Residuals(scale=True).fit(*each).restore
        genes = restore(task.new_source, codec.decode(before), codec.decode(move(before)))
        return of_genes(task, genes)

    return method


def pot_exact(source: Array, target: Array) -> Callable[[Array], Array]:
    import ot

    return ot.da.EMDTransport().fit(Xs=source, Xt=target).transform


def pot_entropic(share: float) -> Callable[[Array, Array], Callable[[Array], Array]]:
    """Regularised by this share of the median cost."""

    def fit(source: Array, target: Array) -> Callable[[Array], Array]:
        import ot

        found = ot.da.SinkhornTransport(reg_e=share, norm="median", max_iter=2000)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return found.fit(Xs=source, Xt=target).transform

    return fit


def flow(**settings: Any) -> Method:
    """`LatentGPA` with these settings in the place of its defaults."""

    def method(task: Task) -> Corrected:
        given = {"latent_dim": LATENT_DIM, "seed": task.seed} | settings
        model = gpa.LatentGPA(**given).fit(task.source, task.target)
        return of_genes(task, model.transform(task.new_source))

    return method


def tight(task: Task) -> Corrected:
    potential = gpa.tight_mlp(LATENT_DIM, width=64, seed=task.seed)
    return flow(**PLAIN, potential=potential)(task)


def affine_only(task: Task) -> Corrected:
    """The default without its flow: one step of no length."""
    return flow(steps=1, step_size=1e-30, fit_steps=1)(task)


PLAIN = {"columns": None, "align": None, "overlap": None, "steps": 1000, "step_size": 0.5}

METHODS: dict[str, Method] = {
    "none": none,
    "centring": centring,
    "z-score": z_score,
    "ComBat": combat,
    "harmonypy": harmony(),
    "harmonypy, sigma 0.5": harmony(sigma=0.5),
    "harmonypy after centring": harmony(centred=True),
    "POT exact": through_latents(pot_exact),
    "POT entropic, 0.02": through_latents(pot_entropic(0.02)),
    "POT entropic, 0.1": through_latents(pot_entropic(0.1)),
    "gparticles": flow(),
    "gparticles, residuals not scaled": flow(scale_residual=False),
    "gparticles, columns not matched": flow(columns=None),
    "gparticles, no flow": affine_only,
    "gparticles, flow only (transport's defaults)": flow(**PLAIN),
    "gparticles, flow only, tight": tight,
}
VARIANTS: dict[str, Method] = {
    "none": none,
    "default": flow(),
    "no flow": affine_only,
    "columns not matched": flow(columns=None),
    "no Gaussian map": flow(align=None),
    **{f"shrinkage {a:g}": flow(align=gpa.GaussianMap(a)) for a in (0.1, 0.3, 0.8)},
    "20 steps": flow(steps=20),
    "100 steps": flow(steps=100),
    "50 steps of 0.5": flow(step_size=0.5),
    "1000 steps of 0.5, HeldOut": flow(step_size=0.5, steps=1000, stop=gpa.HeldOut()),
    "L = 0.3": flow(lipschitz=0.3),
    "ReverseKL": flow(f=gpa.ReverseKL()),
}
