"""The metrics: what an evaluation takes, and what other packages make of the same clouds.

    python benchmarks/run.py metrics time
    python benchmarks/run.py metrics compare

The first judges 5000 particles, in a process that has imported JAX and nothing else, as a run has.
The second needs, in an environment of its own beside gparticles, any of geomloss, prdc, harmonypy
and scib-metrics; a package that is not installed is left out. geomloss's cost has a factor 1/2.
"""

import importlib.util
import time
from collections.abc import Iterator

import numpy as np


def clouds(dim: int) -> dict[str, np.ndarray]:
    """200 targets, 2000 held-out and 2000 fresh points, and 5000 noisy targets for particles."""
    generator = np.random.default_rng(0)

    def law(n: int) -> np.ndarray:
        latent = generator.normal(size=(n, 3))
        return latent @ np.eye(3, dim) * 3 + generator.normal(size=(n, dim)) ** 3

    target = law(200)
    particles = target[generator.integers(200, size=5000)] + generator.normal(size=(5000, dim))
    return {"target": target, "particles": particles, "held_out": law(2000), "fresh": law(2000)}


def times() -> None:
    """Seconds of one evaluation in 3 and in 64 dimensions; the first one imports."""
    import jax  # noqa: F401  # a run has it already

    for name, dim in (("3-D, with imports", 3), ("3-D", 3), ("64-D", 64)):
        cloud = clouds(dim)
        began = time.perf_counter()
        from gparticles.evaluate.metrics import evaluate

        found = evaluate(
            cloud["particles"], cloud["held_out"], target=cloud["target"], fresh=cloud["fresh"]
        )
        print(f"{name}: {time.perf_counter() - began:.1f} s for {len(found)} metrics")


Rows = Iterator[tuple[str, float, float]]


def _sinkhorn() -> Rows:
    import geomloss
    import torch

    from gparticles.evaluate.wasserstein import sinkhorn_divergence

    x, y = np.random.default_rng(1).normal(size=(2, 400, 3))
    y = 1.5 * y + 1
    for blur in (1.0, 2.0):
        loss = geomloss.SamplesLoss("sinkhorn", p=2, blur=blur, scaling=0.99, backend="tensorized")
        theirs = 2 * float(loss(torch.tensor(x), torch.tensor(y)))
        ours = sinkhorn_divergence(x, y, epsilon=2 * blur**2)
        yield f"Sinkhorn divergence, blur {blur}", ours, theirs


def _manifold() -> Rows:
    import prdc

    from gparticles.evaluate.manifold import manifold

    fake, real = np.random.default_rng(2).normal(size=(2, 500, 8))
    fake = 1.3 * fake
    theirs = prdc.compute_prdc(real_features=real, fake_features=fake, nearest_k=5)
    for name, value in manifold(fake, real, k=5)._asdict().items():
        yield name, value, float(theirs[name])


def _batches() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(3)
    batches = generator.integers(3, size=600)
    return generator.normal(size=(600, 5)) + 0.7 * batches[:, None], batches


def _lisi() -> Rows:
    import harmonypy
    import pandas

    from gparticles.evaluate.mixing import lisi

    points, batches = _batches()
    frame = pandas.DataFrame({"batch": batches.astype(str)})
    theirs = harmonypy.compute_lisi(points, frame, ["batch"], perplexity=30)[:, 0]
    ours = lisi(points, batches)
    yield "LISI, median", float(np.median(ours)), float(np.median(theirs))
    yield "LISI, largest difference", float(np.abs(ours - theirs).max()), 0.0


def _scib() -> Rows:
    import scib_metrics
    from scib_metrics.nearest_neighbors import pynndescent

    from gparticles.evaluate.mixing import ilisi, silhouette

    points, batches = _batches()
    near = pynndescent(points, n_neighbors=90, random_state=0)
    theirs = scib_metrics.ilisi_knn(near, batches, perplexity=30)
    yield "iLISI, rescaled to 0..1", (ilisi(points, batches) - 1) / 2, float(theirs)
    labels = scib_metrics.silhouette_label(points, batches, rescale=False)
    yield "silhouette", silhouette(points, batches), float(labels)


RIVALS = {"geomloss": _sinkhorn, "prdc": _manifold, "harmonypy": _lisi, "scib_metrics": _scib}
CHOICES = {"what": ("time", "compare")}


def compare() -> None:
    """Ours beside theirs, for every package that is installed."""
    for package, rows in RIVALS.items():
        if importlib.util.find_spec(package) is None:
            print(f"{package}: left out, not installed")
            continue
        for name, ours, theirs in rows():
            print(f"{package}: {name}: {ours:.6g} here, {theirs:.6g} there")


def run(what: str) -> None:
    """Either of the two."""
    compare() if what == "compare" else times()
