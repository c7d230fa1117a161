"""The documentation names what there is, and its links lead somewhere."""

import re
from pathlib import Path

import pytest

from gparticles.data import SAMPLERS, SOURCES
from gparticles.divergence import REGISTRY
from gparticles.experiment.config import Config, Keep, Latent, Potential, Stop

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        file, _, heading = link.partition("#")
        if "://" in link:
            continue
        found = page.parent / file if file else page
        assert found.exists(), link
        if heading:
            titles = re.findall(r"^#+ (.*)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {title.lower().replace(" ", "-") for title in titles}, link


def test_every_page_is_in_the_index():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "index.md" or f"({page.name})" in index, page.name


@pytest.mark.parametrize(
    "names",
    [
        SAMPLERS,
        SOURCES,
        *(section.model_fields for section in (Config, Latent, Potential, Stop, Keep)),
    ],
    ids=["samplers", "noise", "recipe", "latent", "potential", "stop", "store"],
)
def test_names_in_recipes_are_documented(names):
    page = (ROOT / "docs" / "custom-data.md").read_text(encoding="utf-8")
    assert [name for name in names if f"`{name}`" not in page] == []


def test_every_f_is_documented():
    page = (ROOT / "docs" / "mathematics.md").read_text(encoding="utf-8")
    for name in REGISTRY:
        assert f"| `{'alpha:a' if name == 'alpha' else name}`" in page, name
