"""report.html as text: what is packed comes back, what is a user's is escaped, and it is small."""

import base64
import gzip
import html.parser
import io
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gparticles.report import About, packing, words, write_report
from gparticles.report.page import html as page
from gparticles.report.page import script_json
from gparticles.report.shown import choose
from gparticles.report.table_section import table_section
from tests.evaluate.flows import made, walk

EVIL = "</script><img src=x onerror=alert(1)>&amp;\"'"
ABOUT = About("run", "what", "gpa run config.toml", "seed = 0", {"Python": "3"}, {})
METRICS = {
    "w2": {"value": 1.25, "fresh": None, "resampled": 2.5, "unit": "data units", "sentence": "S1"},
    "coverage": {"value": 0.5, "fresh": 0.9, "smoothed": 0.4, "unit": "1", "sentence": "S2"},
    "nearest_ratio": {"value": None, "unit": "1", "sentence": "S3"},
    "steps": {"value": 4},
    "outcome": {"value": "took all 4 steps"},
}


class Elements(html.parser.HTMLParser):
    """The elements of a page: their names and attributes, and the text of scripts."""

    def __init__(self, text):
        super().__init__()
        self.found, self.scripts, self.text = [], {}, ""
        self._in = None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        self._in = (tag, dict(attributes).get("id"))

    def handle_endtag(self, tag):
        self._in = None

    def handle_data(self, data):
        if self._in and self._in[0] == "script":
            self.scripts[self._in[1]] = self.scripts.get(self._in[1], "") + data
        elif not self._in or self._in[0] != "style":
            self.text += data


def opened(text):
    return np.frombuffer(gzip.decompress(base64.b64decode(text)), "<u2")


@pytest.mark.parametrize(("columns", "dim"), [(1, 2), (2, 2), (3, 3), (6, 2)])
def test_positions_come_back(columns, dim):
    flow = made(walk(40, columns))
    target = walk(30, columns, seed=1)[-1]
    packed = packing.packed_points(flow, choose(flow, target))
    low, high = np.array(packed["low"]), np.array(packed["high"])
    positions = opened(packed["positions"]).reshape(6, dim, 40)
    assert positions.max() < packing.NOWHERE
    found = low[:, None] + (high - low)[:, None] * positions / (packing.NOWHERE - 1)
    if columns in (2, 3):
        error = abs(found.transpose(0, 2, 1) - flow.trajectory).max(axis=(0, 1))
        assert (error <= (high - low) / 65534).all()
    assert opened(packed["target"]).size == dim * 30
    assert packed["steps"] == [0, 1, 2, 3, 4, 5]
    # there is no entry of the history after the last step
    assert packed["times"] == [0, 0.5, 1, 1.5, 2, None]


def test_what_is_outside_is_counted_and_nowhere():
    way = walk(300, 2)
    way[-1, 0] = [1e9, 0]
    flow = made(way)
    packed = packing.packed_points(flow, choose(flow, way[0, :50]))
    assert packed["hidden"] == 1
    final = opened(packed["positions"]).reshape(6, 2, 300)[-1]
    assert (final == packing.NOWHERE).all(axis=0).nonzero()[0].tolist() == [0]


def test_many_particles_are_thinned_and_it_is_said(monkeypatch):
    monkeypatch.setattr("gparticles.report.shown.MAX_PARTICLES", 100)
    flow = made(walk(1000, 3, frames=60))
    text = Elements(page(flow, choose(flow, walk(9, 3)[0]), about=ABOUT)).text
    assert "Shown: 100 of 1000 particles at 50 of 60 stored times. All of 9 targets." in text
    monkeypatch.setattr(packing, "MAX_ENTRIES", 3 * 50 * 20)
    assert packing.packed_points(flow, choose(flow, walk(9, 3)[0]))["count"] == 20


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 3), (100, 90)])
def test_images_come_back(shape, monkeypatch):
    flow = made(walk(12, *shape) / 3)
    packed = packing.packed_images(flow, choose(flow, walk(5, *shape)[0]))
    assert len(packed["pictures"]) == 6
    image = Image.open(io.BytesIO(base64.b64decode(packed["pictures"][2])))
    size = min(shape[0], 50)
    if shape == (8, 8):
        drawn = np.asarray(image.convert("L"))[1 : 1 + size, 1 : 1 + size]
        values = flow.trajectory[2, 0]
        low, high = flow.trajectory.min(), flow.trajectory.max()
        np.testing.assert_allclose(drawn, 255 * (1 - (values - low) / (high - low)), atol=10)
    monkeypatch.setattr(packing, "MAX_IMAGE_BYTES", 10)
    many = made(walk(12, *shape, frames=40))
    fewer = packing.packed_images(many, choose(many, walk(5, *shape)[0]))
    assert 3 <= len(fewer["pictures"]) <= 6
    assert fewer["steps"][0] == 0
    assert fewer["steps"][-1] == 39


@pytest.mark.parametrize("shape", [(2,), (3,), (5, 5)])
def test_what_is_a_users_is_escaped(shape):
    flow = made(walk(8, *shape), outcome=EVIL)
    metrics = {EVIL: {"value": 1.0, "unit": EVIL, "sentence": EVIL, "title": EVIL}}
    about = About(EVIL, EVIL, EVIL, EVIL, {EVIL: EVIL}, metrics)
    columns = [EVIL] * shape[0] if len(shape) == 1 else None
    shown = choose(flow, walk(4, *shape)[0], columns=columns)
    plain = Elements(page(made(walk(8, *shape)), shown, about=ABOUT))
    found = Elements(page(flow, shown, about=about))
    names = [tag for tag, _ in found.found if tag not in ("tr", "td", "th", "table", "strong")]
    assert not [a for _, a in found.found if any(k.startswith("on") for k in a)]
    assert names.count("script") == 3
    assert names.count("img") == [tag for tag, _ in plain.found].count("img")
    # a browser shows what the user wrote
    assert found.text.count(EVIL) >= 9
    data = json.loads(found.scripts["data"])
    if columns:
        assert data["clouds"]["names"] == columns
    assert "<" not in found.scripts["data"]


def test_json_in_a_script_is_the_same_json():
    assert json.loads(script_json({EVIL: [1.5, None]})) == {EVIL: [1.5, None]}
    assert not set("<>&") & set(script_json(EVIL))


def test_nothing_is_asked_of_the_network():
    flow = made(walk(8, 2))
    text = page(flow, choose(flow, walk(4, 2)[0]), about=ABOUT)
    elements = Elements(text)
    for tag, attributes in elements.found:
        address = attributes.get("src") or attributes.get("href") or "data:"
        assert address.startswith(("data:", "#")), (tag, address)
    assert "http" not in re.sub(r"http-equiv", "", text.replace(elements.scripts["plotly"], ""))
    assert "Plotly" in gzip.decompress(base64.b64decode(elements.scripts["plotly"])).decode()
    policy = [a["content"] for t, a in elements.found if "http-equiv" in a]
    assert policy[0].startswith("default-src 'none'")


def test_a_hundred_thousand_particles_stay_under_six_megabytes(tmp_path):
    generator = np.random.default_rng(0)
    # noise is what compresses worst
    way = generator.normal(size=(50, 100_000, 3)).astype(np.float32)
    flow = made(way)
    shown = choose(flow, generator.normal(size=(50_000, 3)))
    path = write_report(tmp_path / "report.html", flow, shown, about=ABOUT)
    assert path.stat().st_size < 6e6
    assert "5000 of 100000 particles" in path.read_text()
    assert "2000 of 50000 targets" in path.read_text()
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]


def test_metrics_become_rows_and_answers():
    first, second = words.rows(METRICS)
    assert first == (
        "w2",
        "1.25",
        (("fresh", ""), ("resampled", "2.5"), ("smoothed", "")),
        "data units",
        "S1",
    )
    assert second.unit == ""
    answers = dict(words.answers(made(walk(4, 2)), METRICS))
    assert answers["Is it copying?"] == "S3"
    assert answers["Is the target covered?"] == "S2"
    assert words.NOT_MEASURED in dict(words.answers(made(walk(4, 2)), {})).values()
    text = Elements(page(made(walk(4, 2)), None, about=About("n", "", "", "", {}, METRICS))).text
    for part in ("S1", "S2", "S3", "1.25", "data units", "did not store"):
        assert part in text


@pytest.mark.parametrize(
    ("energy", "part"),
    [
        ([1.0] * 30, "still move"),
        ([1.0] * 30 + [0.05] * 30, "nearly"),
        ([1.0] * 30 + [0.001] * 30, "have come to rest"),
        ([0.0] * 4, "have come to rest"),
    ],
)
def test_has_it_converged(energy, part):
    flow = made(walk(3, 2, frames=len(energy) + 1), energy=energy)
    assert part in words.convergence(flow)
    failed = made(walk(3, 2), outcome="failed at step 3: particles became non-finite")
    assert words.convergence(failed).startswith("No: the flow failed at step 3")


def test_history_is_thinned_and_has_no_nan():
    flow = made(walk(2, 2, frames=3001), held_out=[np.nan] * 3000)
    curves = packing.packed_history(flow, words.HISTORY)
    assert [curve["title"] for curve in curves] == list(words.HISTORY.values())
    assert {len(curve["values"]) for curve in curves} == {1000}
    assert curves[2]["values"][0] is None
    assert curves[0]["time"][-1] == flow.history["time"][-1]


def test_no_step_was_taken():
    flow = made(walk(4, 2, frames=1))
    assert "took all 0 steps" in page(flow, choose(flow, walk(4, 2)[0]), about=ABOUT)


def test_the_wheel_holds_the_template(tmp_path):
    builders = pytest.importorskip("hatchling.builders.wheel")
    root = str(Path(__file__).parents[2])
    (wheel,) = builders.WheelBuilder(root).build(directory=str(tmp_path))
    names = {name.rpartition("/")[2] for name in zipfile.ZipFile(wheel).namelist()}
    assert {"page.html.jinja", "page.css", "page.js"} <= names


def test_a_table_has_its_ways_the_best_first_and_its_pictures(tmp_path):
    picture = tmp_path / "margins.png"
    picture.write_bytes(b"PNG")
    scores = {"told_apart": 0.6, "energy": 0.01, "nearest": 0.9, "copies": 0.0, "loss": 0.63}
    choice = {
        "way": EVIL,
        "sentence": f"chosen: {EVIL}",
        "scores": {"another": scores | {"loss": 0.9}, EVIL: scores},
        "simple": {"resampling": scores | {"copies": 1.0, "loss": None}},
    }
    section = table_section(choice, ("worth it",), {picture: EVIL})
    assert [way.name for way in section.ways] == [EVIL, "another", "resampling"]
    about = About("run", "", "gpa run", "seed = 0", {}, {}, section)
    elements = Elements(page(made(walk(4, 2)), None, about=about))
    assert f"{EVIL} (chosen)" in elements.text
    assert "too many copies" in elements.text
    assert "worth it" in elements.text
    encoded = base64.b64encode(b"PNG").decode()
    images = [found for tag, found in elements.found if tag == "img"]
    assert images == [
        {"src": f"data:image/png;base64,{encoded}", "alt": EVIL, "style": images[0]["style"]}
    ]
    assert table_section(None).ways == ()
