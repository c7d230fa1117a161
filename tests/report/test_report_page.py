"""report.html in a real browser: it draws, the slider moves the points, and nothing leaves it."""

import numpy as np
import pytest

from gparticles.report import About, write_report
from gparticles.report.shown import choose
from tests.evaluate.flows import made, walk
from tests.report.browser import PROGRAM, Browser

pytestmark = [
    pytest.mark.skipif(PROGRAM is None, reason="no Chromium here"),
    pytest.mark.slow,
]

EVIL = '</script><img src="x" onerror="window.evil = 1"><b>'
METRICS = {"w2": {"value": 1.0, "fresh": 0.5, "unit": "data units", "sentence": EVIL}}
ABOUT = About(EVIL, EVIL, EVIL, EVIL, {"Python": "3"}, METRICS)
FIRST = "document.getElementById('cloud').data[0].{}"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    found = Browser(tmp_path_factory.mktemp("profile"))
    yield found
    found.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Reports of a flow in the plane, in space, and of images, and these flows."""
    found = {}
    for name, shape in {"plane": (40, 2), "space": (700, 3), "images": (12, 8, 8)}.items():
        flow = made(walk(*shape))
        columns = [EVIL] * shape[1] if len(shape) == 2 else None
        shown = choose(flow, walk(30, *shape[1:], seed=1)[-1], columns=columns)
        path = tmp_path_factory.mktemp(name) / "report.html"
        found[name] = write_report(path, flow, shown, about=ABOUT), flow
    return found


def check_quiet(browser, path):
    assert browser.complaints() == []
    assert browser.requests() == [path.resolve().as_uri()]
    assert browser.evaluate("window.evil") is None


@pytest.mark.parametrize("name", ["plane", "space"])
def test_the_slider_moves_the_points(name, browser, pages):
    path, flow = pages[name]
    browser.open(path)
    axes = "xyz"[: flow.particles.shape[1]]
    for frame, key in ((-1, None), (0, "Home"), (1, "ArrowRight")):
        if key is not None:
            browser.evaluate("document.getElementById('time').focus()")
            browser.press(key)
            browser.wait_for(f"document.getElementById('now').value.startsWith('step {frame} ')")
        for k, axis in enumerate(axes):
            wanted = flow.trajectory[frame, :, k]
            first = FIRST.format(axis)
            browser.wait_for(f"Math.abs({first}[0] - {wanted[0]}) < 1e-3")
            np.testing.assert_allclose(browser.evaluate(first), wanted, atol=2e-4)
    check_quiet(browser, path)


def test_the_points_on_the_screen_move(browser, pages):
    path, _ = pages["plane"]
    browser.open(path)
    drawn = "[...document.querySelectorAll('.scatterlayer .trace')].slice(0, 2).map(" + (
        "t => [...t.querySelectorAll('.point')].map(p => p.getAttribute('transform')).join())"
    )
    before = browser.evaluate(drawn)
    assert before[0].count("translate") == 40
    browser.evaluate("document.getElementById('time').focus()")
    browser.press("ArrowLeft")
    browser.wait_for(f"{drawn}[0] !== {before[0]!r}")
    assert browser.evaluate(drawn)[1] == before[1], "the target stays"


def test_the_button_plays_to_the_end(browser, pages):
    path, _ = pages["plane"]
    browser.open(path)
    browser.evaluate("document.getElementById('play').focus()")
    browser.press("Enter")
    value = "Number(document.getElementById('time').value)"
    browser.wait_for(f"{value} < 5")
    label = "document.getElementById('play').textContent"
    browser.wait_for(f"{value} === 5 && {label} === 'Play'")
    check_quiet(browser, path)


def test_images_over_time(browser, pages):
    path, _ = pages["images"]
    browser.open(path)
    picture = "document.getElementById('picture')"
    last = browser.evaluate(f"{picture}.src")
    browser.evaluate("document.getElementById('time').focus()")
    browser.press("Home")
    browser.wait_for(f"{picture}.src !== {last!r} && {picture}.complete")
    assert browser.evaluate(f"{picture}.naturalWidth") == 91
    check_quiet(browser, path)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("name", ["plane", "images"])
def test_it_fits_and_can_be_read(name, width, scheme, browser, pages):
    path, _ = pages[name]
    browser.open(path, width=width, scheme=scheme)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    colours = {
        key: _luminance(
            browser.evaluate(
                f"getComputedStyle(document.documentElement).getPropertyValue('--{key}')"
            )
        )
        for key in ("page", "card", "ink", "faint", "focus", "bad")
    }
    assert (colours["page"] > 0.5) == (scheme == "light")
    for ground in ("page", "card"):
        for ink in ("ink", "faint", "focus", "bad"):
            low, high = sorted((colours[ground], colours[ink]))
            # WCAG 2.2, success criterion 1.4.3
            assert (high + 0.05) / (low + 0.05) >= 4.5, (ground, ink)
    # plotly took the page's colours: its texts are as light as the page's
    curve = browser.evaluate("getComputedStyle(document.querySelector('.curve .xtick text')).fill")
    values = [int(v) for v in curve.removeprefix("rgb(").removesuffix(")").split(",")]
    assert (np.mean(values) < 128) == (scheme == "light")
    check_quiet(browser, path)


def _luminance(colour):
    """WCAG's relative luminance of #rrggbb."""
    digits = colour.strip().removeprefix("#")
    shares = np.array([int(digits[k : k + 2], 16) for k in (0, 2, 4)]) / 255
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_the_keyboard_reaches_everything(browser, pages):
    browser.open(pages["plane"][0])
    active = "document.activeElement"
    browser.press("Tab")
    assert browser.evaluate(f"{active}.className") == "skip"
    assert browser.evaluate(f"{active}.getBoundingClientRect().left") >= 0
    assert browser.evaluate(f"getComputedStyle({active}).outlineStyle") == "solid"
    reached = []
    for _ in range(8):
        browser.press("Tab")
        reached.append(browser.evaluate(f"{active}.id"))
        assert browser.evaluate(f"getComputedStyle({active}).outlineStyle") != "none"
    assert [name for name in reached if name][:2] == ["play", "time"]


def test_a_change_of_scheme_recolours(browser, pages):
    browser.open(pages["plane"][0])
    colour = "document.getElementById('cloud').data[0].marker.color"
    before = browser.evaluate(colour)
    feature = {"name": "prefers-color-scheme", "value": "dark"}
    browser.send("Emulation.setEmulatedMedia", features=[feature])
    browser.wait_for(f"{colour} !== {before!r}")


def test_without_webgl_space_is_drawn_in_the_plane(browser, pages):
    path, flow = pages["space"]
    blind = "const g = HTMLCanvasElement.prototype.getContext; HTMLCanvasElement.prototype." + (
        "getContext = function (k, ...r) { return /webgl/.test(k) ? null : g.call(this, k, ...r); }"
    )
    script = browser.send("Page.addScriptToEvaluateOnNewDocument", source=blind)["identifier"]
    try:
        browser.open(path)
        assert "no WebGL" in browser.evaluate("document.getElementById('trouble').textContent")
        found = browser.evaluate(FIRST.format("y"))
        np.testing.assert_allclose(found, flow.particles[:, 2], atol=2e-4)
        assert browser.complaints() == []
    finally:
        browser.send("Page.removeScriptToEvaluateOnNewDocument", identifier=script)
