"""MNIST: how many particles per training digit until they stop being copies."""

from digit_runs import LEGENDS, Run
from digit_study import DigitStudy
from pages import Page, Results, figure, percent

TARGETS = 200
COUNTS = (200, 600, 1000, 5000)
# the largest would take many minutes
LONG_COUNTS = COUNTS[:3]
LONG = 450


def row(count: int, kind: str = "") -> str:
    """A row's name."""
    return f"{count // TARGETS} per training digit{kind}"


VARIANTS = {row(m): Run("mnist", (f"n={m}",)) for m in COUNTS} | {
    row(m, f", {LONG} steps"): Run("mnist", (f"n={m}", f"steps={LONG}")) for m in LONG_COUNTS
}


def finding(r: Results) -> str:
    short = {m: figure(r.mean(row(m), "nearest_ratio")) for m in COUNTS}
    long = {m: figure(r.mean(row(m, f", {LONG} steps"), "nearest_ratio")) for m in LONG_COUNTS}
    copies = max(r.mean(name, "copy_rate") for name in r.rows)
    kd = {m: figure(r.mean(row(m), "kd_lenet")) for m in COUNTS}
    whole = {m: percent(r.mean(row(m), "coverage")) for m in COUNTS}
    return f"""{short} {long} {copies} {kd} {whole}"""


EXPERIMENT = DigitStudy(VARIANTS)
PAGE = Page(
    "How many particles per training digit?",
    "With more particles than training samples the particles are new samples and not copies "
    "(arXiv 2210.17230).",
    "The recipe mnist with 200 training digits and 200 to 5000 particles; and three times as long.",
    ("nearest_ratio", "copy_rate", "coverage", "kd_lenet", "fd_lenet", "accuracy", "seconds"),
    finding,
    legends=LEGENDS,
    options="--seeds 0 1",
)
