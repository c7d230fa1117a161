"""Makes the pictures of the README by running the library: python docs/make_images.py.

The report's picture is a screenshot, and is left as it is where no Chromium is installed.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d import Axes3D

import gparticles as gpa
from gparticles.data import gaussian, swiss_roll

IMAGES = Path(__file__).parent / "images"

# Okabe and Ito's colours, which colour-blind readers tell apart
TARGET, SOURCE, PARTICLES = "#D55E00", "#666666", "#0072B2"


def panel(axes: Axes3D, points: np.ndarray, title: str, *, colour: str, size: float) -> None:
    """One cloud, all panels on the same box; the roll is seen along its axis, from above."""
    x, y, z = points.T
    # fading with depth would hide the far side
    axes.scatter(x, y, z, s=size, c=colour, alpha=0.7, linewidths=0, depthshade=False)
    axes.set_title(title, fontsize=15, y=1.02)
    axes.set(xlim=(-13, 15), ylim=(-6, 24), zlim=(-13, 16))
    axes.view_init(elev=9, azim=-80)
    axes.set_box_aspect((1, 1, 1), zoom=1.2)
    for axis, name in ((axes.xaxis, "x1"), (axes.yaxis, "x2"), (axes.zaxis, "x3")):
        axis.set_label_text(name, fontsize=12)
        axis.labelpad = -4
        axis.set_pane_color((0.97, 0.97, 0.97, 1.0))
        axis.set_tick_params(labelsize=10, pad=-1)
        axis.set_ticks([0, 20] if axis is axes.yaxis else [-10, 0, 10])


def swiss_roll_picture() -> Figure:
    """200 targets, a source drawn once, and where 5000 particles of it end."""
    target = swiss_roll(200, seed=0)
    source = gaussian(5000, dim=3, std=3.0, seed=1)
    flow = gpa.transport(source, target, seed=0)
    figure = Figure(figsize=(13.5, 4.4))
    panels = [figure.add_subplot(1, 3, k, projection="3d") for k in (1, 2, 3)]
    figure.subplots_adjust(left=0, right=0.97, bottom=0.04, top=0.9, wspace=0.02)
    panel(panels[0], target, "target: 200 points", colour=TARGET, size=20)
    panel(panels[1], source, "source: 5000 points of N(0, 9 I)", colour=SOURCE, size=5)
    panel(panels[2], flow.particles, "particles: where these 5000 end", colour=PARTICLES, size=5)
    return figure


def save(figure: Figure, name: str) -> None:
    path = IMAGES / name
    figure.savefig(path, dpi=110, facecolor="white", bbox_inches="tight", pad_inches=0.1)
    shrink(path)


def shrink(path: Path) -> None:
    # a palette of 256 colours is what keeps the file small
    from PIL import Image

    with Image.open(path) as image:
        small = image.convert("RGB").quantize(colors=256)
    small.save(path, optimize=True)


def report_picture(path: Path) -> None:
    """The top of the Swiss roll's report."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        sys.stderr.write("no Chromium here: the report's picture is left as it is\n")
        return
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "swiss-roll"
        gpa = Path(sys.executable).with_name("gpa")
        subprocess.run([gpa, "run", "swiss-roll", "--out", run], check=True)
        options = "--headless=new --no-sandbox --use-angle=swiftshader --hide-scrollbars"
        options += " --enable-unsafe-swiftshader --virtual-time-budget=20000"
        shot = [f"--window-size=1100,980 --screenshot={path}", (run / "report.html").as_uri()]
        subprocess.run([program, *options.split(), *shot[0].split(), shot[1]], check=True)
    shrink(path)


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    save(swiss_roll_picture(), "swiss-roll.png")
    report_picture(IMAGES / "report.png")
