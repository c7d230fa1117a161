"""What users bring: files and frames, in and out."""

from gparticles.tables.files import kind_of as kind_of
from gparticles.tables.files import load as load
from gparticles.tables.files import save as save
from gparticles.tables.frames import from_frame as from_frame
from gparticles.tables.frames import is_frame as is_frame
from gparticles.tables.frames import to_frame as to_frame
from gparticles.tables.loaders import load_custom as load_custom
from gparticles.tables.table import Table as Table
from gparticles.tables.table import check_same_columns as check_same_columns
from gparticles.tables.table import from_array as from_array
from gparticles.tables.table import made_up_ids as made_up_ids
