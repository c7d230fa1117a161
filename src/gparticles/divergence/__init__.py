"""What is measured: the f of D_f, the dual objective, the optimal shift."""

from gparticles.divergence.dual import dual_objective as dual_objective
from gparticles.divergence.dual import first_variation as first_variation
from gparticles.divergence.dual import optimal_shift as optimal_shift
from gparticles.divergence.dual import uniform_weights as uniform_weights
from gparticles.divergence.dual import velocity_factor as velocity_factor
from gparticles.divergence.f_divergences import KL as KL
from gparticles.divergence.f_divergences import REGISTRY as REGISTRY
from gparticles.divergence.f_divergences import AbstractF as AbstractF
from gparticles.divergence.f_divergences import Alpha as Alpha
from gparticles.divergence.f_divergences import JensenShannon as JensenShannon
from gparticles.divergence.f_divergences import ReverseKL as ReverseKL
from gparticles.divergence.f_divergences import SquaredHellinger as SquaredHellinger
from gparticles.divergence.f_divergences import Wasserstein1 as Wasserstein1
from gparticles.divergence.f_divergences import parse_f as parse_f
