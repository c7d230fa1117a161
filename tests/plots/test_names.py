"""What users call their columns, batches and labels stands in every picture as they wrote it."""

import io
import warnings

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager

from gparticles import plots
from gparticles.plots import style
from gparticles.plots.before_after import View, before_after_figure, groups_in_words
from gparticles.plots.losses import loss_curves, sample_panels
from gparticles.report import About, write_report
from gparticles.report.animation import save_animation
from gparticles.report.batches_page import BatchesPage, write_batches_report
from gparticles.report.representation import flow_html
from gparticles.report.shown import choose
from tests.evaluate.flows import made, walk
from tests.grids import few_fast

# the last two have letters that the usual font lacks
NAMES = {
    "$0-$50k": "$0-$50k",
    r"$\frac{1$": r"$\frac{1$",
    "a$b": "a$b",
    "العمر": "العمر",
    "caf\udce9": "caf\ufffd",
    "a\nb\tc\x00d": "a b c\ufffdd",
    "x" * 500: "x" * 63 + "…",
    "年龄": "column 1",
    "\U0001f9ec": "column 1",
}
GENERATOR = np.random.default_rng(0)


def drawn(figure):
    """The figure with warnings as errors, drawn by matplotlib itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.savefig(io.BytesIO(), format="png")


def labels(axes):
    names = [axes.xaxis, axes.yaxis, *([axes.zaxis] if hasattr(axes, "zaxis") else [])]
    return [axis.label for axis in names]


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("name", NAMES)
def test_columns_are_written_as_they_are(name, dim):
    figure = Figure()
    axes = figure.add_subplot(projection="3d") if dim == 3 else figure.add_subplot()
    plots.scatter(axes, *GENERATOR.normal(size=(2, 9, dim)), names=[name] * dim)
    drawn(figure)
    first = labels(axes)[0]
    assert first.get_text() == NAMES[name]
    assert not any(label.get_parse_math() for label in labels(axes))


def test_batches_labels_titles_and_curves_are_written_as_they_are():
    groups = np.array(list(NAMES) * 3)
    view = View(GENERATOR.normal(size=(len(groups), 2)), ("$x", "年"))
    figure = before_after_figure({"$a$ \udce9": view}, {"batch": groups, "$l$": groups})
    drawn(figure)
    legend = figure.axes[0].get_legend()
    assert legend is not None
    entries = [text.get_text() for text in legend.get_texts()]
    short = {name: label if len(label) < 24 else "x" * 23 + "…" for name, label in NAMES.items()}
    for number, name in enumerate(sorted(NAMES)):
        rare = short[name] == "column 1"
        assert entries[number] == (f"batch {number + 1}" if rare else short[name])
    words = groups_in_words({"batch": groups})
    assert "batch 8 is 年龄" in words
    assert "$0" not in words
    panel = Figure().add_subplot()
    loss_curves(panel, {name: [GENERATOR.random(9)] for name in list(NAMES)[:3]})
    drawn(panel.figure)
    several = Figure()
    sample_panels(several, walk(9, 2)[0], dict.fromkeys(NAMES, walk(8, 2)[0]), each_column=False)
    drawn(several)
    assert several.axes[0].get_title() == "$0-$50k"


@pytest.mark.parametrize("name", few_fast(NAMES, ("$0-$50k", "年龄")))
def test_a_run_is_drawn_and_reported_with_any_name(name, tmp_path):
    flow = made(walk(8, 2))
    shown = choose(flow, walk(5, 2)[0], columns=[name, "b"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plots.save_figures(flow, shown.target, folder=tmp_path, columns=shown.columns)
        save_animation(flow, shown, tmp_path / "way.gif")
        about = About(name, name, name, name, {name: name}, {name: {"value": 1.0, "title": name}})
        text = write_report(tmp_path / "report.html", flow, shown, about=about).read_text()
    rare = NAMES[name] == "column 1"
    assert (f"shows its number: column 1 is {name}." in text) == rare
    assert "\0" not in text


def test_pages_of_batches_and_notebooks_take_any_name(tmp_path):
    bad = "caf\udce9"
    page = BatchesPage(
        name=bad,
        description=bad,
        facts=[(bad, "\0")],
        notes=[bad],
        tables=[],
        command=bad,
        settings=[(bad, bad)],
        versions={bad: bad},
    )
    text = write_batches_report(tmp_path / "report.html", page, []).read_text()
    assert "<h1>caf\ufffd</h1>" in text
    flow = made(walk(8, 2), outcome="ended at caf\udce9")
    assert "ended at caf\ufffd" in flow_html(flow)


@pytest.fixture
def font_with_years(tmp_path):
    """A font of one character, 年, which the machine gets for the time of a test."""
    pen = TTGlyphPen(None)
    for corner, move in zip(
        [(0, 0), (0, 900), (900, 900)], [pen.moveTo, *[pen.lineTo] * 2], strict=True
    ):
        move(corner)
    pen.closePath()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "year"])
    builder.setupCharacterMap({ord("年"): "year"})
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "year": pen.glyph()})
    builder.setupHorizontalMetrics({".notdef": (1000, 0), "year": (1000, 0)})
    builder.setupHorizontalHeader(ascent=900, descent=-100)
    builder.setupNameTable({"familyName": "Years", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(tmp_path / "years.ttf")
    fontManager.addfont(tmp_path / "years.ttf")
    style._fonts.cache_clear()
    yield
    fontManager.ttflist = [font for font in fontManager.ttflist if font.name != "Years"]
    style._fonts.cache_clear()


@pytest.mark.usefixtures("font_with_years")
def test_a_font_that_has_the_letters_is_used():
    figure = Figure()
    axes = figure.add_subplot()
    plots.scatter(axes, *GENERATOR.normal(size=(2, 9, 2)), names=["$年", "龄"])
    drawn(figure)
    assert [label.get_text() for label in labels(axes)] == ["$年", "column 2"]
    assert labels(axes)[0].get_fontfamily()[-1] == "Years"
