"""Writes a small stored example of each kind: ``python tests/stored/make.py FOLDER``.

Run with the release whose name the folder has; later releases must read what it wrote.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas

import gparticles as gpa
from gparticles.choosing import Way

RNG = np.random.default_rng(0)
SOURCE, TARGET = RNG.normal(size=(5, 2)), RNG.normal(size=(6, 2)) + 1
LABELS = {"labels": ["a", "b", "a", "b", "a"], "target_labels": list("ababab")}
STORE = gpa.Store(frames=2)
WIDE = np.concatenate([TARGET, TARGET + 1])


def main(folder: Path) -> None:
    """All kinds below one folder."""
    body = gpa.tight_mlp(2, width=4, depth=1)
    potential = gpa.ClassConditional(body, 2)
    flow = gpa.transport(SOURCE, TARGET, steps=2, potential=potential, store=STORE, **LABELS)
    flow.save(folder / "flow")
    exact = gpa.transport(SOURCE, TARGET, steps=2, potential=gpa.ExactPotential(), store=STORE)
    exact.save(folder / "exact")
    wide = RNG.normal(size=(8, 6)).astype(np.float32), RNG.normal(size=(9, 6)).astype(np.float32)
    latent = gpa.latent_transport(*wide, codec=gpa.PCA(2), steps=2, store=STORE, potential=body)
    latent.save(folder / "latent")
    course = gpa.trajectory(WIDE, np.repeat([0.0, 1.0], 6), steps=2, fit_steps=50)
    course.save(folder / "trajectory")
    np.save(folder / "carried.npy", course.at(0.5))
    np.savez(
        folder / "expected.npz",
        source=SOURCE,
        flow=flow(SOURCE, LABELS["labels"]),
        exact=exact(SOURCE),
        wide=wide[0],
        latent=latent(wide[0]),
    )
    _run(folder)
    _batch(folder)
    _synthesizer(folder / "synthesizer")


def _batch(folder: Path) -> None:
    """Moved as batches are: by an overlap, a map of columns, a Gaussian map, and a flow."""
    generator = np.random.default_rng(2)
    source, target = generator.normal(size=(20, 4)) + 1, generator.normal(size=(16, 4))
    # some that the target has no counterpart of
    source[:4] += 30
    maps = {"columns": gpa.ColumnMap(), "align": gpa.GaussianMap(), "overlap": gpa.Overlap()}
    exact = {"steps": 2, "potential": gpa.ExactPotential(), "store": STORE}
    flow = gpa.latent_transport(source, target, codec=gpa.PCA(2), **maps, **exact)
    flow.save(folder / "batch")
    np.savez(folder / "batch.npz", source=source, moved=flow(source))


def _synthesizer(folder: Path) -> None:
    """Of a table with every kind of column, and rows that it makes."""
    generator = np.random.default_rng(1)
    n = 40
    frame = pandas.DataFrame(
        {
            "size": generator.normal(size=n),
            "count": generator.integers(0, 30, n),
            "amount": np.where(generator.random(n) < 0.4, 0.0, generator.random(n)),
            "kind": generator.choice(["a", "b", "é"], n),
            "grade": [["low", "mid", "high"][k % 3] for k in range(n)],
            "day": [f"2024-{k % 12 + 1:02d}-{k % 28 + 1:02d}" for k in range(n)],
            "tame": generator.random(n) < 0.5,
            "unit": "cm",
        }
    )
    frame["twice"] = 2 * frame["count"]
    frame["code"] = frame["kind"].map({"a": 3, "b": 1, "é": 2})
    frame["many"] = np.where(frame["count"] > 15, "yes", "no")
    frame.loc[:4, "size"] = np.nan
    columns = {"grade": ["low", "mid", "high"], "tame": "label"}
    made = gpa.Synthesizer(potential=Way(steps=2), columns=columns).fit(frame)
    made.save(folder)
    made.sample(5, seed=0).to_json(folder / "expected.json", orient="columns")


def _run(folder: Path) -> None:
    table = folder / "few.csv"
    rows = "\n".join(f"{a:.3f},{b:.3f}" for a, b in TARGET)
    table.write_text(f"height,weight\n{rows}\n")
    small = ["steps=2", "potential.preset=tight", "potential.width=4", "potential.depth=1"]
    sets = [word for key in small for word in ("--set", key)]
    command = ["gpa", "run", "--target", "few.csv", "-n", "5", "--out", "run", *sets]
    subprocess.run(command, cwd=folder, check=True)
    # a folder is read wherever it lies
    config = folder / "run" / "config.toml"
    config.write_text(config.read_text().replace(str(table.absolute()), f"../{table.name}"))
    # what is drawn is large, and made anew
    for name in ("report.html", "trajectory.gif", "figures", "checkpoint"):
        path = folder / "run" / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
