"""Figures: each function draws on matplotlib Axes that it is given, and returns them.

Nothing here opens a window or touches pyplot's global state. Points have Okabe and Ito's colours,
which colour-blind readers tell apart; fields have cividis, whose lightness grows evenly, so that
they survive a printer without colours.
"""

from gparticles.plots.curves import divergence_sweep as divergence_sweep
from gparticles.plots.curves import history_curve as history_curve
from gparticles.plots.fields import level_sets as level_sets
from gparticles.plots.fields import speed_field as speed_field
from gparticles.plots.figures import save_figures as save_figures
from gparticles.plots.images import image_grid as image_grid
from gparticles.plots.images import image_strip as image_strip
from gparticles.plots.points import scatter as scatter
from gparticles.plots.points import strip as strip
from gparticles.plots.projection import Projection as Projection
from gparticles.plots.projection import limits as limits
from gparticles.plots.projection import limits_over_time as limits_over_time
from gparticles.plots.projection import outside as outside
