"""Whether augmenting helped: means over trainings, and a sentence that claims no more."""

import statistics
from collections.abc import Sequence
from typing import Any

FLOORS = ("resampled", "smoothed", "fresh")
_JUDGES = {"kd_lenet": "KD-LeNet", "w2": "W2"}


def means(found: dict[str, list[dict[str, dict[str, Any]]]]) -> dict[str, dict[str, Any]]:
    """From entries of ``evaluate`` by cloud and training, to one entry per metric.

    Returns:
        Metric to ``flow`` (the flow's points), ``few`` and ``augmented`` (the mean over the GANs),
        ``few_each`` and ``augmented_each``, the floors, the unit and a note.
    """
    first = found["flow"][0]
    return {name: _entry(name, first[name], found) for name in first}


def _entry(name: str, first: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {"flow": first["value"]}
    for cloud in ("few", "augmented"):
        each = [run[name]["value"] for run in found[cloud]]
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
    found = scores[name]
    few, more = found["few_each"], found["augmented_each"]
    return f"{_gain(few, more, _JUDGES[name])} {_beside_noise(found)}"


def _gain(few: Sequence[float], more: Sequence[float], name: str) -> str:
    better = sum(a < min(few) for a in more)
    worse = sum(a > max(few) for a in more)
    values = f"{statistics.fmean(more):.4g} with the new rows, {statistics.fmean(few):.4g} without"
    told = f"{name} to held-out rows is {values} (means of {len(few)} trainings)"
    if better == len(more):
        return f"The GAN gained by them: {told}, and every training with them beat every other."
    if worse == len(more):
        return f"The GAN lost by them: {told}, and every training with them was worse than any."
    return f"No clear gain for the GAN: {told}, and the trainings overlap."


def _beside_noise(found: dict[str, Any]) -> str:
    flow, noise = found["flow"], found["smoothed"]
    if flow is None or noise is None:
        return ""
    words = f"The new rows themselves are at {flow:.4g}, the few with noise added at {noise:.4g}"
    if flow < noise:
        return f"{words}."
    return f"{words}: plain noise comes as near."
