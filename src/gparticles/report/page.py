"""From a finished run to the page."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from gparticles.flow import Flow
from gparticles.outputs import replace_file
from gparticles.plots.style import names_in_words
from gparticles.report import packing, words
from gparticles.report.checking import check_flow, check_metrics, check_shown, check_versions
from gparticles.report.shown import Shown
from gparticles.report.table_section import SCORES, TableSection


@dataclass(frozen=True, kw_only=True)
class Page:
    """What every page but that of a flow says.

    Attributes:
        name, description: at the top.
        facts: names and numbers in boxes.
        notes: what the user should know.
        command: what made it.
        settings: names and values.
        versions: of the software.
    """

    name: str
    description: str
    facts: Sequence[tuple[str, str]]
    notes: Sequence[str]
    command: str
    settings: Sequence[tuple[str, str]]
    versions: dict[str, str]


@dataclass(frozen=True)
class About:
    """What the page says about a run besides its flow.

    Attributes:
        name: the title.
        description: one line on what was run, or empty.
        command: what repeats the run.
        config: the text of its ``config.toml``.
        versions: of the software it ran with.
        metrics: as in ``metrics.json``.
        table: what is said of a table's rows, or None.
        over_time: of some images on their way, as ``in_place`` makes them.
        pictures: of images beside those they are most like, likewise.
    """

    name: str
    description: str
    command: str
    config: str
    versions: dict[str, str]
    metrics: dict[str, Any]
    table: TableSection | None = None
    over_time: Sequence[dict[str, str]] = ()
    pictures: Sequence[dict[str, str]] = ()


def write_report(path: Path, flow: Flow, shown: Shown | None, *, about: About) -> Path:
    """Writes the page to a temporary name and moves it into place.

    Args:
        path: of the page.
        flow: the finished flow.
        shown: what to show of it; None where the target is not known, whose particles are then
            left out.
        about: everything else.

    Raises:
        InputError: what cannot be drawn or said, as in a damaged folder.

    Returns:
        ``path``. The page needs no other file and no network, and has at most 6 MB.
    """
    replace_file(path, html(flow, shown, about=about).encode())
    return path


def html(flow: Flow, shown: Shown | None, *, about: About) -> str:
    """The page as text; all of a user's words in it are escaped."""
    check_metrics(about.metrics)
    check_versions(about.versions)
    images = flow.particles.ndim > 2
    clouds: dict[str, Any] | None = None
    if shown is None:
        check_flow(flow)
    else:
        check_shown(flow, shown)
        clouds = (packing.packed_images if images else packing.packed_points)(flow, shown)
    data = {
        "clouds": clouds,
        "images": images,
        "totalSteps": flow.steps,
        "history": packing.packed_history(flow, words.HISTORY),
    }
    page = template("page.html.jinja").render(
        about=about,
        flow=flow,
        shown=shown,
        images=images,
        clouds=clouds,
        thinning=None if clouds is None else _thinning(flow, clouds),
        numbered="" if shown is None else _numbered(shown),
        facts=words.key_numbers(flow, about.metrics),
        answers=words.answers(flow, about.metrics),
        rows=words.rows(about.metrics),
        scores=tuple(SCORES.values()),
        curves=data["history"],
        data=script_json(data),
        plotly=packing.plotly_script(),
        css=part("page.css"),
        js=part("page.js"),
    )
    return words.readable(page)


def _numbered(shown: Shown) -> str:
    """The names of columns that pictures may show as numbers; more than three are not named."""
    columns = shown.columns or ()
    return names_in_words(columns, "column") if len(columns) <= 3 else ""


def _thinning(flow: Flow, clouds: dict[str, Any]) -> str:
    return words.thinning(
        clouds["count"], len(flow.particles), len(clouds["steps"]), len(flow.trajectory)
    )


def script_json(value: Any) -> str:
    """JSON that may stand in a script element, whatever its strings hold.

    >>> script_json("</script>")
    '"\\\\u003c/script\\\\u003e"'
    """
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def part(name: str) -> str:
    """The text of a file beside this one."""
    return (resources.files(__package__ or "") / name).read_text(encoding="utf-8")


def in_place(pictures: Sequence[tuple[Path, str]]) -> list[dict[str, str]]:
    """PNG files as text that stands in a page, with their captions."""
    return [
        {"data": base64.b64encode(picture.read_bytes()).decode(), "caption": caption}
        for picture, caption in pictures
    ]


@cache
def template(name: str) -> Any:
    """A page to be filled in; whatever is filled in is escaped."""
    # jinja2 loads only where a page is written
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(part(name))
