"""The published TensorFlow implementation, moved on step by step.

    python reference.py CHECKOUT JOBS.npz RESULTS.npz

The modules are imported from a checkout of it; this file only calls them, in the order of its own
driver: fit the potential, take its gradient, move the particles. As there, the seconds include the
gradient norms that the driver asks of the fit. Its monitors, its stored trajectories and its plots
are left out, in the rival's favour. The setting is that of its Swiss roll: KL, L = 1, three hidden
layers, ReLU, its normalisation of the weights, Adam, three fit steps, forward Euler; a job's
`settings` are `dt`, `rate`, `width`, `integrator`, `formulation` and `batch`, for the chunks of its
own configurations (200 samples each); without it every sample is used at once.

The interpreter needs TensorFlow and NumPy; jobs.py says what the files hold.
"""

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

from jobs import State, serve

HIDDEN_LAYERS = 3
FIT_STEPS = 3
LIPSCHITZ = 1.0
SOLVERS = {"euler": "forward_euler", "heun": "Heun"}
FREE = {"dt": 0.5, "rate": 1e-3, "width": 32, "batch": None, "formulation": "LT"}


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

    def __init__(self, modules: SimpleNamespace, source, target, settings: dict):
        tf = modules.tf
        options = SimpleNamespace(**FREE | {"integrator": "euler"} | settings)
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


def main() -> None:
    """Every job, one after the other."""
    checkout = Path(sys.argv[1]).resolve()
    if not (checkout / "scripts" / "GPA_NN" / "lib").is_dir():
        sys.exit(f"no scripts/GPA_NN/lib under {checkout}")
    modules = import_reference(checkout)

    def rival(job: dict, source, target) -> Iterator[State]:
        modules.tf.random.set_seed(job["seed"])
        flow = ReferenceFlow(modules, source, target, job["settings"])
        while True:
            flow.step()
            yield lambda count: flow.particles.numpy()[:count]

    serve(rival)


if __name__ == "__main__":
    main()
