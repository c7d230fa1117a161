"""Transport in a latent space: encode, move, decode."""

from gparticles.latent.autoencoder import Autoencoder as Autoencoder
from gparticles.latent.codecs import PCA as PCA
from gparticles.latent.codecs import AbstractCodec as AbstractCodec
from gparticles.latent.codecs import Transformer as Transformer
from gparticles.latent.residuals import Residuals as Residuals
from gparticles.latent.transport import LatentFlow as LatentFlow
from gparticles.latent.transport import latent_transport as latent_transport
from gparticles.latent.transport import load_latent_flow as load_latent_flow
