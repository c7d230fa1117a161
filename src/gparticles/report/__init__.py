"""``report.html``: one file that shows a run, without a network."""

from gparticles.report.page import About as About
from gparticles.report.page import write_report as write_report
