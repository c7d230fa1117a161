"""Makes docs/experiments/*.md from what benchmarks/experiments.py measured.

    python docs/make_experiments.py

Every number on a page, those in its sentences too, is read from benchmarks/results/experiments/.
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "experiments"
RESULTS = ROOT / "benchmarks" / "results" / "experiments"
sys.path.insert(0, str(ROOT / "benchmarks"))


def main() -> None:
    """Write every page whose results are there."""
    from studies import studies

    FOLDER.mkdir(exist_ok=True)
    for name, module in studies().items():
        path = RESULTS / f"{name}.json"
        if path.exists():
            text = module.PAGE.text(name, json.loads(path.read_text()))
            (FOLDER / f"{name}.md").write_text(text)


if __name__ == "__main__":
    main()
