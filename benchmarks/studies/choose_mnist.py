"""How long to run on MNIST, and with which potential: scores along runs, on validation digits.

    python benchmarks/run.py choose-mnist recipe convolution --seeds 100 101

Validation digits are 1,000 of those that a run could have picked as targets and did not; the
held-out digits that docs/experiments reports, and its seeds, take no part.
"""

from common import figure, print_table
from digits import BLOCK, Run, in_the_code, scores, unpicked

from studies.mnist import VARIANTS

CHOICES = {"names": list(VARIANTS)}
COLUMNS = ("kd_lenet", "fd_lenet", "copy_rate", "nearest_ratio", "nearest_code", "accuracy")


def curve(run: Run, seed: int) -> list[list[str]]:
    """A row of scores for every frame but the first."""
    made = run.frames(seed)
    others = unpicked(made.inputs)
    judges = others[:BLOCK], others[BLOCK : 2 * BLOCK]
    lines = []
    for step, images in list(zip(made.steps, made.images, strict=True))[1:]:
        of = scores(images, made.inputs, judges, seed=seed)[0] | in_the_code(
            images, made, judges[0]
        )
        lines.append([f"{seed}: {step}", *(figure(of.get(name)) for name in COLUMNS)])
    lines[-1][0] += f", {made.seconds:.0f} s"
    return lines


def run(
    names: tuple[str, ...], *, seeds: tuple[int, ...] = (100, 101), overrides: tuple[str, ...] = ()
) -> None:
    """Print the curves of those that are named."""
    for name in names:
        chosen = VARIANTS[name]
        changed = (*chosen.overrides, "store.frames=9", *overrides)
        tried = Run(chosen.recipe, changed, chosen.codec)
        lines = [line for seed in seeds for line in curve(tried, seed)]
        print_table(name, ["step", *COLUMNS], lines)
