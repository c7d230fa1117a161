"""What the report says in words and numbers."""

import re
from typing import Any, NamedTuple

import numpy as np

from gparticles.flow import Flow

HISTORY = {
    "divergence": "divergence (nats)",
    "kinetic_energy": "kinetic energy",
    "held_out": "divergence to held-out targets (nats)",
}
FLOORS = ("fresh", "resampled", "smoothed")
NOT_MEASURED = "Not measured in this run: it takes targets that were held out (--validation 0.2)."
COPYING = ("nearest_ratio", "nearest_without_grain", "nearest_lenet", "copy_rate")
_LAST = 20
# shown elsewhere on the page
_ELSEWHERE = ("steps", "seconds", "outcome", "divergence", "rows_written")


class MetricRow(NamedTuple):
    """One metric: its title, numbers as text, unit, and what they mean."""

    title: str
    value: str
    floors: tuple[tuple[str, str], ...]
    unit: str
    sentence: str


def rows(metrics: dict[str, Any]) -> list[MetricRow]:
    """The metrics that are numbers, in their order."""
    return [
        MetricRow(
            title=str(entry.get("title", name.replace("_", " "))),
            value=number(entry["value"]),
            floors=tuple((floor, number(entry.get(floor))) for floor in FLOORS),
            unit="" if entry.get("unit") in (None, "1") else str(entry["unit"]),
            sentence=_unbroken(str(entry.get("sentence") or entry.get("note") or "")),
        )
        for name, entry in metrics.items()
        if isinstance(entry, dict) and _is_number(entry.get("value")) and name not in _ELSEWHERE
    ]


def number(value: Any) -> str:
    """Four digits; nothing where there is no number."""
    return f"{value:.4g}" if _is_number(value) else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def answers(flow: Flow, metrics: dict[str, Any]) -> list[tuple[str, str]]:
    """The three questions that a reader has, each with its answer."""
    return [
        ("Has it converged?", convergence(flow)),
        ("Is it copying?", _sentences_of(metrics, COPYING)),
        ("Is the target covered?", _sentences_of(metrics, ("coverage", "recall"))),
    ]


def convergence(flow: Flow) -> str:
    """Whether the particles rest, from the kinetic energy of the last steps."""
    energy = np.asarray(flow.history["kinetic_energy"], float)
    energy = energy[np.isfinite(energy)]
    if flow.outcome.startswith("failed") or not len(energy):
        return f"No: the flow {flow.outcome}."
    # one step's value wavers with the potential
    last, most = float(np.mean(energy[-20:])), float(np.max(energy))
    share = last / most if most > 0 else 0.0
    if share < 0.01:
        verdict = "The particles have come to rest"
    elif share < 0.1:
        verdict = "The particles have nearly come to rest"
    else:
        verdict = "The particles still move: more steps would take them further"
    return f"{verdict}. Their kinetic energy is at {_percent(share)} of its largest value."


def _percent(share: float) -> str:
    return "less than 0.1 %" if share < 0.001 else f"{100 * share:.2g} %"


def _sentences_of(metrics: dict[str, Any], names: tuple[str, ...]) -> str:
    sentences = [metrics[name].get("sentence") for name in names if name in metrics]
    return _unbroken(" ".join(filter(None, sentences))) or NOT_MEASURED


def _unbroken(text: str) -> str:
    """No line ends between a number and its percent sign."""
    return text.replace(" %", "\u00a0%")


def key_numbers(flow: Flow, metrics: dict[str, Any]) -> list[tuple[str, str]]:
    """What stands at the top, and in a notebook."""
    numbers = [
        ("particles", " x ".join(map(str, flow.particles.shape))),
        ("steps", str(flow.steps)),
    ]
    ended = last_divergence(flow)
    if ended is not None:
        first = float(flow.history["divergence"][0])
        numbers.append(("divergence", f"{first:.4g} to {ended[0]:.4g} nats"))
    if "rows_written" in metrics:
        numbers.insert(0, ("new rows", str(metrics["rows_written"]["value"])))
    numbers.append(("slope L", f"{flow.lipschitz:.4g} nats per data unit"))
    seconds = metrics.get("seconds", {}).get("value")
    if _is_number(seconds):
        numbers.append(("seconds of the flow", f"{seconds:.1f}"))
    return numbers


def last_divergence(flow: Flow) -> tuple[float, str] | None:
    """The history's at its end, nats, and how that was measured; None of no steps."""
    values = np.asarray(flow.history["divergence"], float)
    if not len(values):
        return None
    # without a network nothing is fitted
    if "fit_steps" not in flow.settings:
        return float(values[-1]), "an upper bound, by the potential of the samples"
    # one step's value wavers with the potential, which is refitted at every step
    last = min(_LAST, len(values))
    note = f"mean over the last {last} steps, by the potentials that moved the particles"
    return float(np.mean(values[-_LAST:])), note


def readable(text: str) -> str:
    """Text that can be encoded: halves of characters and control characters are replaced."""
    return re.sub(r"[\ud800-\udfff\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "\ufffd", text)


def thinning(count: int, total: int, frames: int, stored: int) -> str:
    """What is left out of the pictures."""
    some = f"{count} of {total}" if count < total else f"all {total}"
    times = f"{frames} of {stored}" if frames < stored else f"all {stored}"
    return f"Shown: {some} particles at {times} stored times."
