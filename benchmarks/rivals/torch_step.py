"""Time one flow step in eager PyTorch, written as a user of that library would write it.

The step is the one that `reference_step.py` times: three Adam updates of a ReLU network with three
hidden layers, whose weights are divided by their Frobenius norms after every update, on the
Donsker-Varadhan objective of KL, then one forward Euler move of the particles down the gradient of
the potential. Of the natural ways to write it this is the fastest: both samples go through the
network at once, and Adam is the fused one. Its moments persist from step to step.

Standard output is one line of JSON. The interpreter needs PyTorch and NumPy.
"""

import argparse
import json
import math
import platform
import statistics
import time

import numpy as np
import torch
from torch import nn

HIDDEN_LAYERS = 3
FIT_STEPS = 3


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


class Potential(nn.Sequential):
    """A 1-Lipschitz network of one output."""

    def __init__(self, dim: int, width: int):
        layers = [FrobeniusLinear(dim, width), nn.ReLU()]
        for _ in range(HIDDEN_LAYERS - 1):
            layers += [FrobeniusLinear(width, width), nn.ReLU()]
        super().__init__(*layers, FrobeniusLinear(width, 1))

    def normalise(self):
        """Put every layer back."""
        for layer in list(self)[::2]:
            layer.normalise()


def divergence(potential: Potential, particles, target):
    """The Donsker-Varadhan value of KL that the potential reaches."""
    values = potential(torch.cat([particles, target])).squeeze(1)
    moved, fixed = values.split([len(particles), len(target)])
    return moved.mean() - fixed.logsumexp(0) + math.log(len(target))


def fit(potential: Potential, optimiser, particles, target):
    """Three ascent steps of the potential."""
    for _ in range(FIT_STEPS):
        optimiser.zero_grad()
        divergence(potential, particles, target).backward()
        optimiser.step()
        potential.normalise()


def move(potential: Potential, particles, dt: float):
    """One forward Euler step of the particles."""
    particles = particles.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(potential(particles).sum(), particles)
    return particles.detach() - dt * gradient


def gaussian_clouds(options):
    """A wide source and a narrow target to time steps on."""
    rng = np.random.default_rng(options.seed)
    source = rng.normal(0.0, 3.0, (options.particles, options.dim))
    target = rng.normal(0.0, 1.0, (options.targets, options.dim))
    return torch.from_numpy(source).float(), torch.from_numpy(target).float()


def time_steps(options) -> list[float]:
    """The seconds that each step took after the warm-up."""
    torch.manual_seed(options.seed)
    particles, target = gaussian_clouds(options)
    potential = Potential(options.dim, options.width)
    optimiser = torch.optim.Adam(potential.parameters(), lr=options.rate, maximize=True, fused=True)
    seconds = []
    for _ in range(options.warmup + options.steps):
        start = time.perf_counter()
        fit(potential, optimiser, particles, target)
        particles = move(potential, particles, options.dt)
        seconds.append(time.perf_counter() - start)
    return seconds[options.warmup :]


def summary(options, seconds: list[float]) -> dict:
    """What was run, how long it took, and with which versions."""
    return {
        "implementation": "torch",
        "targets": options.targets,
        "particles": options.particles,
        "dim": options.dim,
        "width": options.width,
        "integrator": "euler",
        "formulation": "DV",
        "threads": torch.get_num_threads(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
        "seconds_per_step": statistics.fmean(seconds),
        "median_seconds_per_step": statistics.median(seconds),
        "steps": options.steps,
    }


def positive(text: str) -> int:
    """A whole number of at least one."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return value


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--targets", type=positive, default=200)
    parser.add_argument("--particles", type=positive, default=2000)
    parser.add_argument("--dim", type=positive, default=3)
    parser.add_argument("--width", type=positive, default=32)
    parser.add_argument("--steps", type=positive, default=50)
    parser.add_argument("--warmup", type=int, default=5)
    parser.add_argument("--threads", type=positive, help="PyTorch's choice if left out")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dt", type=float, default=0.5)
    parser.add_argument("--rate", type=float, default=1e-3, help="learning rate of the fit")
    return parser.parse_args()


def main():
    """Measure and print the record."""
    options = parse_arguments()
    if options.threads:
        torch.set_num_threads(options.threads)
    print(json.dumps(summary(options, time_steps(options))))


if __name__ == "__main__":
    main()
