"""How Sphinx builds the site: `make docs`, or `sphinx-build -W -b html docs docs/_build/html`.

Everything that a page loads lies beside it: no page asks another host for anything.
"""

import os
import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))

import make_map
import make_reference
import offline

import gparticles
from gparticles.command.programs import keep_programs

# what the examples compile is kept for the next build
keep_programs()

project = "gparticles"
author = "The gparticles developers"
copyright = author
version = release = gparticles.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "_static"]

myst_enable_extensions = ["colon_fence", "dollarmath", "deflist"]
myst_heading_anchors = 4
# a stand-alone MathJax 3.2.2, with its licence beside it
mathjax_path = "mathjax/tex-svg.js"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
maximum_signature_line_length = 70
python_display_short_literal_types = True

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# GALLERY=off reads the examples and does not run them: a check of the words only
DRAWN = os.environ.get("GALLERY") != "off"
suppress_warnings = [] if DRAWN else ["image.not_readable"]
SECTIONS = ("first", "tables", "measuring", "flow")
sphinx_gallery_conf = {
    "examples_dirs": ["../examples/gallery"],
    "gallery_dirs": ["gallery"],
    "subsection_order": [f"../examples/gallery/{name}" for name in SECTIONS],
    "within_subsection_order": "gallery_order.FirstFigures",
    # every script is run, once: later builds run those that changed
    "filename_pattern": "",
    "copyfile_regex": r".*GALLERY_HEADER.rst",
    "abort_on_example_error": True,
    "remove_config_comments": True,
    "download_all_examples": False,
    "show_signature": False,
    "min_reported_time": 1e9,
    "write_computation_times": False,
    "plot_gallery": DRAWN,
    "image_srcset": [],
    "reset_modules": ("matplotlib",),
}

html_theme = "pydata_sphinx_theme"
html_title = "gparticles"
html_static_path = ["_static"]
html_css_files = ["gparticles.css"]
html_show_sphinx = False
html_copy_source = False
html_theme_options = {
    "logo": {"text": "gparticles"},
    "navbar_align": "left",
    "header_links_before_dropdown": 7,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_sidebars = {
    "index": [],
    "start": [],
    "which-method": [],
    "how-do-i": [],
    "concepts": [],
    "contributing": [],
}


def setup(app):
    """Writes the reference before anything is read."""
    app.connect("config-inited", lambda *_: make_reference.write(DOCS / "reference"), priority=1)
    app.connect("config-inited", lambda *_: make_map.write(DOCS / "reference" / "house.svg"))
    # before napoleon, which adds signs that count
    app.connect("autodoc-process-docstring", make_reference.escape, priority=100)
    app.connect("autodoc-skip-member", make_reference.skip)
    app.connect("build-finished", offline.check)
