"""Time the published TensorFlow implementation on one flow step, or run it to its end.

The modules are imported from a checkout of it, whose path is an argument; this file only calls
them, in the order of its own driver: fit the potential, take its gradient, move the particles. As
there, the seconds include the gradient norms that the driver asks of the fit. Its monitors, its
stored trajectories and its plots are left out, in the rival's favour. The setting is that of its
Swiss roll: KL, L = 1, three hidden layers, ReLU, its normalisation of the weights, Adam, three fit
steps, forward Euler. Every sample is used at once unless --batch asks for the chunks of its own
configurations, which are 200 samples each.

Standard output is one line of JSON. The interpreter needs TensorFlow and NumPy.
"""

import argparse
import contextlib
import importlib
import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

HIDDEN_LAYERS = 3
FIT_STEPS = 3
LIPSCHITZ = 1.0
SOLVERS = {"euler": "forward_euler", "heun": "Heun"}


def import_reference(checkout: Path) -> SimpleNamespace:
    """TensorFlow and the three modules of the checkout that take part in a step."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.path.insert(0, str(checkout / "scripts" / "GPA_NN"))
    names = {
        "tf": "tensorflow",
        "network": "lib.construct_NN",
        "training": "lib.train_NN",
        "transport": "lib.transport_particles",
    }
    return SimpleNamespace(**{key: importlib.import_module(name) for key, name in names.items()})


class ReferenceFlow:
    """Particles and potential of the rival, moved on by its own functions."""

    def __init__(self, modules: SimpleNamespace, source, target, options):
        tf = modules.tf
        tf.random.set_seed(options.seed)
        self.modules = modules
        self.solver = SOLVERS[options.integrator]
        self.target = tf.constant(target, dtype=tf.float32)
        self.particles = tf.Variable(source, dtype=tf.float32)
        self.rate = tf.Variable(options.rate, trainable=False)
        self.dt = tf.Variable(options.dt, trainable=False)
        self.sizes = sample_sizes(len(source), len(target), options.batch)
        self.loss = {
            "f": "KL",
            "formulation": options.formulation,
            "par": [],
            "reverse": False,
            "lamda": None,
        }
        self.build_potential(source.shape[1], options.width)
        self.corrector = self.corrector_arguments() if options.integrator == "heun" else []
        self.velocities = []

    def build_potential(self, dim: int, width: int):
        """A fresh network and the free shift of the objective, as the driver makes them."""
        network = self.modules.network
        layers, _, activations = network.check_nn_topology(
            "fnn", [width] * HIDDEN_LAYERS, None, dim, ["relu"]
        )
        self.shape = {
            "NN_model": "fnn",
            "activation_ftn": activations,
            "N_dim": dim,
            "N_cnn_layers": None,
            "N_fnn_layers": layers,
            "N_conditions": 1,
            "constraint": "hard",
            "L": LIPSCHITZ,
            "eps": None,
        }
        weights, biases = network.initialize_NN(self.shape)
        shift = self.modules.tf.Variable(0.0)
        self.parameters = {"W": weights, "b": biases, "nu": shift}
        self.potential = network.model(self.shape)

    def corrector_arguments(self) -> dict:
        """What an integrator needs that fits the potential again within a step."""
        return {
            "parameters": self.parameters,
            "phi": self.potential,
            "Q": self.target,
            "lr_phi": self.rate,
            "epochs_phi": FIT_STEPS,
            "loss_par": self.loss,
            "NN_par": self.shape,
            "data_par": self.sizes,
            "optimizer": "adam",
        }

    def step(self):
        """One outer step: fit, gradient, move."""
        training, transport = self.modules.training, self.modules.transport
        self.parameters, *_ = training.train_disc(
            self.parameters,
            self.potential,
            self.particles,
            self.target,
            self.rate,
            FIT_STEPS,
            self.loss,
            self.shape,
            self.sizes,
            "adam",
            print_vals=True,
        )
        velocity = transport.calc_vectorfield(
            self.potential, self.particles, self.parameters, self.shape, self.loss, self.sizes
        )
        self.velocities.append(velocity)
        self.particles, self.velocities, _ = transport.solve_ode(
            self.particles, self.dt, self.velocities, self.solver, self.corrector
        )


def sample_sizes(particles: int, targets: int, batch: int | None) -> dict:
    """Counts and chunk sizes under the rival's names; without a batch, one chunk of everything."""
    return {
        "P_label": None,
        "Q_label": None,
        "N_samples_P": particles,
        "N_samples_Q": targets,
        "mb_size_P": min(batch or particles, particles),
        "mb_size_Q": min(batch or targets, targets),
    }


def gaussian_clouds(options) -> tuple[np.ndarray, np.ndarray]:
    """A wide source and a narrow target to time steps on."""
    rng = np.random.default_rng(options.seed)
    source = rng.normal(0.0, 3.0, (options.particles, options.dim))
    return source, rng.normal(0.0, 1.0, (options.targets, options.dim))


def seconds_of_steps(flow: ReferenceFlow, count: int) -> list[float]:
    """The seconds that each of `count` further steps took."""
    seconds = []
    for _ in range(count):
        start = time.perf_counter()
        flow.step()
        seconds.append(time.perf_counter() - start)
    return seconds


def summary(flow: ReferenceFlow, options) -> dict:
    """What was run, and with which versions."""
    return {
        "implementation": "reference",
        "targets": flow.sizes["N_samples_Q"],
        "particles": flow.sizes["N_samples_P"],
        "dim": flow.shape["N_dim"],
        "width": options.width,
        "integrator": options.integrator,
        "formulation": options.formulation,
        "batch": options.batch,
        "threads": options.threads,
        "versions": {
            "python": platform.python_version(),
            "tensorflow": flow.modules.tf.__version__,
            "numpy": np.__version__,
        },
    }


def time_steps(modules: SimpleNamespace, options) -> tuple[dict, dict]:
    """The record of a timing, and the arrays worth keeping of it."""
    source, target = gaussian_clouds(options)
    flow = ReferenceFlow(modules, source, target, options)
    seconds_of_steps(flow, options.warmup)
    seconds = seconds_of_steps(flow, options.steps)
    record = summary(flow, options) | {
        "seconds_per_step": statistics.fmean(seconds),
        "median_seconds_per_step": statistics.median(seconds),
        "steps": options.steps,
    }
    return record, {"particles": flow.particles.numpy(), "source": source, "target": target}


def run_to_end(modules: SimpleNamespace, options) -> tuple[dict, dict]:
    """The record of a whole run on given files, its seconds from the first step, and the result."""
    source, target = np.load(options.source), np.load(options.target)
    flow = ReferenceFlow(modules, source, target, options)
    seconds = seconds_of_steps(flow, options.run_to_end)
    record = summary(flow, options) | {
        "seconds": sum(seconds),
        "first_step_seconds": seconds[0],
        "steps": options.run_to_end,
        "dt": options.dt,
        "rate": options.rate,
        "seed": options.seed,
    }
    return record, {"particles": flow.particles.numpy()}


def save(path: Path, record: dict, arrays: dict):
    """Particles alone as .npy, everything as .npz; the record lies beside it as .json."""
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    else:
        np.save(path, arrays["particles"])
    path.with_suffix(".json").write_text(json.dumps(record) + "\n")


def positive(text: str) -> int:
    """A whole number of at least one."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return value


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--checkout", type=Path, required=True, help="a checkout of the reference")
    parser.add_argument("--width", type=positive, default=32)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dt", type=float, default=0.5)
    parser.add_argument("--rate", type=float, default=1e-3, help="learning rate of the fit")
    parser.add_argument("--integrator", choices=SOLVERS, default="euler")
    parser.add_argument("--formulation", choices=["LT", "DV"], default="LT", help="of KL")
    parser.add_argument("--batch", type=positive, help="samples a chunk; all at once if left out")
    parser.add_argument("--threads", type=positive, help="TensorFlow's choice if left out")
    parser.add_argument("--save", type=Path, help=".npy: the particles; .npz: the samples as well")
    timing = parser.add_argument_group("timing, on Gaussian samples")
    timing.add_argument("--targets", type=positive, default=200)
    timing.add_argument("--particles", type=positive, default=2000)
    timing.add_argument("--dim", type=positive, default=3)
    timing.add_argument("--steps", type=positive, default=50)
    timing.add_argument("--warmup", type=int, default=5)
    whole = parser.add_argument_group("a whole run, on given samples")
    whole.add_argument("--run-to-end", type=positive, metavar="N", help="take N steps instead")
    whole.add_argument("--source", type=Path, help=".npy, one sample a row")
    whole.add_argument("--target", type=Path, help=".npy, one sample a row")
    return parser


def parse_arguments() -> argparse.Namespace:
    """The options, refused in one line where they cannot work."""
    parser = build_parser()
    options = parser.parse_args()
    options.checkout = options.checkout.resolve()
    if not (options.checkout / "scripts" / "GPA_NN" / "lib").is_dir():
        parser.error(f"no scripts/GPA_NN/lib under {options.checkout}")
    if options.run_to_end and not (options.source and options.target and options.save):
        parser.error("--run-to-end needs --source, --target and --save")
    if options.save and options.save.suffix not in {".npy", ".npz"}:
        parser.error("--save takes a name that ends in .npy or .npz")
    if options.save and not options.save.resolve().parent.is_dir():
        parser.error(f"no folder for {options.save}")
    return options


def measure(options) -> tuple[dict, dict]:
    """Whichever of the two modes was asked for."""
    modules = import_reference(options.checkout)
    if options.threads:
        modules.tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    mode = run_to_end if options.run_to_end else time_steps
    return mode(modules, options)


def main():
    """Measure, keep what was asked for, print the record."""
    options = parse_arguments()
    with contextlib.redirect_stdout(sys.stderr):
        record, arrays = measure(options)
    if options.save:
        save(options.save, record, arrays)
    print(json.dumps(record))


if __name__ == "__main__":
    main()
