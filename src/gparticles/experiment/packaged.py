"""The recipes that come with gparticles; listing them loads nothing else."""

import tomllib
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "recipes"


def packaged() -> dict[str, str]:
    """The recipes that come with gparticles: their names and one line each."""
    names = sorted(path.stem for path in FOLDER.glob("*.toml"))
    return {name: packaged_keys(name).get("description", "") for name in names}


def packaged_keys(name: str) -> dict[str, Any]:
    """The content of one of them; files that it names are those beside it."""
    keys = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    target = keys.get("target")
    if isinstance(target, dict) and "file" in target:
        target["file"] = str((FOLDER / target["file"]).resolve())
    return keys


def courses() -> dict[str, dict[str, Any]]:
    """The courses that come with gparticles, which ``gpa trajectory`` takes, by name."""
    paths = sorted((FOLDER / "courses").glob("*.toml"))
    return {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in paths}
