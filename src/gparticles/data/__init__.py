"""Where samples come from: samplers with a seed, and packaged or public data."""

from gparticles.data.cifar import CIFAR10_CLASSES as CIFAR10_CLASSES
from gparticles.data.cifar import cifar10 as cifar10
from gparticles.data.cifar import cifar10_split as cifar10_split
from gparticles.data.courses import COURSES as COURSES
from gparticles.data.courses import Course as Course
from gparticles.data.courses import branching as branching
from gparticles.data.courses import growth as growth
from gparticles.data.courses import rotation as rotation
from gparticles.data.datasets import SAMPLERS as SAMPLERS
from gparticles.data.datasets import SPLITS as SPLITS
from gparticles.data.datasets import draw as draw
from gparticles.data.datasets import gaussian as gaussian
from gparticles.data.datasets import gaussian_mixture_circle as gaussian_mixture_circle
from gparticles.data.datasets import (
    gaussian_mixture_circle_labelled as gaussian_mixture_circle_labelled,
)
from gparticles.data.datasets import gaussian_mixture_grid as gaussian_mixture_grid
from gparticles.data.datasets import (
    gaussian_mixture_grid_labelled as gaussian_mixture_grid_labelled,
)
from gparticles.data.datasets import stretched_exponential as stretched_exponential
from gparticles.data.datasets import student_t as student_t
from gparticles.data.datasets import swiss_roll as swiss_roll
from gparticles.data.datasets import two_moons as two_moons
from gparticles.data.datasets import two_moons_labelled as two_moons_labelled
from gparticles.data.expression import SyntheticExpression as SyntheticExpression
from gparticles.data.expression import expression as expression
from gparticles.data.expression import synthetic_expression as synthetic_expression
from gparticles.data.handwriting import digits as digits
from gparticles.data.handwriting import digits_split as digits_split
from gparticles.data.handwriting import mnist as mnist
from gparticles.data.handwriting import mnist_split as mnist_split
from gparticles.data.myoblasts import hsmm as hsmm
from gparticles.data.patches import patches as patches
from gparticles.data.patches import patches_split as patches_split
from gparticles.data.shapes import in_sierpinski_holes as in_sierpinski_holes
from gparticles.data.shapes import lorenz as lorenz
from gparticles.data.shapes import sierpinski as sierpinski
from gparticles.data.sources import SOURCES as SOURCES
from gparticles.data.sources import fitted_gaussian as fitted_gaussian
from gparticles.data.sources import logistic_noise as logistic_noise
from gparticles.data.sources import projected_logistic_noise as projected_logistic_noise
from gparticles.data.sources import uniform_noise as uniform_noise
from gparticles.data.studies import Study as Study
from gparticles.data.studies import bladder_cancer as bladder_cancer
from gparticles.data.studies import geo_series as geo_series
from gparticles.data.studies import read_series_matrix as read_series_matrix


def __getattr__(name: str) -> object:
    # readers and writers stood here in 0.1.0
    from gparticles import tables

    if name in vars(tables) and not name.startswith("_"):
        return getattr(tables, name)
    raise AttributeError(f"module 'gparticles.data' has no attribute {name!r}")
