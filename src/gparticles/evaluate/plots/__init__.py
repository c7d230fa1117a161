"""Figures: each function draws on matplotlib Axes that it is given, and returns them.

Nothing here opens a window or touches pyplot's global state. Points have Okabe and Ito's colours,
which colour-blind readers tell apart; fields have cividis, whose lightness grows evenly, so that
they survive a printer without colours.
"""

from gparticles.evaluate.plots.clouds import scatter as scatter
from gparticles.evaluate.plots.clouds import strip as strip
from gparticles.evaluate.plots.curves import divergence_sweep as divergence_sweep
from gparticles.evaluate.plots.curves import history_curve as history_curve
from gparticles.evaluate.plots.fields import level_sets as level_sets
from gparticles.evaluate.plots.fields import speed_field as speed_field
from gparticles.evaluate.plots.figures import save_figures as save_figures
from gparticles.evaluate.plots.images import image_grid as image_grid
from gparticles.evaluate.plots.images import image_strip as image_strip
from gparticles.evaluate.plots.projection import Projection as Projection
from gparticles.evaluate.plots.projection import limits as limits
from gparticles.evaluate.plots.projection import limits_over_time as limits_over_time
from gparticles.evaluate.plots.projection import outside as outside
