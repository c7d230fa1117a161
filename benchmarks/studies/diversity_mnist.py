"""MNIST: how many particles per training digit until they stop being copies."""

from digit_runs import LEGENDS, Run
from digit_study import DigitStudy
from pages import Page, Results, figure, percent

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


def finding(r: Results) -> str:
    short = {m: figure(r.mean(row(m), "nearest_ratio")) for m in COUNTS}
    long = [figure(r.mean(row(m, f", {LONG} steps"), "nearest_ratio")) for m in LONG_COUNTS]
    copies = max(r.mean(name, "copy_rate") for name in r.rows)
    whole = [percent(r.mean(row(m), "coverage")) for m in (COUNTS[0], COUNTS[-1])]
    first, *_, last = COUNTS
    return f"""The number is not what decides. Copies in the strict sense are {percent(copies)} of
        the particles at most, at every ratio, and the distance to the nearest training digit hardly
        changes with it: {short[first]} of that of fresh digits with one particle per training
        digit, {short[600]} with 3, {short[1000]} with 5 and {short[last]} with 25. Three times as
        many steps bring it to {long[0]} with one and {long[1]} with {LONG_COUNTS[1] // TARGETS}. So
        there is no ratio at which copying stops; the flow is to be stopped, as on the Swiss roll
        ([diversity](diversity.md)). More particles cover more: {whole[0]} of the held-out digits
        have one in their neighbourhood with one per training digit, {whole[1]} with
        {last // TARGETS}."""


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
