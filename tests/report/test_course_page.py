"""The page of a time course in a real browser: the slider moves cells, and nothing leaves it."""

import numpy as np
import pytest

from gparticles.report.course_page import CoursePage, Film, write_course_report
from tests.report.browser import PROGRAM, Browser

EVIL = '</script><img src="x" onerror="window.evil = 1"><b>'


@pytest.fixture
def page(tmp_path):
    cells = np.random.default_rng(0).normal(size=(3, 20, 2))
    film = Film(
        times=np.array([0.0, 500.0, 1000.0]),
        cells=cells,
        snapshots=[(0.0, cells[0]), (1000.0, cells[2])],
        names=(EVIL, "component 2"),
        unit="hours",
    )
    content = CoursePage(
        name=EVIL,
        description=EVIL,
        facts=[("columns", "2")],
        notes=[EVIL],
        film=film,
        left_out=[("500 hours", ["1.0 (2.0)"])],
        columns=["flow"],
        left_out_words=EVIL,
        command=EVIL,
        settings=[("seed", "0")],
        versions={"Python": "3"},
    )
    return write_course_report(tmp_path / "report.html", content, [])


@pytest.mark.slow
@pytest.mark.skipif(PROGRAM is None, reason="no Chromium here")
def test_the_slider_moves_the_cells(page, tmp_path):
    browser = Browser(tmp_path / "profile")
    try:
        browser.open(page)
        time = "document.getElementById('when').textContent"
        drawn = "document.getElementById('film').toDataURL()"
        pictures = [browser.evaluate(drawn)]
        assert browser.evaluate(time) == "0 hours (crosses: snapshot of 0 hours)"
        for expected in ("500 hours", "1000 hours (crosses: snapshot of 1000 hours)"):
            browser.evaluate("document.getElementById('time').focus()")
            browser.press("ArrowRight")
            browser.wait_for(f"{time}.startsWith('{expected}')")
            pictures.append(browser.evaluate(drawn))
        assert len(set(pictures)) == 3
        assert browser.complaints() == []
        assert browser.requests() == [page.resolve().as_uri()]
        assert browser.evaluate("window.evil") is None
    finally:
        browser.close()
