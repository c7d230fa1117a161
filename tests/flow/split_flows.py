"""Run by tests as processes of their own: how many devices there are is fixed when JAX begins.

python split_flows.py devices OUT COUNT        some kinds of flow, on one device and on COUNT
python split_flows.py rest OUT COUNT           the other kinds
python split_flows.py resume OUT COUNT         the flow of `FOLDER`, continued on COUNT
python split_flows.py host OUT COUNT INDEX COORDINATOR [STEPS]    one of COUNT processes
"""

import sys
from pathlib import Path

import jax
import numpy as np
import pytest

import gparticles as gpa
from gparticles.command.programs import keep_programs
from gparticles.divergence import certified, sinkhorn, stages
from gparticles.flow import prepare, sharding
from gparticles.flow.network import run_chunk
from gparticles.hosts import joined
from gparticles.numerics import own_settings

MODE, OUT, COUNT = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
GENERATOR = np.random.default_rng(0)
# 31 and 17 rows are shared out equally by no number of devices that is tried here
SOURCE, TARGET = GENERATOR.normal(0.0, 3.0, (31, 2)), GENERATOR.normal(0.0, 1.0, (17, 2))
LABELS = {"labels": np.arange(31) % 2, "target_labels": np.arange(17) % 2}
WEIGHTS = {"source_weights": np.arange(31.0), "target_weights": np.arange(17.0)}


def small(columns=2, **settings):
    return {"potential": gpa.smooth_mlp(columns, width=8, depth=2, **settings)}


def quick():
    """Without a bound phi does not settle first, and sums over processes are few."""
    return {**small(lipschitz=np.inf), "step_size": 0.01}


def cases():
    return {
        "euler": small(),
        "several stages": {**small(), "integrator": gpa.Heun()},
        "reverse": {**small(), "reverse": True, "f": gpa.Alpha(2.0)},
        "labels": LABELS,
        "weights, several steps": {**small(), **WEIGHTS, "integrator": gpa.AdamsBashforth(2)},
        "batches": {**small(), "batch_size": 9},
        "held out": {**small(), "stop": gpa.HeldOut(0.4, window=2)},
        "bounds": {**small(), "bounds": (-2.0, 2.0)},
        "no network": {"potential": gpa.ExactPotential(1.0)},
        "no network, labels": {"potential": gpa.ExactPotential(1.0), **LABELS},
    }


# of which a usual test looks at these
USUAL = ("labels", "weights, several steps", "no network")


def collectives():
    """Each collective operation of the compiled chunk, by name."""
    ready = prepare(SOURCE, TARGET, steps=4, devices=COUNT, **small())
    with own_settings():
        problem, state = ready.placement.placed(ready.problem, ready.state)
        text = run_chunk.lower(problem, state, jax.numpy.int32(4), capacity=4).compile().as_text()
    kinds = ("all-reduce", "all-gather", "collective-permute", "all-to-all", "reduce-scatter")
    return {kind: text.count(f" {kind}(") + text.count(f" {kind}-start(") for kind in kinds}


def moved(names):
    """Particles of these cases on one device, on all of them, and what rides the latter."""
    results = {}
    for name in names:
        settings = cases()[name]
        for count in (None, COUNT):
            flow = gpa.transport(SOURCE, TARGET, steps=4, devices=count, **settings)
            results[f"{name}/{'split' if count else 'one'}"] = flow.particles
        ridden = flow(SOURCE, labels=settings.get("labels"))
        results[f"{name}/ridden"] = ridden
    return results


def certificates():
    """Bounds, potential and velocity on one device and on all of them, where all are beyond NumPy.

    Newton's method, which needs no rows, would hide what the iterations reach.
    """
    certified.EXACT_ENTRIES = stages.PAIRS_FROM = 0
    p, q = GENERATOR.normal(size=(301, 3)), GENERATOR.normal(1.0, 0.7, (250, 3))
    results = {}
    for count in (None, COUNT):
        c = gpa.divergence(p, q, tolerance=5e-3, devices=count)
        bounds = [c.lower, c.upper, *c.potential(p), *c.density_ratio, *c.velocity.ravel()]
        results[f"certificate/{'split' if count else 'one'}"] = np.array(bounds)
    return results


def rest():
    results = moved(name for name in cases() if name not in USUAL)
    # blocks of rows, and no pair is left out
    sinkhorn.KERNEL_ENTRIES, sinkhorn.SWEEP_ENTRIES, stages.PAIRS_SHARE = 0, 2**14, 0.0
    results |= certificates()
    latent = [gpa.LatentGPA(1, steps=4, devices=count, **small(1)) for count in (None, COUNT)]
    one, many = (model.fit(SOURCE, TARGET) for model in latent)
    results["latent/one"], results["latent/split"] = one.particles_, many.particles_
    results["latent/ridden"] = many.transform(SOURCE)
    np.savez(OUT, **results)


def devices():
    results = moved(USUAL) | certificates()
    sharding.SPLIT_TARGETS = 10
    split = gpa.transport(
        SOURCE, TARGET, steps=4, devices="all", **cases()["weights, several steps"]
    )
    results["split targets"] = split.particles
    saved = gpa.Checkpoint(OUT.parent / "saved", seconds=1e-6)

    def end(progress):
        return progress.step >= 3

    sharding.SPLIT_TARGETS = 2**16
    gpa.transport(
        SOURCE, TARGET, steps=6, devices=COUNT, checkpoint=saved, callbacks=[end], **quick()
    )
    whole = gpa.transport(SOURCE, TARGET, steps=6, devices=COUNT, **quick())
    results["whole"] = whole.particles
    np.savez(OUT, **results, collectives=np.array(list(collectives().items())))


def resume():
    saved = gpa.Checkpoint(OUT.parent / f"saved-{COUNT}", resume=True)
    flow = gpa.transport(SOURCE, TARGET, steps=6, devices="all", checkpoint=saved, **quick())
    np.savez(OUT, particles=flow.particles)


def host():
    index, coordinator, steps = int(sys.argv[4]), sys.argv[5], int(sys.argv[6])
    # 1 where this process is to be given other points
    other = len(sys.argv) > 7
    with joined(coordinator, COUNT, index):
        with pytest.raises(gpa.InputError, match="made in one process"):
            gpa.divergence(SOURCE, TARGET, devices="all")
        saved = gpa.Checkpoint(OUT.parent / "saved", seconds=1e-6)
        flow = gpa.transport(
            SOURCE + index * other, TARGET, steps=steps, devices="all", checkpoint=saved, **quick()
        )
        choice = sharding.of_first({"chosen": "network" * (index + 1)}, "all")["chosen"]
        np.savez(OUT.parent / f"{OUT.stem}-{index}.npz", particles=flow.particles, choice=choice)


if __name__ == "__main__":
    keep_programs()
    if MODE != "host":
        jax.config.update("jax_num_cpu_devices", COUNT)
    {"devices": devices, "rest": rest, "resume": resume, "host": host}[MODE]()
