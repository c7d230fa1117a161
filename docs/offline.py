"""Checks that no page of the built site loads anything from another host."""

import re
from pathlib import Path
from typing import Any

from sphinx.errors import ExtensionError

# what a browser fetches by itself; links that a reader may follow are no such
LOADED = re.compile(
    r"<(?:script|img|link|iframe|source)\b[^>]*?(?:src|href)=\"((?:https?:)?//[^\"]*)"
)
STYLED = re.compile(r"(?:url\(|@import )[\"']?((?:https?:)?//[^\"')]*)")


def foreign(folder: Path) -> list[str]:
    """What the pages and styles of a folder load from other hosts."""
    loads = [(LOADED, path) for path in folder.rglob("*.html")]
    loads += [(STYLED, path) for path in folder.rglob("*.css")]
    return [
        f"{path.relative_to(folder)}: {address}"
        for pattern, path in loads
        for address in pattern.findall(path.read_text(encoding="utf-8"))
    ]


def check(app: Any, error: Exception | None) -> None:
    """Ends the build where there is something."""
    addresses = foreign(Path(app.outdir)) if error is None else []
    if addresses:
        raise ExtensionError(f"{len(addresses)} requests to other hosts, such as {addresses[0]}")
