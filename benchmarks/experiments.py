"""Runs experiments over several seeds, for the pages of docs/experiments.

    python benchmarks/experiments.py                     # all of them
    python benchmarks/experiments.py mixture --seeds 0 1 2

Each writes benchmarks/results/experiments/NAME.json and its figure, docs/experiments/NAME.png (the
first seed); `python docs/make_experiments.py` makes the pages of docs/experiments from them.
benchmarks/studies/ has the experiments.
"""

import argparse

from studies import studies


def main() -> None:
    """Carry out those that are named, or all."""
    known = studies()
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    options = parser.parse_args()
    unknown = set(options.names) - set(known)
    if unknown:
        parser.error(f"no experiment {', '.join(unknown)}; there are {', '.join(known)}")
    for name in options.names or known:
        known[name].EXPERIMENT.carry_out(name, options.seeds)


if __name__ == "__main__":
    main()
