"""Transport in a latent space: encode, move, decode."""

from gparticles.latent.alignment import ColumnMap as ColumnMap
from gparticles.latent.alignment import GaussianMap as GaussianMap
from gparticles.latent.autoencoder import Autoencoder as Autoencoder
from gparticles.latent.bound import MEANING as MEANING
from gparticles.latent.bound import LatentBound as LatentBound
from gparticles.latent.bound import latent_bound as latent_bound
from gparticles.latent.classes import class_weights as class_weights
from gparticles.latent.classes import pooled as pooled
from gparticles.latent.codecs import PCA as PCA
from gparticles.latent.codecs import AbstractCodec as AbstractCodec
from gparticles.latent.codecs import Identity as Identity
from gparticles.latent.codecs import Transformer as Transformer
from gparticles.latent.counterparts import Counterparts as Counterparts
from gparticles.latent.counterparts import pooled_by_overlap as pooled_by_overlap
from gparticles.latent.deformations import Deformations as Deformations
from gparticles.latent.moving import for_batches as for_batches
from gparticles.latent.moving import move_batch as move_batch
from gparticles.latent.moving import move_latents as move_latents
from gparticles.latent.overlap import Overlap as Overlap
from gparticles.latent.residuals import Residuals as Residuals
from gparticles.latent.solution import LatentFlow as LatentFlow
from gparticles.latent.solution import load_latent_flow as load_latent_flow
from gparticles.latent.transport import latent_transport as latent_transport
