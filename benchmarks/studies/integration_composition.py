"""Batches of different composition: made-up designs and real data, no method sees labels.

    pip install gparticles[bench]
    python benchmarks/run.py integration-composition
    python benchmarks/run.py integration-composition --choose
    python benchmarks/run.py integration-composition --breast-er breast_er.npz \
        --stem-studies stem_studies.npz

Seeds 0 to 4 by default; settings, ours and harmonypy's, were chosen on designs of other seeds
(``--choose``, which also has our way onto the pool). What the designs are says
benchmarks/batch_designs.py. Own class is the share of a sample's 30 neighbours that are of its
class, mixing that of other batches among neighbours of its class over what chance gives, error what
is left of the distance to the truth. In a second fit a fifth of the samples is held out and carried
along, and scored among all; methods without a transform were fitted to these as well.
"""

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from batch_designs import COMPOSITIONS, EFFECTS, Array, Design, design, mixing_within, own_class
from batch_designs import scores as scores_of
from common import RESULTS, machine, print_means, seconds_of, write_json
from integration_methods import affine_between, harmony_of

import gparticles as gpa
from gparticles.integration.batches import Batches, carried_by, fit, moved_by
from gparticles.latent import move_latents

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "integration-composition.png"
CHOOSING = (100, 101, 102)
MEASURES = {"own": "own class", "mixing": "mixing within classes", "error": "error left"}
# points, batches, and a mask of the samples that may be fitted to; the others are carried along
Method = Callable[[Array, Array, Array], Array]
# of every batch, in a second fit
HELD_OUT = 0.2


def ours(
    points: Array, batches: Array, fitted: Array, *, reference: str | None = "0", **changed: Any
) -> Array:
    """As ``gpa.integrate`` moves a basis."""
    every = Batches(points=points, names=batches.astype(str), reference=reference, **changed)
    part, whole = every.part(fitted), bool(fitted.all())
    flows = fit(part, partial(move_latents, store=gpa.Store(potentials=not whole, frames=2)))
    moved = moved_by(flows, part)
    if whole:
        return moved
    every_moved = np.empty_like(points)
    every_moved[fitted], every_moved[~fitted] = moved, carried_by(flows, every.part(~fitted))
    return every_moved


def centring(points: Array, batches: Array, fitted: Array) -> Array:
    moved = points.copy()
    middle = points[(batches == 0) & fitted].mean(axis=0)
    for name in np.unique(batches)[1:]:
        rows = batches == name
        moved[rows] += middle - points[rows & fitted].mean(axis=0)
    return moved


def combat(points: Array, batches: Array, fitted: Array) -> Array:
    from inmoose.pycombat import pycombat_norm

    known, names = points[fitted], batches[fitted]
    corrected = np.asarray(pycombat_norm(known.T, names.tolist(), ref_batch=0)).T
    moved = points.copy()
    for name in np.unique(batches):
        gain, offset = affine_between(known[names == name], corrected[names == name])
        moved[batches == name] = gain * points[batches == name] + offset
    return moved


def harmony(points: Array, batches: Array, _: Array, **settings: Any) -> Array:
    return harmony_of(points, batches.astype(str), random_state=0, **settings)


def pot(points: Array, batches: Array, fitted: Array) -> Array:
    import ot

    moved, target = points.copy(), points[(batches == 0) & fitted]
    for name in np.unique(batches)[1:]:
        rows = batches == name
        plan = ot.da.EMDTransport().fit(Xs=points[rows & fitted], Xt=target)
        moved[rows & fitted] = plan.transform(points[rows & fitted])
        if not fitted.all():
            moved[rows & ~fitted] = plan.transform(points[rows & ~fitted])
    return moved


def scanorama(points: Array, batches: Array, _: Array) -> Array:
    from scanorama import assemble

    names = np.unique(batches)
    parts = [points[batches == name].copy() for name in names]
    k = min(20, min(map(len, parts)) - 1)
    moved = points.copy()
    for name, part in zip(names, assemble(parts, verbose=0, approx=False, knn=k), strict=True):
        moved[batches == name] = part
    return moved


METHODS: dict[str, Method] = {
    "none": lambda points, *_: points,
    "centring": centring,
    "ComBat": combat,
    "harmonypy": harmony,
    "harmonypy, tuned": partial(harmony, sigma=0.1, theta=1.0),
    "POT exact": pot,
    "scanorama": scanorama,
    "gparticles before (no overlap)": partial(ours, overlap=None),
    "gparticles": ours,
}
# these know no new samples: they were fitted to the held-out ones as well
WITHOUT_TRANSFORM = ("harmonypy", "harmonypy, tuned", "scanorama")
VARIANTS: dict[str, Method] = {
    "none": METHODS["none"],
    "onto the pool": partial(ours, reference=None),
    **{
        f"harmonypy, sigma {sigma:g}, theta {theta:g}": partial(harmony, sigma=sigma, theta=theta)
        for sigma in (0.1, 0.2, 0.4)
        for theta in (1.0, 2.0, 4.0)
    },
    **{f"reach {r:g}": partial(ours, overlap=gpa.Overlap(reach=r)) for r in (0.35, 0.7, 1.4)},
    **{
        f"price of distance {p:g}": partial(ours, overlap=gpa.Overlap(distance_price=p))
        for p in (0.01, 0.1)
    },
}


def moved_quietly(method: Method, made: Design, fitted: Array | None = None) -> Array:
    """All samples after a method that was fitted to those of a mask, or to all."""
    mask = np.ones(len(made.points), bool) if fitted is None else fitted
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return method(made.points, made.batches, mask)


def measured(method: Method, made: Design, *, transforms: bool | None) -> dict[str, Any]:
    """Scores of one method on one design, with seconds, and of samples that were held out.

    Args:
        method: what corrects.
        made: the batches.
        transforms: whether it carries samples that it was not fitted to; None to hold none out.
    """
    seconds, moved = seconds_of(lambda: moved_quietly(method, made))
    found: dict[str, Any] = scores_of(made, moved) | {"seconds": seconds}
    if transforms is None:
        return found
    fitted = fitted_part(made.batches)
    carried = moved_quietly(method, made, fitted) if transforms else moved
    return found | {"held_out": scores_of(made, carried, ~fitted)}


def fitted_part(batches: Array) -> Array:
    """A mask that leaves as many samples of equal batches, so that little is compiled anew."""
    generator, fitted = np.random.default_rng(0), np.ones(len(batches), bool)
    for name in np.unique(batches):
        rows = generator.permutation(np.flatnonzero(batches == name))
        fitted[rows[: round(HELD_OUT * len(rows))]] = False
    return fitted


# --- real data ---


def stem(path: Path, _: int) -> Design:
    """Four studies of stem cells, in 20 components."""
    with np.load(path, allow_pickle=False) as file:
        points, studies, cells = file["X"].astype(float), file["study"], file["cell"]
    return _real("stem studies", gpa.PCA(20).fit(points).encode(points), studies, cells)


def breast(path: Path, seed: int) -> Design:
    """VDX at 70 % ER positive, expO at 30 %, in 20 components."""
    generator = np.random.default_rng(seed)
    with np.load(path, allow_pickle=False) as file:
        parts = []
        for name, share in (("vdxs", 0.7), ("expos", 0.3)):
            values, status = file[f"{name}_X"].astype(float), file[f"{name}_er"]
            found = [generator.permutation(np.flatnonzero(status == er)) for er in (1, 0)]
            size = min(len(found[0]) / share, len(found[1]) / (1 - share))
            counts = round(size * share), round(size * (1 - share))
            rows = np.concatenate([f[:n] for f, n in zip(found, counts, strict=True)])
            parts.append((values[rows], np.full(len(rows), name == "expos"), status[rows]))
    points, batches, status = (np.concatenate(part) for part in zip(*parts, strict=True))
    components = gpa.PCA(20).fit(points).encode(points)
    return _real("expO and VDX, 30/70 and 70/30", components, batches, status)


def blood(seed: int) -> Design:
    """pbmc68k_reduced of scanpy's wheel, three batches of unequal composition, made effects."""
    import scanpy

    cells = scanpy.datasets.pbmc68k_reduced()
    generator = np.random.default_rng(seed)
    points = np.asarray(cells.obsm["X_pca"], float)[:, :20]
    labels = np.asarray(cells.obs["bulk_labels"]).astype(str)
    kinds = np.unique(labels)
    tastes = dict(zip(kinds, generator.dirichlet(np.ones(3), size=len(kinds)), strict=True))
    batches = np.array([generator.choice(3, p=tastes[label]) for label in labels])
    units, truth = points.std(axis=0), points.copy()
    points = points.copy()
    for name in (1, 2):
        rows = batches == name
        stretch = generator.uniform(0.85, 1.2, points.shape[1])
        points[rows] = points[rows] * stretch + 0.5 * units * generator.normal(size=len(units))
    return Design("pbmc68k_reduced", points, truth, batches, labels)


def _real(name: str, points: Array, batches: Array, classes: Array) -> Design:
    names = np.unique(batches, return_inverse=True)[1]
    return Design(name, points, np.full_like(points, np.nan), names, classes)


def real(method: Method, made: Design) -> dict[str, float]:
    """As far as no truth is needed."""
    moved = moved_quietly(method, made)
    k = min(30, int(np.unique(made.classes, return_counts=True)[1].min()) - 1)
    mixing = mixing_within(moved, made.batches, made.classes)
    return {"own": own_class(moved, made.classes, k=max(5, k)), "mixing": mixing}


def picture(path: Path) -> None:
    """One batch of two classes and two of one each: before, with means matched, and now."""
    from gparticles.plots.before_after import View, before_after_figure

    made = design("single", "affine", seed=0)
    names = {"before": "none", "Gaussian maps and flows alone": "gparticles before (no overlap)"}
    views = {}
    for title, name in {**names, "with the overlap": "gparticles"}.items():
        moved = moved_quietly(METHODS[name], made)
        components = gpa.PCA(2).fit(moved).encode(moved)
        views[title] = View(components, ("principal component 1", "principal component 2"))
    groups = {"batch": made.batches.astype(str), "class": made.classes.astype(str)}
    figure = before_after_figure(views, groups)
    figure.savefig(path, dpi=70, metadata={"Software": None})


def run(
    *,
    choose: bool = False,
    seeds: tuple[int, ...] = (),
    methods: tuple[str, ...] = (),
    breast_er: Path | None = None,
    stem_studies: Path | None = None,
) -> None:
    """Every method on every design; with files, on real data too."""
    seeds = seeds or (CHOOSING if choose else (0, 1, 2, 3, 4))
    chosen = {
        name: method
        for name, method in (VARIANTS if choose else METHODS).items()
        if not methods or any(part in name for part in methods)
    }
    made = {s: [design(c, e, seed=s) for c in COMPOSITIONS for e in EFFECTS] for s in seeds}
    record: dict[str, Any] = {"machine": machine(), "seeds": seeds, "methods": {}, "real": {}}
    others: list[Callable[[int], Design]] = [] if choose else [blood]
    others += [] if stem_studies is None else [partial(stem, stem_studies)]
    others += [] if breast_er is None else [partial(breast, breast_er)]
    for name, method in chosen.items():
        transforms = None if choose else name not in WITHOUT_TRANSFORM
        rows = [
            measured(method, d, transforms=transforms) | {"design": d.name, "seed": s}
            for s in seeds
            for d in made[s]
        ]
        record["methods"][name] = rows
        record["real"][name] = [
            real(method, d) | {"data": d.name} for s in seeds for d in (o(s) for o in others)
        ]
        if not methods:
            kind = "integration-composition-choice" if choose else "integration-composition"
            write_json(RESULTS / f"{kind}.json", record)
        print_means(name, {name: rows}, MEASURES | {"seconds": "s"})
    if not (choose or methods):
        picture(PICTURE)
