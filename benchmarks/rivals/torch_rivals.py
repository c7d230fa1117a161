"""Peers that need PyTorch, and the step of a flow in eager PyTorch.

    python torch_rivals.py JOBS.npz RESULTS.npz

    sinkhorn  x <- x - rate * (gradient of the Sinkhorn divergence of blur `blur`, per particle)
    energy    x <- x - rate * (gradient of the energy distance, per particle), repulsion between
              particles estimated from `batch` of them
    fm        flow matching: a network of `width` fits the velocity of straight lines from source
              points to independent target points, with noise `sigma`
    otcfm     the same with pairs from an exact transport plan of each batch
    step      the step of reference.py as a user of this library would write it: three Adam updates
              of a ReLU network with three hidden layers of `width`, whose weights are divided by
              their Frobenius norms after every update, on the Donsker-Varadhan objective of KL,
              then one forward Euler move of `dt` down the gradient of the potential. Of the natural
              ways to write it this is the fastest: both samples go through the network at once,
              and Adam is the fused one. Its moments persist from step to step. `compiled` compiles
              the objective and the velocity, `precision` is that of products, and it is on the
              `device` that is named.

Points are in working units but for `step`. The interpreter needs PyTorch; `sinkhorn` needs
geomloss, `fm` and `otcfm` need torchcfm. jobs.py says what the files hold.
"""

import copy
import functools
import importlib
import itertools
import math
import os
from collections.abc import Callable, Iterator

import torch
from jobs import State, serve
from torch import nn

ODE_STEPS = 50
DECAY = 0.998
EPSILON = 1e-9
HIDDEN_LAYERS, FIT_STEPS = 3, 3


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


class FrobeniusLinear(nn.Linear):
    """A dense layer that can be put back to a weight of Frobenius norm one."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__(inputs, outputs)
        nn.init.normal_(self.weight, std=math.sqrt(2 / inputs))
        nn.init.zeros_(self.bias)
        self.normalise()

    @torch.no_grad()
    def normalise(self):
        """Divide the weight by its norm."""
        self.weight.div_(self.weight.norm())


def divergence(potential: nn.Sequential, particles, target):
    """The Donsker-Varadhan value of KL that the potential reaches."""
    values = potential(torch.cat([particles, target])).squeeze(1)
    moved, fixed = values.split([len(particles), len(target)])
    return moved.mean() - fixed.logsumexp(0) + math.log(len(target))


def flow_steps(source, target, settings: dict) -> Iterator[Callable[[int], torch.Tensor]]:
    """Particles moved by a potential that is fitted before every move."""
    torch.set_float32_matmul_precision(settings.get("precision", "highest"))
    device = torch.device(settings.get("device", "cpu"))
    source, target = source.to(device), target.to(device)
    sizes = [source.shape[1], *[settings["width"]] * HIDDEN_LAYERS]
    linear = [FrobeniusLinear(*pair) for pair in itertools.pairwise(sizes)]
    head = FrobeniusLinear(sizes[-1], 1)
    potential = nn.Sequential(*(part for layer in linear for part in (layer, nn.ReLU())), head)
    potential.to(device)
    compiled = torch.compile if settings.get("compiled") else lambda function: function
    objective = compiled(functools.partial(divergence, potential))
    slopes = compiled(lambda points: potential(points).sum())
    optimiser = torch.optim.Adam(
        potential.parameters(), lr=settings["rate"], maximize=True, fused=True
    )
    points = source.clone()
    while True:
        for _ in range(FIT_STEPS):
            optimiser.zero_grad()
            objective(points, target).backward()
            optimiser.step()
            for layer in (*linear, head):
                layer.normalise()
        moving = points.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(slopes(moving), moving)
        points = moving.detach() - settings["dt"] * gradient
        if device.type == "cuda":
            torch.cuda.synchronize()
        yield lambda count, points=points: points[:count].cpu()


METHODS = {
    "sinkhorn": sinkhorn_flow,
    "energy": energy_flow,
    "fm": flow_matching,
    "otcfm": flow_matching,
    "step": flow_steps,
}


def rival(job: dict, source, target) -> Iterator[State]:
    """The particles of a job after every iteration."""
    torch.manual_seed(job["seed"])
    clouds = torch.from_numpy(source), torch.from_numpy(target)
    settings = {"method": job["method"], **job["settings"]}
    for points in METHODS[job["method"]](*clouds, settings):
        yield lambda count, points=points: points(count).numpy()


if __name__ == "__main__":
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    serve(rival)
