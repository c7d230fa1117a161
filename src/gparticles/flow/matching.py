"""Whether potential, labels and data fit together."""

from typing import Any

import numpy as np

from gparticles.checks import check_labels, check_number, label_indices
from gparticles.errors import InputError
from gparticles.flow import defaults
from gparticles.potential import AbstractPotential, ClassConditional, SoftLipschitz
from gparticles.potential.fitting import check_takes


def match_labels(
    labels: tuple[Any, Any], m: int, n: int
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    of_source, of_target = labels
    if of_source is None and of_target is None:
        return None, None, None
    if of_source is None or of_target is None:
        missing = "labels" if of_source is None else "target_labels"
        raise InputError(f"{missing}: missing; give labels and target_labels both, or neither")
    of_target = check_labels(of_target, n, "target_labels")
    of_source = check_labels(of_source, m, "labels")
    classes = np.unique(of_target)
    source = label_indices(of_source, classes, "labels")
    return classes, source, label_indices(of_target, classes, "target_labels")


def check_proportions(
    labels: Any, weights: np.ndarray, target_labels: Any, target_weights: np.ndarray
) -> None:
    size = int(max(labels.max(), target_labels.max())) + 1
    shares = np.bincount(labels, weights, size), np.bincount(target_labels, target_weights, size)
    if not np.allclose(*shares, atol=1e-6):
        raise InputError(
            "Wasserstein1 with labels is infinite unless the classes have equal shares in source "
            "and target; use another f, or source_weights"
        )


def choose_potential(
    given: AbstractPotential | None,
    lipschitz: float | None,
    shape: tuple[int, ...],
    *,
    num_classes: int | None,
    seed: int,
) -> tuple[float, AbstractPotential]:
    """L and the potential: the one given, or the default for points of this shape.

    Raises:
        InputError: L is not above 0 or is not the potential's, or the potential takes other points
            or has other heads.
    """
    if lipschitz is not None:
        check_number(lipschitz, "lipschitz", allow_inf=True)
    if given is None:
        slope = 1.0 if lipschitz is None else float(lipschitz)
        return slope, defaults.default_potential(shape, slope, num_classes, seed)
    if lipschitz is not None and lipschitz != given.lipschitz:
        raise InputError(
            f"lipschitz is {lipschitz}, the potential's is {given.lipschitz}; give one of them"
        )
    _check_heads(given, num_classes)
    check_takes(given, shape, labelled=num_classes is not None)
    return given.lipschitz, given


def _heads(potential: AbstractPotential) -> int | None:
    if isinstance(potential, SoftLipschitz):
        return _heads(potential.network)
    return potential.num_classes if isinstance(potential, ClassConditional) else None


def _check_heads(potential: AbstractPotential, num_classes: int | None) -> None:
    heads = _heads(potential)
    if heads == num_classes:
        return
    if num_classes is None:
        raise InputError("a class-conditional potential needs labels and target_labels")
    raise InputError(
        f"the target has {num_classes} classes; use "
        f"potential=gpa.ClassConditional(potential, {num_classes})"
    )
