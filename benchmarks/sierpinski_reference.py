"""Runs the published implementation on the points of a study of the carpet, beside its rows.

    python benchmarks/sierpinski_reference.py --reference CHECKOUT --reference-python PYTHON
    python benchmarks/sierpinski_reference.py --study sierpinski-3d ...

Its particles are judged as those of the study, whose record in benchmarks/results/experiments/
gets them under "beside"; run it after the study. All points are used at once: with batches of 200
the reference weighs the remainder of 4096 points wrongly. One seed, since it is slow.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
from common import last_line_of, write_json
from studies import sierpinski, sierpinski_3d
from study import FOLDER, judge

from gparticles.experiment.evaluation import MAX_HELD_OUT
from gparticles.experiment.inputs import gather
from gparticles.experiment.recipes import check, read_recipe, with_overrides

STUDIES = {
    "sierpinski": sierpinski.EXPERIMENT,
    "sierpinski-3d": sierpinski_3d.EXPERIMENT,
}
RIVAL = Path(__file__).parent / "rivals" / "reference_step.py"


def main() -> None:
    """Run it, judge it, keep it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--study", choices=STUDIES, default="sierpinski")
    parser.add_argument("--reference", type=Path, required=True, help="a checkout of the code")
    parser.add_argument("--reference-python", type=Path, required=True, help="with TensorFlow")
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    experiment = STUDIES[options.study]
    config = check(with_overrides(read_recipe(experiment.recipe), (f"seed={options.seed}",)))
    inputs = gather(config, max_held_out=MAX_HELD_OUT)
    with tempfile.TemporaryDirectory() as folder:
        source, target, moved = (Path(folder, f"{n}.npy") for n in ("source", "target", "moved"))
        np.save(source, inputs.source)
        np.save(target, inputs.target)
        command = [options.reference_python, RIVAL, "--checkout", options.reference]
        command += ["--run-to-end", options.steps, "--seed", options.seed, "--dt", 0.2]
        command += ["--integrator", "heun", "--source", source, "--target", target, "--save", moved]
        seconds = last_line_of(command)["seconds"]
        scores, _ = judge(experiment, np.load(moved), inputs, options.seed)
    path = FOLDER / f"{options.study}.json"
    record = json.loads(path.read_text())
    row = f"the reference itself, seed {options.seed}, {options.steps} steps"
    found = {"seed": options.seed, "scores": scores | {"seconds": seconds}, "floors": {}}
    write_json(path, record | {"beside": {row: [found]}})


if __name__ == "__main__":
    main()
