"""The documentation names what there is, and its links lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import gparticles
from gparticles.data import SAMPLERS, SOURCES
from gparticles.divergence import REGISTRY
from gparticles.experiment.config import Config, Keep, Latent, Potential, Stop
from tests.blocks import blocks, commands

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
# what the build writes, and its own links with it, is checked by the build
BUILT = ("reference", "gallery", "_build")
PAGES = [
    page
    for page in (*ROOT.glob("*.md"), *DOCS.rglob("*.md"))
    if not {*BUILT} & {*page.relative_to(ROOT).parts}
]
PROGRAMS = ("gpa", "make", "python", "pip", ".venv/bin/python")
GALLERY = ROOT / "examples" / "gallery"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        file, _, heading = link.partition("#")
        if "://" in link:
            continue
        linked = (page.parent / source_of(file)) if file else page
        assert linked.exists(), link
        if heading:
            titles = re.findall(r"^#+ (.*)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {re.sub(r"[^\w -]", "", t.lower()).replace(" ", "-") for t in titles}


def source_of(file):
    """What a page of the build is made from."""
    name = re.fullmatch(r"reference/api/(\w+)\.md", file)
    if name:
        assert name[1] in gparticles.__all__, file
        return "make_reference.py"
    if file.startswith("reference/"):
        return "make_reference.py"
    example = re.fullmatch(r"gallery/(.*)\.rst", file)
    if example is None:
        return file
    source = "GALLERY_HEADER.rst" if example[1] == "index" else f"{example[1]}.py"
    return f"../examples/gallery/{source}"


def test_every_page_is_in_the_navigation():
    trees = "\n".join(
        block
        for page in DOCS.glob("*.md")
        for block in re.findall(r"```\{toctree\}\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    ).split()
    for page in DOCS.glob("*.md"):
        assert page.stem == "index" or page.stem in trees, page.name


def test_every_public_name_has_an_example():
    written = [path.read_text("utf-8") for path in GALLERY.rglob("*.py")]
    written += [b.text for page in PAGES for b in blocks(page) if b.language == "python"]
    everything = "\n".join(written)
    assert [n for n in gparticles.__all__ if not re.search(rf"\bgpa\.{n}\b", everything)] == []


def test_studies_that_pages_name_are_there():
    studies = {path.stem.replace("_", "-") for path in (ROOT / "benchmarks" / "studies").glob("*")}
    named = re.findall(
        r"python benchmarks/run\.py ([\w-]+)", "\n".join(page.read_text("utf-8") for page in PAGES)
    )
    assert set(named) - studies - {"NAME", "STUDY"} == set()


def test_no_page_holds_an_unfinished_merge():
    marks = re.compile(r"^(<{7}|>{7}|\|{7}) ", re.MULTILINE)
    assert [page.name for page in PAGES if marks.search(page.read_text("utf-8"))] == []


def test_pictures_have_words_for_those_who_do_not_see_them():
    for page in PAGES:
        text = page.read_text("utf-8")
        assert not re.search(r"!\[\s*\]\(", text), page
        figures = re.findall(r"```\{figure\} .*\n((?::.*\n)*)", text)
        assert all(":alt: " in options for options in figures), page


def test_examples_of_the_gallery_have_a_title_and_a_picture():
    paths = sorted(GALLERY.rglob("*.py"))
    assert len(paths) >= 15
    for path in paths:
        text = path.read_text("utf-8")
        assert re.match(r'"""\n(.+)\n(=+)\n\n', text), path
        assert "plt.show()" in text, path


def test_blocks_of_shell_name_commands():
    """The words that a page types are known here; the slow tests run them."""
    for page in PAGES:
        for block in blocks(page):
            for command in commands(block) if block.language == "sh" else ():
                assert command.split()[0] in PROGRAMS, f"{page}: {command}"


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
    page = (DOCS / "custom-data.md").read_text(encoding="utf-8")
    assert [name for name in names if f"`{name}`" not in page] == []


def test_every_f_is_documented():
    page = (DOCS / "mathematics.md").read_text(encoding="utf-8")
    for name in REGISTRY:
        assert f"| `{'alpha:a' if name == 'alpha' else name}`" in page, name


def test_the_reference_has_every_name_and_option(tmp_path):
    """In a process of its own: the tests' import hook changes signatures."""
    program = "import make_reference as reference; reference.write(reference.Path({!r}))"
    command = [sys.executable, "-c", program.format(str(tmp_path))]
    subprocess.run(command, check=True, cwd=DOCS)
    assert {path.stem for path in (tmp_path / "api").glob("*.md")} == set(gparticles.__all__)
    command = (tmp_path / "command.md").read_text("utf-8")
    for words in ("## gpa run", "| `--validation` SHARE |", "## gpa divergence", "`--tolerance`"):
        assert words in command
    recipes = (tmp_path / "recipes.md").read_text("utf-8")
    assert "## swiss-roll" in recipes
