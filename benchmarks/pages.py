"""Pages of docs/experiments: made from results, so that every number on them was measured."""

import statistics
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

HEADINGS = {
    "w2": "W2 to held-out points",
    "energy": "energy distance",
    "copy_rate": "copies",
    "nearest_ratio": "nearest",
    "coverage": "coverage",
    "at_modes": "at a mode",
    "worst_share": "worst share",
    "in_large_holes": "in large holes",
    "in_holes": "in holes",
    "off_square": "off the square",
    "top_speed": "top speed",
    "failed": "broke off",
    "seconds": "seconds",
}
LEGENDS = {
    "w2": "W2: exact Wasserstein-2 distance, at most 1500 points of each cloud, data units",
    "energy": "energy distance: data units",
    "copy_rate": "copies: share of particles at a training point",
    "nearest_ratio": "nearest: median distance to the nearest training point, over that of "
    "held-out points; 1 is fresh, 0 is copied",
    "coverage": "coverage: share of held-out points with a particle in their neighbourhood",
    "at_modes": "at a mode: share of particles within 3 standard deviations of a centre",
    "worst_share": "worst share: the largest difference of a mode's share of particles from 1/4",
    "in_large_holes": "in large holes: share of particles in the holes of the first two levels",
    "in_holes": "in holes: share in holes of all four levels",
    "off_square": "off the square: share outside it",
    "top_speed": "top speed: of any particle at any step, in nats per working unit, as is L",
    "failed": "broke off: share of runs that ended in numbers that are not finite",
    "seconds": "seconds: of the flow, compilation included in the first seed's",
}
FLOORS = ("resampled", "smoothed", "fresh")
ROLES = {
    "source": "*where the first row's particles start*",
    "resampled": "*training points drawn again*",
    "smoothed": "*the same with the likeliest noise*",
    "fresh": "*fresh points*",
}


@dataclass(frozen=True)
class Page:
    """One experiment's words; ``finding`` makes its sentences from the results.

    Attributes:
        columns: names of scores, in the table's order.
        legends: heading and explanation of scores that are this page's own.
        options: what follows the study's name in the command.
        picture: what the figure shows.
        changing: what the seeds change.
        then: further commands, each with its line's end.
    """

    title: str
    claim: str
    setting: str
    columns: tuple[str, ...]
    finding: Callable[["Results"], str]
    legends: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    options: str = ""
    picture: str = "Particles of the first seed"
    changing: str = "data, source and network alike"
    then: str = ""

    def text(self, name: str, record: dict[str, Any]) -> str:
        """The page, complete."""
        results = Results(record)
        return f"""# {self.title}

{paragraph(f"**Claim.** {self.claim}")}

{paragraph(f"**Setting.** {self.setting} {about(self, record)}")}

```sh
python benchmarks/experiments.py {f"{name} {self.options}".strip()}
{self.then}python docs/make_experiments.py
```

![{self.picture}]({name}.png)

{table(self, results)}

{paragraph(f"{legend(self)} {where(record)}")}

{paragraph(f"**Finding.** {self.finding(results)}")}
{settings(results)}"""


class Results:
    """What was measured: lists over seeds, by the row and the score."""

    def __init__(self, record: dict[str, Any]):
        self.record = record
        # rows that a script of their own added, of other programs
        every = record["rows"] | record.get("beside", {})
        self.rows = {name: [r["scores"] for r in runs] for name, runs in every.items()}
        first = next(iter(record["rows"].values()))
        # data and source are those of the seed, so that the first variant's floors serve all
        self.floors = {role: [r["floors"].get(role, {}) for r in first] for role in ROLES}

    def values(self, row: str, score: str) -> list[float]:
        found = (self.rows.get(row) or self.floors[row]) if row else []
        return [v for v in (scores.get(score) for scores in found) if v is not None]

    def mean(self, row: str, score: str) -> float:
        return statistics.fmean(self.values(row, score))

    def wins(self, row: str, other: str, score: str) -> str:
        """In how many of the seeds the first row's score is below the other's."""
        pairs = list(zip(self.values(row, score), self.values(other, score), strict=True))
        return f"{sum(a < b for a, b in pairs)} of {len(pairs)}"

    def cell(self, row: str, score: str) -> str:
        """Mean and standard deviation over seeds."""
        known = self.values(row, score)
        if not known:
            return ""
        mean = figure(statistics.fmean(known))
        return mean if len(known) < 2 else f"{mean} ± {figure(statistics.stdev(known))}"


def figure(value: float) -> str:
    """Three significant digits, or three decimals below 1."""
    if value == 0:
        return "0"
    if abs(value) < 0.0005:
        return "< 0.001"
    if abs(value) >= 1000:
        return f"{value:.3g}"
    return f"{value:.3f}" if abs(value) < 1 else f"{value:.3g}"


def percent(value: float) -> str:
    """A share in words."""
    return f"{100 * value:.1f} %"


def table(page: Page, results: Results) -> str:
    """Rows are variants and what they are measured against."""
    rows = [*results.rows, *(role for role in ROLES if any(results.floors[role]))]
    names = [page.legends[c][0] if c in page.legends else HEADINGS[c] for c in page.columns]
    lines = ["| | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    for row in rows:
        cells = [results.cell(row, column) for column in page.columns]
        if any(cells):
            lines.append(f"| {ROLES.get(row, row)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def legend(page: Page) -> str:
    """What the columns are."""
    own = {name: f"{heading}: {what}" for name, (heading, what) in page.legends.items()}
    return "; ".join((LEGENDS | own)[column] for column in page.columns) + "."


def about(page: Page, record: dict[str, Any]) -> str:
    """How many seeds, and what they change."""
    if len(record["seeds"]) == 1:
        return "One seed only."
    return f"""Mean ± standard deviation over {len(record["seeds"])} seeds, which change
        {page.changing}."""


def where(record: dict[str, Any]) -> str:
    """The machine."""
    at = record["machine"]
    cores = f"{at['cores']} core" + "s" * (at["cores"] > 1)
    return f"""Measured on {cores} of {at["processor"]} that others used too (load
        {at["load_before"]:.1f} before the first run), so that seconds are rough."""


def settings(results: Results) -> str:
    """What each variant overrides, as one would type it; nothing where rows are not recipes."""
    if "recipe" not in results.record:
        return ""
    lines = ["", "One run of each row (`--seed N` gives that of another seed):", ""]
    for name, runs in results.record["rows"].items():
        given = " ".join(f"--set {override}" for override in runs[0]["overrides"])
        lines.append(
            f"* {name}: `{' '.join(['gpa run', results.record['recipe'], given]).strip()}`"
        )
    return "\n".join([*lines, ""])


def paragraph(text: str) -> str:
    """In lines of at most 100 characters."""
    return textwrap.fill(" ".join(text.split()), 100, break_on_hyphens=False)
