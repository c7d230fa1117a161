"""Runs the published implementation on the points of a study of the carpet, beside its rows.

    python benchmarks/run.py sierpinski-reference --reference CHECKOUT --reference-python PYTHON
    python benchmarks/run.py sierpinski-reference --study sierpinski-3d ...

Its particles are judged as those of the study, whose record in benchmarks/results/experiments/
gets them under "beside"; run it after the study. All points are used at once: with batches of 200
the reference weighs the remainder of 4096 points wrongly. One seed, since it is slow.
"""

import json
from pathlib import Path

from common import elsewhere, reference, write_json
from study import FOLDER, inputs_of, judge

from studies import sierpinski, sierpinski_3d

STUDIES = {"sierpinski": sierpinski.holes, "sierpinski-3d": sierpinski_3d.above_holes}


CHOICES = {"study": STUDIES}


def run(
    *,
    checkout: Path,
    reference_python: Path,
    study: str = "sierpinski",
    steps: int = 5000,
    seed: int = 0,
) -> None:
    """Run it, judge it, keep it."""
    _, inputs = inputs_of(study, (), seed)
    settings = {"dt": 0.2, "integrator": "heun"}
    job = {"checkpoints": [steps], "settings": settings, "seed": seed, "warm": False}
    command = reference(reference_python, checkout)
    (moved,) = elsewhere(command, (inputs.source, inputs.target), [job])
    scores, _ = judge(moved.final, inputs, seed, metrics=sierpinski.METRICS, also=STUDIES[study])
    path = FOLDER / f"{study}.json"
    record = json.loads(path.read_text())
    row = f"the reference itself, seed {seed}, {steps} steps"
    found = {"seed": seed, "scores": scores | {"seconds": moved.seconds[-1]}, "floors": {}}
    write_json(path, record | {"beside": {row: [found]}})
