"""Run peers that need PyTorch on given samples, and keep their particles on the way.

    python torch_peers.py JOBS.npz RESULTS.npz

JOBS.npz holds `source` and `target` in working units, and `jobs`, a JSON list of objects with
`method`, `settings`, `checkpoints` (numbers of iterations, rising) and `seed`. RESULTS.npz holds
for the k-th job `seconds_k` (of training, up to each checkpoint), `shown_k` (the first rows of the
particles at each) and `final_k` (all of them at the last). What a checkpoint costs is not counted.

    sinkhorn  x <- x - rate * (gradient of the Sinkhorn divergence of blur `blur`, per particle)
    energy    x <- x - rate * (gradient of the energy distance, per particle), repulsion between
              particles estimated from `batch` of them
    fm        flow matching: a network of `width` fits the velocity of straight lines from source
              points to independent target points, with noise `sigma`
    otcfm     the same with pairs from an exact transport plan of each batch

The interpreter needs PyTorch; `sinkhorn` needs geomloss, `fm` and `otcfm` need torchcfm.
"""

import copy
import importlib
import itertools
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

SHOWN = 500
ODE_STEPS = 50
DECAY = 0.998
EPSILON = 1e-9


def sinkhorn_flow(source, target, settings: dict) -> Iterator[Callable[[int], torch.Tensor]]:
    """The Sinkhorn-divergence flow; each item is one step taken."""
    loss = importlib.import_module("geomloss").SamplesLoss("sinkhorn", p=2, blur=settings["blur"])
    points = source.clone()
    while True:
        moving = points.requires_grad_(True)
        (slope,) = torch.autograd.grad(loss(moving, target), moving)
        # the gradient of a mean over particles, times their number: with rate 1 the bare map
        points = moving.detach() - settings["rate"] * len(points) * slope
        yield lambda count, points=points: points[:count]


def energy_flow(source, target, settings: dict) -> Iterator[Callable[[int], torch.Tensor]]:
    """The flow of the energy distance, whose gradient is a difference of mean unit vectors."""
    points = source.clone()
    while True:
        others = points[torch.randperm(len(points))[: settings["batch"]]]
        pull, push = mean_direction(points, target), mean_direction(points, others)
        points = points - settings["rate"] * (pull - push)
        yield lambda count, points=points: points[:count]


def mean_direction(x, y):
    """The mean over y of (x - y) / |x - y|, zero where the two coincide."""
    distance = torch.cdist(x, y)
    weight = torch.where(distance > EPSILON, 1 / distance, 0) / len(y)
    return x * weight.sum(1, keepdim=True) - weight @ y


def flow_matching(source, target, settings: dict) -> Iterator[Callable[[int], torch.Tensor]]:
    """Either flow matching; each item is one update of the network."""
    cfm = importlib.import_module("torchcfm.conditional_flow_matching")
    kind = {
        "fm": cfm.ConditionalFlowMatcher,
        "otcfm": cfm.ExactOptimalTransportConditionalFlowMatcher,
    }[settings["method"]]
    matcher = kind(sigma=settings["sigma"])
    models = importlib.import_module("torchcfm.models.models")
    network = models.MLP(dim=source.shape[1], w=settings["width"], time_varying=True)
    optimiser = torch.optim.Adam(network.parameters(), settings["rate"])
    # the average of the weights is what moves points: without it scores jump by a tenth and more
    # from one checkpoint to the next
    averaged = copy.deepcopy(network).requires_grad_(False)
    mean, now = list(averaged.parameters()), [p.data for p in network.parameters()]
    batch = settings["batch"]
    for k in itertools.count():
        x0 = source[torch.randint(len(source), (batch,))]
        x1 = target[torch.randint(len(target), (batch,))]
        t, xt, velocity = matcher.sample_location_and_conditional_flow(x0, x1)
        optimiser.zero_grad()
        loss = torch.mean((network(torch.cat([xt, t[:, None]], dim=1)) - velocity) ** 2)
        loss.backward()
        optimiser.step()
        torch._foreach_lerp_(mean, now, 1 - min(DECAY, (1 + k) / (10 + k)))
        yield lambda count: carried(averaged, source[:count])


@torch.no_grad()
def carried(network, points):
    """Source points at time 1, by the midpoint rule."""
    h = 1 / ODE_STEPS
    for k in range(ODE_STEPS):
        middle = points + h / 2 * at(network, points, k * h)
        points = points + h * at(network, middle, (k + 0.5) * h)
    return points


def at(network, points, time_now: float):
    """The velocity of all points at one time."""
    return network(torch.cat([points, torch.full((len(points), 1), time_now)], dim=1))


METHODS = {
    "sinkhorn": sinkhorn_flow,
    "energy": energy_flow,
    "fm": flow_matching,
    "otcfm": flow_matching,
}


def run(job: dict, source, target) -> dict[str, np.ndarray]:
    """One job to its last checkpoint."""
    torch.manual_seed(job["seed"])
    settings = {"method": job["method"], **job["settings"]}
    make = METHODS[job["method"]]
    # what a library does once (its first call, its threads) is not the method's time
    next(make(source, target, settings))
    torch.manual_seed(job["seed"])
    iterations = make(source, target, settings)
    seconds, total, done = [], 0.0, 0
    shown, look = [], None
    for checkpoint in job["checkpoints"]:
        start = time.perf_counter()
        for _ in range(checkpoint - done):
            look = next(iterations)
        total, done = total + time.perf_counter() - start, checkpoint
        seconds.append(total)
        shown.append(look(SHOWN).numpy())
    final = look(len(source)).numpy()
    return {"seconds": np.array(seconds), "shown": np.array(shown), "final": final}


def main() -> None:
    """Every job, one after the other."""
    jobs_file, results_file = map(Path, sys.argv[1:3])
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    with np.load(jobs_file) as given:
        source, target = (
            torch.tensor(given[name], dtype=torch.float32) for name in ("source", "target")
        )
        jobs = json.loads(str(given["jobs"]))
    results = {}
    for k, job in enumerate(jobs):
        found = run(job, source, target)
        results |= {f"{name}_{k}": array for name, array in found.items()}
    np.savez(results_file, **results)


if __name__ == "__main__":
    main()
