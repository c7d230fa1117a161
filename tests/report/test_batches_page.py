"""The picture and the page of an integration."""

import numpy as np
from PIL import Image

from gparticles.plots.before_after import COLOURS, View, before_after_figure
from gparticles.report.batches_page import (
    MEASURES,
    BatchesPage,
    MeasureTable,
    measured_rows,
    write_batches_report,
)


def _view(seed):
    return View(np.random.default_rng(seed).normal(size=(60, 2)), ("one", "two"))


def test_panels_and_legends():
    names = np.array([f"b{k}" for k in range(10)] * 6)
    kinds = np.array(["_hidden", "", "a$b$"] * 20)
    views = {"before": _view(0), "after": _view(1)}
    figure = before_after_figure(views, {"batch": names, "label": kinds})
    assert len(figure.axes) == 4
    # every group has an entry, also beyond the colours, without a name, or hidden by its name
    entries = [[t.get_text() for t in axes.get_legend().texts] for axes in figure.axes[1::2]]
    assert entries == [[f"b{k}" for k in range(10)], ["unknown", " _hidden", "a$b$"]]
    styles = {
        (tuple(c.get_facecolor()[0][:3]), c.get_paths()[0].vertices.tobytes())
        for c in figure.axes[0].collections
    }
    assert len(styles) == 10 > len(COLOURS)
    figure.savefig("/dev/null", format="png")


def test_rows_are_those_that_both_have():
    def measures(shift):
        return {
            "w2": {"value": 3.0 + shift, "ideal": None},
            "neighbour_mixing": {"value": shift, "ideal": 1.0},
            "unknown": {"value": 1.0, "ideal": 0.0},
        }

    after = measures(0.5) | {"clisi": {"value": 1.0, "ideal": 1.0}}
    rows = measured_rows(measures(0.0), after)
    assert [row.title for row in rows] == [MEASURES[n][0] for n in ("neighbour_mixing", "w2")]
    assert (rows[0].before, rows[0].after, rows[0].ideal) == ("0", "0.5", "1")
    assert rows[1].ideal == ""


def test_the_page_escapes_and_asks_for_nothing(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    bad = "<script>alert(1)</script>"
    page = BatchesPage(
        name=bad,
        description=bad,
        facts=[(bad, bad)],
        notes=[bad],
        tables=[MeasureTable(bad, bad, measured_rows({}, {}))],
        command=bad,
        settings=[(bad, bad)],
        versions={bad: bad},
    )
    path = write_batches_report(tmp_path / "r.html", page, [(tmp_path / "a.png", bad)])
    text = path.read_text()
    assert "<script" not in text
    assert text.count("&lt;script&gt;") >= 11
    assert "data:image/png;base64," in text
    assert 'src="http' not in text
