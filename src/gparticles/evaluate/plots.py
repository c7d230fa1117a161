"""The figures stand in ``gparticles.plots``; this is where they were in 0.1.0."""

from gparticles.plots import Projection as Projection
from gparticles.plots import divergence_sweep as divergence_sweep
from gparticles.plots import history_curve as history_curve
from gparticles.plots import image_grid as image_grid
from gparticles.plots import image_strip as image_strip
from gparticles.plots import level_sets as level_sets
from gparticles.plots import limits as limits
from gparticles.plots import limits_over_time as limits_over_time
from gparticles.plots import outside as outside
from gparticles.plots import save_figures as save_figures
from gparticles.plots import scatter as scatter
from gparticles.plots import speed_field as speed_field
from gparticles.plots import strip as strip
