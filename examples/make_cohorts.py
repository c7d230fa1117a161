"""Makes cohort_a.csv and cohort_b.csv: made-up samples of one disease from two laboratories.

    python examples/make_cohorts.py

Laboratory B measures every gene in its own way, has its genes in another order, and lacks three.
The column subtype is 0 or 1, half of each in both laboratories.
"""

import csv
from pathlib import Path

import numpy as np

from gparticles.data import synthetic_expression

GENES, SIZES = 120, (120, 90)


def main():
    made = synthetic_expression(SIZES, genes=GENES, effect=3.0, seed=0)
    names = [f"gene{k + 1:03d}" for k in range(GENES)]
    order = {"A": range(GENES), "B": np.random.default_rng(0).permutation(GENES)[3:]}
    for batch, genes in order.items():
        rows = np.flatnonzero(made.batches == batch)
        path = Path(__file__).with_name(f"cohort_{batch.lower()}.csv")
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(["sample", "subtype", *(names[g] for g in genes)])
            for k, row in enumerate(rows):
                values = (f"{made.values[row, g]:.2f}" for g in genes)
                writer.writerow([f"{batch}{k + 1:03d}", made.labels[row], *values])
        print(f"{path}: {len(rows)} samples, {len(genes)} genes")


if __name__ == "__main__":
    main()
