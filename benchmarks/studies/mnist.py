"""MNIST digits of all classes from 200, in pixels and in latent spaces."""

from digit_runs import LEGENDS, Run
from digit_study import DigitStudy
from pages import Page, Results, figure, percent

from gparticles.latent import PCA, Autoencoder

CONVOLUTION = (
    "potential.preset=conv",
    "potential.width=8",
    "potential.depth=2",
    "potential.layer=orthogonal",
    "potential.activation=groupsort",
    "steps=400",
)
VARIANTS = {
    "recipe": Run("mnist"),
    "GroupSort, 300 steps": Run("mnist", ("potential.activation=groupsort", "steps=300")),
    "convolution": Run("mnist", CONVOLUTION),
    "PCA": Run("mnist", ("steps=400",), PCA),
    "autoencoder": Run("mnist", ("steps=400",), Autoencoder),
}


def finding(r: Results) -> str:
    return f"{r} {figure} {percent}"


EXPERIMENT = DigitStudy(VARIANTS)
PAGE = Page(
    "MNIST: 600 digits from 200",
    "Digits of all ten classes can be made from 200 images, by one class-conditional potential, in "
    "pixels or in a latent space (arXiv 2210.17230).",
    "200 training digits, 600 particles with labels in the same proportions; 500 held-out digits "
    "to compare with, and 500 as fresh ones.",
    (
        "kd_lenet",
        "fd_lenet",
        "copy_rate",
        "nearest_ratio",
        "nearest_code",
        "coverage",
        "accuracy",
        "seconds",
    ),
    finding,
    legends=LEGENDS,
)
