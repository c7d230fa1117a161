"""How results show themselves in a notebook: a picture, the outcome, the key numbers."""

import base64
import io
from collections.abc import Iterable
from html import escape
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from gparticles.flow import Flow
from gparticles.plots.images import image_strip, picked
from gparticles.plots.projection import Projection, limits_over_time
from gparticles.plots.style import MAX_DRAWN, PARTICLES, spaced
from gparticles.report.checking import check_flow
from gparticles.report.words import convergence, key_numbers, readable

_CELL = "text-align:left;padding:2px 12px 2px 0"


def flow_html(flow: Flow) -> str:
    """The particles at five times, how the flow ended, and its key numbers, as HTML."""
    check_flow(flow)
    picture = _images(flow) if flow.particles.ndim > 2 else _points(flow)
    paragraphs = [flow.outcome, convergence(flow), *flow.notes]
    return _block(
        "Flow", [_image(picture), *map(_paragraph, paragraphs), _table(key_numbers(flow, {}))]
    )


def certificate_html(certificate: Any) -> str:
    """The interval that holds a divergence, as HTML.

    Args:
        certificate: with ``lower``, ``upper``, ``gap`` and ``converged``, as ``gpa.divergence``
            returns it.
    """
    lower, upper = float(certificate.lower), float(certificate.upper)
    sentence = f"The divergence lies between {lower:.6g} and {upper:.6g} nats."
    ended = "reached" if certificate.converged else "not reached: more iterations would narrow it"
    numbers = [
        ("lower bound", f"{lower:.10g} nats"),
        ("upper bound", f"{upper:.10g} nats"),
        ("gap", f"{float(certificate.gap):.3g} of the upper bound"),
        ("tolerance", ended),
    ]
    return _block("Certificate", [_interval(lower, upper), _paragraph(sentence), _table(numbers)])


def _block(title: str, parts: Iterable[str]) -> str:
    return readable(f'<div role="group" aria-label="{escape(title)}">{"".join(parts)}</div>')


def _paragraph(text: str) -> str:
    return f'<p style="margin:4px 0">{escape(text)}</p>'


def _table(rows: Iterable[tuple[str, str]]) -> str:
    lines = "".join(
        f'<tr><th scope="row" style="{_CELL};font-weight:normal">{escape(name)}</th>'
        f'<td style="{_CELL}"><strong>{escape(value)}</strong></td></tr>'
        for name, value in rows
    )
    return f"<table>{lines}</table>"


def _image(figure: Figure) -> str:
    file = io.BytesIO()
    figure.savefig(file, dpi=80, metadata={"Software": None})
    data = base64.b64encode(file.getvalue()).decode()
    alt = "the particles at five times, from the first on the left to the last on the right"
    return f'<img alt="{alt}" style="max-width:100%" src="data:image/png;base64,{data}">'


def _points(flow: Flow) -> Figure:
    """Two columns, or the first two principal components of the final particles."""
    projection = Projection(flow.particles, scale=flow.scale)
    chosen = spaced(len(flow.trajectory), 5)
    rows = spaced(len(flow.particles), MAX_DRAWN)
    frames = np.stack([projection.pairs(flow.trajectory[k][rows]) for k in chosen])
    box = np.transpose(limits_over_time(frames))
    figure = Figure(figsize=(2 * len(chosen), 2.2), layout="constrained")
    panels = figure.subplots(1, len(chosen), squeeze=False)[0]
    for panel, frame, step in zip(panels, frames, flow.trajectory_steps[chosen], strict=True):
        panel.scatter(*frame.T, s=4, c=PARTICLES, alpha=0.5, linewidths=0)
        panel.set(xticks=[], yticks=[], xlim=box[0], ylim=box[1])
        panel.set_title(f"step {step}", fontsize=9)
    return figure


def _images(flow: Flow) -> Figure:
    chosen = spaced(len(flow.trajectory), 5)
    rows = picked(len(flow.particles), None, most=3)
    figure = Figure(figsize=(6, 3.8), layout="constrained")
    image_strip(figure.add_subplot(), flow.trajectory[chosen][:, rows])
    return figure


def _interval(lower: float, upper: float) -> str:
    """A bar from 0 to the upper bound, of which the part above the lower bound is open."""
    share = min(1.0, max(0.0, lower / upper)) if upper > 0 else 1.0
    width = 300
    return (
        f'<svg role="img" aria-label="lower bound at {share:.4g} of the upper bound" '
        f'width="{width + 2}" height="18" viewBox="0 0 {width + 2} 18">'
        f'<rect x="1" y="3" width="{share * width:.2f}" height="12" fill="{PARTICLES}"/>'
        f'<rect x="1" y="3" width="{width}" height="12" fill="none" stroke="#888888"/></svg>'
    )
