"""Draws the map of the house from the imports themselves: `conf.py` does so at every build.

    python docs/make_map.py house.svg

A box is a room of `src/gparticles`, an arrow an import. An import that other arrows already imply
is left out, and so are the small modules that every room may use.
"""

import ast
import sys
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

SOURCE = Path(__file__).parents[1] / "src" / "gparticles"
MATHEMATICS = {"divergence", "potential", "flow"}
BOX, INK, EDGE = ("#DCEBF5", "#F2F2F2"), "#1A1A1A", "#5B6770"


def rooms() -> dict[str, list[Path]]:
    """The files of every room: folders with modules, and the estimators."""
    folders = {path.parent.name: path.parent for path in SOURCE.glob("*/__init__.py")}
    files = {name: sorted(folder.rglob("*.py")) for name, folder in folders.items()}
    return files | {"estimators": [SOURCE / "estimators.py"]}


def imports() -> dict[str, set[str]]:
    """Which rooms each room imports."""
    files = rooms()
    return {
        room: {r for p in paths for r in imported(p)} & set(files) - {room}
        for room, paths in files.items()
    }


def imported(path: Path) -> set[str]:
    """The rooms that a file imports, also where it does so inside of a function."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {n.split(".")[1] for n in names if n.startswith("gparticles.")}


def needed(edges: dict[str, set[str]]) -> dict[str, set[str]]:
    """The imports that no chain of other imports implies."""

    def reach(room: str) -> set[str]:
        return edges[room].union(*map(reach, edges[room]))

    return {room: below - set().union(*map(reach, below)) for room, below in edges.items()}


def floors(edges: dict[str, set[str]]) -> dict[str, int]:
    """How many rooms lie below each, one above the other."""

    def floor(room: str) -> int:
        return max((floor(below) + 1 for below in edges[room]), default=0)

    return {room: floor(room) for room in edges}


def places(edges: dict[str, set[str]]) -> dict[str, tuple[float, float]]:
    """The middle of every box: floors from below, rooms beside each other near what they import."""
    levels = floors(edges)
    spots: dict[str, tuple[float, float]] = {}
    for level in range(max(levels.values()) + 1):
        row = sorted(room for room in levels if levels[room] == level)

        def pull(room: str) -> float:
            below = [spots[r][0] for r in edges[room]]
            return sum(below) / len(below) if below else (0.0 if room in MATHEMATICS else 1.0)

        row.sort(key=pull)
        for k, room in enumerate(row):
            spots[room] = (2.1 * (k - (len(row) - 1) / 2), 1.15 * level)
    return spots


def picture() -> Figure:
    every = imports()
    edges, spots = needed(every), places(every)
    width = max(abs(x) for x, _ in spots.values()) + 1.1
    height = max(y for _, y in spots.values()) + 0.5
    figure = Figure(figsize=(1.15 * 2 * width, 1.0 * (height + 0.5)))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-width, width), ylim=(-0.5, height))
    axes.set_axis_off()
    for room, below in edges.items():
        for other in below:
            start, end = spots[room], spots[other]
            bend = 0.18 if abs(start[0] - end[0]) < 0.1 and start[1] - end[1] > 1.5 else 0.0
            axes.annotate(
                "",
                xy=(end[0], end[1] + 0.27),
                xytext=(start[0], start[1] - 0.27),
                arrowprops={
                    "arrowstyle": "-|>",
                    "color": EDGE,
                    "lw": 1.1,
                    "connectionstyle": f"arc3,rad={bend}",
                },
            )
    for room, (x, y) in spots.items():
        axes.text(
            x,
            y,
            room,
            ha="center",
            va="center",
            size=13,
            color=INK,
            bbox={
                "boxstyle": "round,pad=0.42",
                "fc": BOX[room not in MATHEMATICS],
                "ec": EDGE,
            },
        )
    return figure


def write(path: Path) -> None:
    """The map as SVG, with letters as letters, the same bytes from the same imports."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "gparticles"}):
        picture().savefig(path, metadata={"Date": None}, facecolor="white")


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "house.svg"))
