"""MNIST: how many particles per training digit until they stop being copies."""

from typing import Any

from digits import Run, digit_study

TARGETS = 200
COUNTS = (200, 600, 1000, 5000)
# the largest would take many minutes
LONG_COUNTS = (200, 1000)
LONG = 450


def row(count: int, kind: str = "") -> str:
    """A row's name."""
    return f"{count // TARGETS} per training digit{kind}"


VARIANTS = {row(m): Run("mnist", (f"n={m}",)) for m in COUNTS} | {
    row(m, f", {LONG} steps"): Run("mnist", (f"n={m}", f"steps={LONG}")) for m in LONG_COUNTS
}


def values(r: Any) -> dict[str, Any]:
    few, many = (r.of(row(m, f", {LONG} steps"), "nearest_ratio") for m in LONG_COUNTS)
    copies = max(r.of(name, "copy_rate") for name in r.rows)
    return {"copies": copies, "pace": "slower" if many > few else "no slower"}


EXPERIMENT = digit_study(VARIANTS)
