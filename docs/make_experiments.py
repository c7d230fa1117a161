"""Makes docs/experiments/*.md from what benchmarks/experiments.py measured.

    python docs/make_experiments.py

Every number on a page, those in its sentences too, is read from benchmarks/results/experiments/.
README.md there lists the pages.
"""

import json
import sys
from pathlib import Path
from typing import Any

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
    lines = [f"* [{titles[n]}]({n}.md), {seconds(r):.0f} s" for n, r in records.items()]
    return f"""# Experiments

What the method is said to do, measured over several seeds: one page for each claim,
with the command, a figure, a table and whether the claim holds. The seconds are those of the last
measurement of the whole page, on cores that others used too.

{chr(10).join(lines)}
"""


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
