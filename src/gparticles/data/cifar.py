"""CIFAR-10: 60,000 colour images of ten kinds of things, fetched from its authors' page.

A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009,
https://www.cs.toronto.edu/~kriz/cifar.html. The binary version is read, which needs no pickle.
"""

import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gparticles.data.fetching import Remote, brief, fetch
from gparticles.data.picking import Split, balanced, in_turns, number, wanted_classes
from gparticles.errors import InputError

Array = np.ndarray

CIFAR10 = Remote(
    "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    "sha256:c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    170,
)
CIFAR10_CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)

_SIDE = 32
# a label, then the red, green and blue plane, row by row
_RECORD = 1 + 3 * _SIDE * _SIDE
_TRAINING = tuple(f"data_batch_{k}.bin" for k in range(1, 6))
_TEST = ("test_batch.bin",)
# no metric compares more
_HELD_OUT = 2000


def cifar10(
    n: int | None = None,
    *,
    per_class: int | None = None,
    classes: int | Sequence[int] | None = None,
    seed: int = 0,
) -> tuple[Array, Array]:
    """Pick from CIFAR-10's 50,000 training images, balanced over the classes.

    The archive (170 MB) is fetched on first use into the user's cache, or into the folder that
    ``GPARTICLES_DATA`` names, and its checksum is verified.

    Args:
        n: how many in all; classes differ by at most one image. None: `per_class`, or all.
        per_class: how many of each class, at most 5,000; instead of n.
        classes: which, 0 to 9 in the order of `CIFAR10_CLASSES`; None: all ten.
        seed: picks which images, which classes have one more, and the order.

    Returns:
        images, shape (n, 32, 32, 3), float32 in [0, 1]; labels, shape (n,), int.

    Raises:
        InputError: the archive cannot be fetched or is damaged; both n and per_class, fewer than
            one, or more than there are; classes that do not exist, or one twice.
    """
    kinds = wanted_classes(classes, "classes")
    return _picked(n, per_class, _records(fetch(CIFAR10), _TRAINING, kinds), seed=seed)


def cifar10_split(
    n: int | None = None,
    *,
    per_class: int | None = None,
    classes: int | Sequence[int] | None = None,
    seed: int = 0,
) -> Split:
    """`cifar10(n)` and test images of its classes: images, labels, held-out images and labels.

    The held-out ones are the first 2,000, the classes in turns, of CIFAR-10's 10,000 test images.
    """
    images, labels = cifar10(n, per_class=per_class, classes=classes, seed=seed)
    kinds = wanted_classes(classes, "classes")
    pixels, kind = _records(fetch(CIFAR10), _TEST, kinds)
    rows = in_turns([np.flatnonzero(kind == label) for label in kinds])[:_HELD_OUT]
    return images, labels, _in_unit_range(pixels[rows]), kind[rows]


def _picked(
    n: int | None, per_class: int | None, offered: tuple[Array, Array], *, seed: int
) -> tuple[Array, Array]:
    pixels, labels = offered
    everything = n is None and per_class is None
    count = len(labels) if everything else number(n, per_class, len(np.unique(labels)))
    rows, _ = balanced(labels, count, seed=seed)
    return _in_unit_range(pixels[rows]), labels[rows]


def _records(archive: Path, names: Sequence[str], kinds: Sequence[int]) -> tuple[Array, Array]:
    """Bytes of all images of these kinds, shape (k, 32, 32, 3), and their labels."""
    data = np.frombuffer(_contents(archive, names), np.uint8)
    if len(data) == 0 or len(data) % _RECORD:
        raise InputError(f"{archive}: its images are cut off; delete it, and it is fetched again")
    records = data.reshape(-1, _RECORD)
    records = records[np.isin(records[:, 0], kinds)]
    missing = sorted(set(kinds) - set(records[:, 0].tolist()))
    if missing:
        raise InputError(f"{archive}: has no image of class {missing[0]}; choose other classes")
    pixels = records[:, 1:].reshape(-1, 3, _SIDE, _SIDE).transpose(0, 2, 3, 1)
    return pixels, records[:, 0].astype(np.int64)


def _contents(archive: Path, names: Sequence[str]) -> bytes:
    """The bytes of some files of the archive, one after the other; nothing is unpacked."""
    contents: dict[str, bytes] = {}
    try:
        with tarfile.open(archive) as opened:
            for member in opened:
                name = Path(member.name).name
                stream = opened.extractfile(member) if name in names else None
                if stream is not None:
                    contents[name] = stream.read()
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        mend = "delete it, and it is fetched again"
        raise InputError(f"{archive}: is damaged ({brief(error)}); {mend}") from error
    absent = [name for name in names if name not in contents]
    if absent:
        raise InputError(f"{archive}: holds no {absent[0]}; delete it, and it is fetched again")
    return b"".join(contents[name] for name in names)


def _in_unit_range(pixels: Array) -> Array:
    return (pixels / 255).astype(np.float32)
