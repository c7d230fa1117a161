"""Move samples of one distribution onto another, and measure how far apart they are."""

from gparticles.divergence import KL as KL
from gparticles.divergence import Alpha as Alpha
from gparticles.divergence import JensenShannon as JensenShannon
from gparticles.divergence import ReverseKL as ReverseKL
from gparticles.divergence import SquaredHellinger as SquaredHellinger
from gparticles.divergence import Wasserstein1 as Wasserstein1
from gparticles.divergence.certified import Certificate as Certificate
from gparticles.divergence.certified import divergence as divergence
from gparticles.errors import InputError as InputError
from gparticles.flow import RK4 as RK4
from gparticles.flow import AdamsBashforth as AdamsBashforth
from gparticles.flow import AdamsBashforthMoulton as AdamsBashforthMoulton
from gparticles.flow import Checkpoint as Checkpoint
from gparticles.flow import Cooldown as Cooldown
from gparticles.flow import Euler as Euler
from gparticles.flow import ExactPotential as ExactPotential
from gparticles.flow import Flow as Flow
from gparticles.flow import HeldOut as HeldOut
from gparticles.flow import Heun as Heun
from gparticles.flow import KineticEnergy as KineticEnergy
from gparticles.flow import Progress as Progress
from gparticles.flow import Store as Store
from gparticles.flow import load_flow as load_flow
from gparticles.flow import transport as transport
from gparticles.gan import GAN as GAN
from gparticles.gan import ClippedCritic as ClippedCritic
from gparticles.gan import LipschitzCritic as LipschitzCritic
from gparticles.gan import PenalisedCritic as PenalisedCritic
from gparticles.gan import train_gan as train_gan
from gparticles.latent import PCA as PCA
from gparticles.latent import Autoencoder as Autoencoder
from gparticles.latent import ColumnMap as ColumnMap
from gparticles.latent import GaussianMap as GaussianMap
from gparticles.latent import LatentFlow as LatentFlow
from gparticles.latent import Transformer as Transformer
from gparticles.latent import class_weights as class_weights
from gparticles.latent import latent_transport as latent_transport
from gparticles.latent import load_latent_flow as load_latent_flow
from gparticles.notebook import shows as _shows
from gparticles.potential import AOL as AOL
from gparticles.potential import ClassConditional as ClassConditional
from gparticles.potential import Frobenius as Frobenius
from gparticles.potential import LipschitzConv as LipschitzConv
from gparticles.potential import LipschitzMLP as LipschitzMLP
from gparticles.potential import Orthogonal as Orthogonal
from gparticles.potential import SoftLipschitz as SoftLipschitz
from gparticles.potential import Spectral as Spectral
from gparticles.potential import activations as activations
from gparticles.potential import estimate_divergence as estimate_divergence
from gparticles.potential import smooth_mlp as smooth_mlp
from gparticles.potential import soft_mlp as soft_mlp
from gparticles.potential import tight_mlp as tight_mlp

__version__ = "0.1.0"

_shows(Flow, "flow_html")
_shows(Certificate, "certificate_html")


def __getattr__(name: str) -> object:
    # scikit-learn loads only where it is used
    if name == "GPA":
        from gparticles.estimators import GPA

        return GPA
    if name == "LatentGPA":
        from gparticles.estimators import LatentGPA

        return LatentGPA
    if name == "integrate":
        from gparticles.integration.annotated import integrate

        return integrate
    if name == "TensorBoard":
        from gparticles.report.tensorboard import TensorBoard

        return TensorBoard
    raise AttributeError(f"module 'gparticles' has no attribute {name!r}")
