"""Whether augmenting helped: means over trainings, and a sentence that claims no more."""

import statistics
from collections.abc import Sequence
from typing import Any

FLOORS = ("resampled", "smoothed", "fresh")
# between the means, in standard deviations of a training: what is not chance
SPREADS = 2.0
_JUDGES = {"kd_lenet": "KD-LeNet", "w2": "W2"}


def means(measured: dict[str, list[dict[str, dict[str, Any]]]]) -> dict[str, dict[str, Any]]:
    """From entries of ``evaluate`` by cloud and training, to one entry per metric.

    Returns:
        Metric to ``flow`` (the flow's points), ``few`` and ``augmented`` (the mean over the GANs),
        ``few_each`` and ``augmented_each``, the floors, the unit and a note.
    """
    first = measured["flow"][0]
    return {name: _entry(name, first[name], measured) for name in first}


def _entry(name: str, first: dict[str, Any], measured: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {"flow": first["value"]}
    for cloud in ("few", "augmented"):
        each = [run[name]["value"] for run in measured[cloud]]
        known = [value for value in each if value is not None]
        entry[cloud] = statistics.fmean(known) if len(known) == len(each) else None
        entry[f"{cloud}_each"] = each
    floors = {floor: first[floor] for floor in FLOORS}
    return entry | floors | {key: first[key] for key in ("unit", "title", "points", "note")}


def judged_words(scores: dict[str, dict[str, Any]] | None) -> str:
    """Whether the GAN gained by the new rows, and whether noise would have done as well.

    Args:
        scores: what ``means`` gave, or None where there were no held-out rows.
    """
    if scores is None:
        return (
            "Whether it helps was not measured, since no rows were held out: --validation 0.2 "
            "keeps a fifth of them to judge by"
        )
    # of images, pixels apart say less than the features of a classifier
    name = next((name for name in _JUDGES if name in scores), None)
    if name is None or scores[name]["few"] is None or scores[name]["augmented"] is None:
        return "Whether it helped cannot be told from so few rows"
    entry = scores[name]
    few, more = entry["few_each"], entry["augmented_each"]
    return f"{_gain(few, more, _JUDGES[name])} {_beside_noise(entry)}"


def _gain(few: Sequence[float], more: Sequence[float], name: str) -> str:
    """In words, by what single trainings differ among themselves."""
    means, change = (statistics.fmean(more), statistics.fmean(few)), 0.0
    if means[1] > 0:
        change = means[0] / means[1] - 1
    values = f"{means[0]:.4g} with the new rows, {means[1]:.4g} without"
    measured = f"{name} to held-out rows is {values} ({100 * change:+.2g} %"
    if min(len(few), len(more)) < 2:
        return f"Whether the GAN gained cannot be told from one training: {measured})."
    spread = max(statistics.stdev(few), statistics.stdev(more))
    measured += f"; trainings from other seeds differ by {spread:.2g})"
    better, worse = max(more) < min(few), min(more) > max(few)
    if abs(means[0] - means[1]) <= SPREADS * spread or not (better or worse):
        return f"No clear gain for the GAN: {measured}."
    return f"The GAN {'gained' if better else 'lost'} by them: {measured}."


def _beside_noise(entry: dict[str, Any]) -> str:
    flow, noise = entry["flow"], entry["smoothed"]
    if flow is None or noise is None:
        return ""
    words = f"The new rows themselves are at {flow:.4g}, the few with noise added at {noise:.4g}"
    if flow < noise:
        return f"{words}."
    return f"{words}: plain noise comes as near."
