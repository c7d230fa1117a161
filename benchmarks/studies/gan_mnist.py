"""GANs on the 200 MNIST digits from which the recipe makes 600."""

from collections.abc import Callable
from functools import partial
from typing import Any

from gan_runs import Made, by_flow, by_gan, draw_samples, study_rows
from study import Study, inputs_of

import gparticles as gpa
from gparticles.experiment.arguments import arguments

RECIPE = "mnist"
MOVES = 200
FLOW, KL_1, KL, ALPHA, CLIPPED, PENALISED = (
    f"particles (recipe, {MOVES} steps)",
    "KL-Lipschitz GAN, L = 1",
    "KL-Lipschitz GAN, L = 0.1",
    "alpha 2-Lipschitz GAN, L = 0.1",
    "Wasserstein GAN, clipped",
    "Wasserstein GAN, penalty",
)
STEPS, LONGER, WIDTH = 600, 2000, 128


def lipschitz_critic(seed: int, *, f: gpa.KL, slope: float) -> gpa.LipschitzCritic:
    """The recipe's potential with another L."""
    config, inputs = inputs_of(RECIPE, (f"lipschitz={slope}",), seed)
    potential = arguments(config, inputs)["potential"]
    return gpa.LipschitzCritic(f=f, potential=potential, learning_rate=3e-3)


CRITICS: dict[str, Callable[[int], Any]] = {
    KL_1: partial(lipschitz_critic, f=gpa.KL(), slope=1.0),
    KL: partial(lipschitz_critic, f=gpa.KL(), slope=0.1),
    ALPHA: partial(lipschitz_critic, f=gpa.Alpha(2.0), slope=0.1),
    CLIPPED: lambda _: gpa.ClippedCritic(limit=0.01, width=WIDTH, learning_rate=3e-4),
    PENALISED: lambda _: gpa.PenalisedCritic(width=WIDTH, learning_rate=3e-3),
}


def player(seed: int, *, name: str, steps: int = STEPS) -> Made:
    return by_gan(RECIPE, seed, critic=CRITICS[name](seed), steps=steps, width=WIDTH)


LONG = f"{KL_1}, {LONGER} steps"
ROWS: dict[str, Any] = (
    {FLOW: partial(by_flow, RECIPE, steps=MOVES)}
    | {name: partial(player, name=name) for name in CRITICS}
    | {LONG: partial(player, name=KL_1, steps=LONGER)}
)


def values(r: Any) -> dict[str, Any]:
    best = min(CRITICS, key=lambda row: r.of(row, "kd_lenet"))
    count = len(r.record["seeds"])
    return {
        "count": f"{count} seed{'s' * (count > 1)}",
        "best": best,
        "kd": r.of(best, "kd_lenet"),
        "slower": r.of(best, "seconds") / r.of(FLOW, "seconds"),
    }


EXPERIMENT = Study(study_rows(RECIPE, ROWS), draw_samples)
