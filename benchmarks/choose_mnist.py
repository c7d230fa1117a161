"""How long to run on MNIST, and with which potential: scores along runs, on validation digits.

    python benchmarks/choose_mnist.py recipe convolution --seeds 100 101

Validation digits are 1,000 of those that a run could have picked as targets and did not; the
held-out digits that docs/experiments reports, and its seeds, take no part.
"""

import argparse

from common import figure, print_table
from digit_runs import BLOCK, Run, in_the_code, scores, unpicked
from studies.mnist import VARIANTS

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


def main() -> None:
    """Print the curves of those that are named."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("names", nargs="+", choices=list(VARIANTS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[100, 101])
    parser.add_argument("--set", nargs="*", default=[], dest="overrides")
    options = parser.parse_args()
    for name in options.names:
        run = VARIANTS[name]
        changed = (*run.overrides, "store.frames=9", *options.overrides)
        tried = Run(run.recipe, changed, run.codec)
        lines = [line for seed in options.seeds for line in curve(tried, seed)]
        print_table(name, ["step", *COLUMNS], lines)


if __name__ == "__main__":
    main()
