"""Run the published TensorFlow implementation on given samples, and keep particles on the way.

    python reference_peers.py CHECKOUT JOBS.npz RESULTS.npz

The files are those of torch_peers.py, with `source` and `target` in raw units, since its settings
are raw; a job's `settings` are `dt`, `rate` and `integrator`. The flow is that of
reference_step.py, which says what is left out; all samples are used at once.
"""

import json
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
from reference_step import ReferenceFlow, import_reference, seconds_of_steps

SHOWN = 500
FREE = {"width": 32, "batch": None, "formulation": "LT", "integrator": "euler"}


def run(modules, job: dict, source, target) -> dict[str, np.ndarray]:
    """One job to its last checkpoint."""
    options = Namespace(seed=job["seed"], **(FREE | job["settings"]))
    # TensorFlow's own first step, which is not the method's time
    seconds_of_steps(ReferenceFlow(modules, source, target, options), 1)
    flow = ReferenceFlow(modules, source, target, options)
    seconds, shown, total, done = [], [], 0.0, 0
    for checkpoint in job["checkpoints"]:
        total += sum(seconds_of_steps(flow, checkpoint - done))
        done = checkpoint
        seconds.append(total)
        shown.append(flow.particles.numpy()[:SHOWN])
    final = flow.particles.numpy()
    return {"seconds": np.array(seconds), "shown": np.array(shown), "final": final}


def main() -> None:
    """Every job, one after the other."""
    checkout, jobs_file, results_file = map(Path, sys.argv[1:4])
    modules = import_reference(checkout)
    with np.load(jobs_file) as given:
        source, target = (given[name].astype(np.float32) for name in ("source", "target"))
        jobs = json.loads(str(given["jobs"]))
    results = {}
    for k, job in enumerate(jobs):
        found = run(modules, job, source, target)
        results |= {f"{name}_{k}": array for name, array in found.items()}
    np.savez(results_file, **results)


if __name__ == "__main__":
    main()
