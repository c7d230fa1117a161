"""Snapshots in time: flows from each to the next, and one velocity field over the whole course."""

from gparticles.timecourse.annotated import gene_curves as gene_curves
from gparticles.timecourse.annotated import integrate_times as integrate_times
from gparticles.timecourse.clock import read_times as read_times
from gparticles.timecourse.course import Trajectory as Trajectory
from gparticles.timecourse.course import load_trajectory as load_trajectory
from gparticles.timecourse.course import trajectory as trajectory
from gparticles.timecourse.judging import leave_out as leave_out
