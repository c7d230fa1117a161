"""Makes few.csv: 200 of the 569 rows of the Wisconsin Diagnostic Breast Cancer data, 4 columns.

Source: W. Wolberg, O. Mangasarian, N. Street and W. Street, Breast Cancer Wisconsin (Diagnostic),
UCI Machine Learning Repository, 1995, doi 10.24432/C5DW2B, CC BY 4.0; read from scikit-learn's
copy. The identifiers are row numbers of that copy; it has no patients' identifiers.
"""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer

COLUMNS = ["mean radius", "mean texture", "mean smoothness", "mean symmetry"]


def main() -> None:
    data = load_breast_cancer()
    names = list(data.feature_names)
    chosen = np.sort(np.random.default_rng(0).choice(len(data.data), 200, replace=False))
    lines = [",".join(["id", *(name.replace(" ", "_") for name in COLUMNS)])]
    for row in chosen:
        values = [str(float(data.data[row, names.index(name)])) for name in COLUMNS]
        lines.append(",".join([f"row-{row:03d}", *values]))
    path = Path(__file__).with_name("few.csv")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(chosen)} rows: {path}")


if __name__ == "__main__":
    main()
