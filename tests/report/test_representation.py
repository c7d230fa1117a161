"""How results show themselves in a notebook."""

import base64
import io
import subprocess
import sys
from types import SimpleNamespace

import pytest
from PIL import Image

from gparticles.report.representation import certificate_html
from tests.evaluate.flows import made, walk


@pytest.mark.parametrize("shape", [(1,), (2,), (3,), (6,), (5, 5), (5, 5, 3)])
def test_a_flow_shows_picture_outcome_and_numbers(shape):
    flow = made(walk(20, *shape), outcome="took <all> 5 steps")
    html = flow._repr_html_()
    assert "took &lt;all&gt; 5 steps" in html
    assert "a note &lt;i&gt;" in html
    assert " x ".join(map(str, (20, *shape))) in html
    data = html.partition("base64,")[2].partition('"')[0]
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert image.format == "PNG"
    assert "<script" not in html


@pytest.mark.parametrize("converged", [True, False])
def test_a_certificate_shows_its_bounds(converged):
    found = SimpleNamespace(lower=1.5, upper=2.0, gap=0.25, converged=converged)
    html = certificate_html(found)
    for part in ("1.5 nats", "2 nats", "0.25 of the upper bound"):
        assert part in html
    assert ("not reached" in html) != converged
    # three quarters of the bar are certain
    assert 'width="225.00"' in html


def test_a_divergence_of_zero():
    found = SimpleNamespace(lower=0.0, upper=0.0, gap=0.0, converged=True)
    assert "between 0 and 0 nats" in certificate_html(found)


def test_nothing_is_drawn_before_it_is_shown():
    code = "import gparticles, sys; gparticles.Flow._repr_html_; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
