"""The baselines: generators trained against the same potentials that move particles."""

from gparticles.gan.critics import AbstractCritic as AbstractCritic
from gparticles.gan.critics import ClippedCritic as ClippedCritic
from gparticles.gan.critics import LipschitzCritic as LipschitzCritic
from gparticles.gan.critics import PenalisedCritic as PenalisedCritic
from gparticles.gan.model import GAN as GAN
from gparticles.gan.training import TrainingProgress as TrainingProgress
from gparticles.gan.training import train_gan as train_gan
