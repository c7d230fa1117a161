"""What phi may be: layers of known norm, networks, and their fitting."""

from gparticles.potential.estimation import Estimate as Estimate
from gparticles.potential.estimation import estimate_divergence as estimate_divergence
from gparticles.potential.lipschitz import AOL as AOL
from gparticles.potential.lipschitz import LAYERS as LAYERS
from gparticles.potential.lipschitz import AbstractWeight as AbstractWeight
from gparticles.potential.lipschitz import Fixed as Fixed
from gparticles.potential.lipschitz import Frobenius as Frobenius
from gparticles.potential.lipschitz import Orthogonal as Orthogonal
from gparticles.potential.lipschitz import Spectral as Spectral
from gparticles.potential.lipschitz import Unconstrained as Unconstrained
from gparticles.potential.lipschitz import UnitRows as UnitRows
from gparticles.potential.lipschitz import resolve as resolve
from gparticles.potential.networks import AbstractBody as AbstractBody
from gparticles.potential.networks import AbstractPotential as AbstractPotential
from gparticles.potential.networks import ClassConditional as ClassConditional
from gparticles.potential.networks import LipschitzConv as LipschitzConv
from gparticles.potential.networks import LipschitzMLP as LipschitzMLP
from gparticles.potential.networks import SoftLipschitz as SoftLipschitz
from gparticles.potential.networks import is_certified as is_certified
from gparticles.potential.networks import smooth_mlp as smooth_mlp
from gparticles.potential.networks import soft_mlp as soft_mlp
from gparticles.potential.networks import tight_mlp as tight_mlp
from gparticles.potential.symmetry import SYMMETRIES as SYMMETRIES
from gparticles.potential.symmetry import Averaged as Averaged
from gparticles.potential.symmetry import QuarterTurns as QuarterTurns
from gparticles.potential.symmetry import Shifts as Shifts
