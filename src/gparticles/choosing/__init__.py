"""Which way to new rows suits a table: a few of them, scored on rows that were held out."""

from gparticles.choosing.choice import WayChoice as WayChoice
from gparticles.choosing.choice import choose_way as choose_way
from gparticles.choosing.ways import DEFAULT as DEFAULT
from gparticles.choosing.ways import WAYS as WAYS
from gparticles.choosing.ways import FittedWay as FittedWay
from gparticles.choosing.ways import Way as Way
from gparticles.choosing.ways import blurred as blurred
