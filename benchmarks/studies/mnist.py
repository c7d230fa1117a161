"""MNIST digits of all classes from 200, in pixels and in latent spaces."""

from typing import Any

from digits import Run, digit_study

from gparticles.latent import PCA, Autoencoder

CONVOLUTION = (
    "potential.preset=conv",
    "potential.width=8",
    "potential.depth=2",
    "potential.layer=orthogonal",
    "potential.activation=groupsort",
    "steps=300",
)
VARIANTS = {
    "recipe": Run("mnist"),
    "projected noise": Run("mnist", ("source=projected-logistic",)),
    "GroupSort, 300 steps": Run("mnist", ("potential.activation=groupsort", "steps=300")),
    "convolution": Run("mnist", CONVOLUTION),
    "PCA": Run("mnist", ("steps=400",), PCA),
    "autoencoder": Run("mnist", ("steps=400",), Autoencoder),
}


def values(r: Any) -> dict[str, Any]:
    gap = abs(r.of("projected noise", "kd_lenet") - r.of("recipe", "kd_lenet"))
    return {"projection": f"makes {'no' if gap < 0.01 else 'a'} difference"}


EXPERIMENT = digit_study(VARIANTS)
