"""Makes docs/experiments/*.md from what benchmarks/experiments.py measured.

    python docs/make_experiments.py

Every number on a page, those in its sentences too, is read from benchmarks/results/experiments/.
README.md there lists the pages.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "experiments"
RESULTS = ROOT / "benchmarks" / "results" / "experiments"
sys.path.insert(0, str(ROOT / "benchmarks"))


def seconds(record: dict[str, Any]) -> float:
    """What a study took: as a whole where that was kept, or else its flows alone."""
    runs = [run["scores"].get("seconds", 0.0) for row in record["rows"].values() for run in row]
    return record.get("took", sum(runs))


def index(titles: dict[str, str], records: dict[str, dict[str, Any]]) -> str:
    """A line for each page."""
    lines = [
        "# Experiments",
        "",
        "One page each: the claim, the command, the figure, the table and what was found.",
        "`python benchmarks/experiments.py NAME` measures again, on the seeds of its page. The time",
        "is that of the last measurement, on cores that others used too.",
        "",
        "| page | about | seeds | seconds |",
        "|---|---|---|---|",
    ]
    for name, record in records.items():
        seeds = len(record.get("seeds", []))
        lines.append(f"| [{name}]({name}.md) | {titles[name]} | {seeds} | {seconds(record):.0f} |")
    return "\n".join([*lines, ""])


def main() -> None:
    """Write every page whose results are there, and the index."""
    from studies import studies

    FOLDER.mkdir(exist_ok=True)
    known = {n: m for n, m in studies().items() if (RESULTS / f"{n}.json").exists()}
    records = {name: json.loads((RESULTS / f"{name}.json").read_text()) for name in known}
    for name, module in known.items():
        (FOLDER / f"{name}.md").write_text(module.PAGE.text(name, records[name]))
    titles = {name: module.PAGE.title for name, module in known.items()}
    (FOLDER / "README.md").write_text(index(titles, records))


if __name__ == "__main__":
    main()
