"""How particles move: integrators, the driver, the finished flow."""

from gparticles.flow.checkpoint import Checkpoint as Checkpoint
from gparticles.flow.exact import ExactPotential as ExactPotential
from gparticles.flow.integrators import RK4 as RK4
from gparticles.flow.integrators import AbstractIntegrator as AbstractIntegrator
from gparticles.flow.integrators import AdamsBashforth as AdamsBashforth
from gparticles.flow.integrators import AdamsBashforthMoulton as AdamsBashforthMoulton
from gparticles.flow.integrators import Euler as Euler
from gparticles.flow.integrators import Heun as Heun
from gparticles.flow.integrators import parse_integrator as parse_integrator
from gparticles.flow.recording import Progress as Progress
from gparticles.flow.recording import Store as Store
from gparticles.flow.settings import Cooldown as Cooldown
from gparticles.flow.solution import Flow as Flow
from gparticles.flow.solution import load_flow as load_flow
from gparticles.flow.stepping import Info as Info
from gparticles.flow.stepping import Problem as Problem
from gparticles.flow.stepping import State as State
from gparticles.flow.stepping import init as init
from gparticles.flow.stepping import step as step
from gparticles.flow.stopping import AbstractStop as AbstractStop
from gparticles.flow.stopping import HeldOut as HeldOut
from gparticles.flow.stopping import KineticEnergy as KineticEnergy
from gparticles.flow.transport import prepare as prepare
from gparticles.flow.transport import transport as transport
