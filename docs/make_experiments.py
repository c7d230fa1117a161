"""Makes docs/experiments/*.md from what benchmarks/experiments.py measured.

    python docs/make_experiments.py

Every number on a page, those in its sentences too, is read from benchmarks/results/experiments/.
"""

import json
import statistics
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "experiments"
RESULTS = Path(__file__).parents[1] / "benchmarks" / "results" / "experiments"
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
# data units: the clouds are a few across
RAN_AWAY = 100.0
ROLES = {
    "source": "*where the first row's particles start*",
    "resampled": "*training points drawn again*",
    "smoothed": "*the same with the likeliest noise*",
    "fresh": "*fresh points*",
}


@dataclass(frozen=True)
class Page:
    """One experiment's words; ``finding`` makes its sentences from the results."""

    title: str
    claim: str
    setting: str
    columns: tuple[str, ...]
    finding: Callable[["Results"], str]


class Results:
    """What was measured: lists over seeds, by the row and the score."""

    def __init__(self, record: dict[str, Any]):
        self.record = record
        self.rows = {name: [r["scores"] for r in runs] for name, runs in record["rows"].items()}
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
    lines = [
        "| | " + " | ".join(HEADINGS[c] for c in page.columns) + " |",
        "|---|" + "---|" * len(page.columns),
    ]
    for row in rows:
        cells = [results.cell(row, column) for column in page.columns]
        if any(cells):
            lines.append(f"| {ROLES.get(row, row)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def settings(results: Results) -> str:
    """What each variant overrides, as one would type it."""
    lines = []
    for name, runs in results.record["rows"].items():
        given = " ".join(f"--set {override}" for override in runs[0]["overrides"])
        lines.append(
            f"* {name}: `{' '.join(['gpa run', results.record['recipe'], given]).strip()}`"
        )
    return "\n".join(lines)


def page_text(name: str, page: Page, record: dict[str, Any]) -> str:
    """The page, complete."""
    results = Results(record)
    where = record["machine"]
    about = f"""Mean ± standard deviation over {len(record["seeds"])} seeds, which change data,
        source and network alike."""
    legend = f"""{"; ".join(LEGENDS[column] for column in page.columns)}. Measured on
        {where["cores"]} cores of {where["processor"]} that others used too (load
        {where["load_before"]:.1f} before the first run), so that seconds are rough."""
    return f"""# {page.title}

{paragraph(f"**Claim.** {page.claim}")}

{paragraph(f"**Setting.** {page.setting} {about}")}

```sh
python benchmarks/experiments.py {name}
python docs/make_experiments.py
```

![Particles of the first seed]({name}.png)

{table(page, results)}

{paragraph(legend)}

{paragraph(f"**Finding.** {page.finding(results)}")}

One run of each row (`--seed N` gives that of another seed):

{settings(results)}
"""


def paragraph(text: str) -> str:
    """In lines of at most 100 characters."""
    return textwrap.fill(" ".join(text.split()), 100, break_on_hyphens=False)


def swiss_roll(r: Results) -> str:
    ours, theirs = "recipe", "reference's settings"
    w2 = {row: figure(r.mean(row, "w2")) for row in (ours, theirs, *FLOORS)}
    near = {row: figure(r.mean(row, "nearest_ratio")) for row in (ours, theirs)}
    slower = r.mean(theirs, "seconds") / r.mean(ours, "seconds")
    return f"""It holds, with a reserve. W2 is {w2[ours]}, below that of the training points
        drawn again ({w2["resampled"]}, in {r.wins(ours, "resampled", "w2")} seeds) and of the same
        with the likeliest noise ({w2["smoothed"]}, in {r.wins(ours, "smoothed", "w2")}), and far
        from that of fresh points ({w2["fresh"]}). Hardly a particle is a copy, but particles lie
        nearer to the training points than fresh ones do (nearest {near[ours]}). The longer run
        with the reference's settings comes nearer to them still ({near[theirs]}) and not nearer to
        held-out points (W2 {w2[theirs]}), in {slower:.0f} times the time."""


def mixture(r: Results) -> str:
    far = r.values("L = inf, source far away", "w2")
    lost = sum(w2 > RAN_AWAY for w2 in far)
    top = max(r.values("L = inf, source far away", "top_speed"))
    w2 = {L: figure(r.mean(f"L = {L}, source far away", "w2")) for L in ("1", "10", "100")}
    near = [r.mean(f"L = {L}", "w2") for L in ("1", "10", "100", "inf")]
    slow = percent(r.mean("L = 1, far away, reference's settings", "at_modes"))
    return f"""It holds where source and target do not overlap, and only there. From far away the
        run without a bound went off in {lost} of {len(far)} seeds, with speeds up to {top:.0e}.
        With a bound none did: W2 is {w2["1"]} with L = 1, {w2["10"]} with L = 10 and
        {w2["100"]} with L = 100, where the particles crowd into the nearest mode (steps are shorter
        where L is larger). From the middle all four L work, and having no bound does no harm (W2
        {figure(min(near))} to {figure(max(near))}), probably because a network that is fitted by
        a few steps per move does not reach the steep potential that would be optimal. With the
        reference's network, rate and 500 steps nothing goes off from far away either, but by then
        it has not arrived ({slow} of the particles at a mode with L = 1)."""


def sierpinski(r: Results) -> str:
    ours, tight, theirs = "recipe", "tight potential", "reference's settings"
    rows = (ours, tight, theirs, "source", "smoothed", "fresh")
    large = {row: percent(r.mean(row, "in_large_holes")) for row in rows}
    return f"""In the holes of the first two levels are {large[ours]} of the recipe's particles,
        {large[tight]} with the tight potential and {large[theirs]} with the reference's settings;
        {large["source"]} where they start, {large["fresh"]} of fresh points. Training points with
        the likeliest noise have {large["smoothed"]}: the recipe is below that in
        {r.wins(ours, "smoothed", "in_large_holes")} seeds, the tight potential in
        {r.wins(tight, "smoothed", "in_large_holes")}."""


PAGES = {
    "swiss-roll": Page(
        "Swiss roll: 5000 particles from 200 points",
        "5000 particles from a Gaussian learn the Swiss roll from 200 points (README of the "
        "published code; arXiv 2210.17230), without becoming copies of them, since there are more "
        "particles than points.",
        "Particles start from N(0, 9 I); 2000 fresh points of the roll are held out.",
        ("w2", "nearest_ratio", "copy_rate", "coverage", "seconds"),
        swiss_roll,
    ),
    "mixture": Page(
        "A mixture of four Gaussians, with L = 1, 10, 100 and none",
        "The Lipschitz bound keeps particles from diverging: without it the velocity diverges, "
        "above all where the source is not absolutely continuous with respect to the target "
        "(README of the published code; arXiv 2210.17230).",
        "200 points of four Gaussians of standard deviation 0.5 with centres 4 apart; 400 "
        "particles start from N(0, I) in the middle, or far away from N((10, 10), I/4).",
        ("w2", "at_modes", "worst_share", "top_speed"),
        mixture,
    ),
    "sierpinski": Page(
        "Sierpinski carpet: are the holes empty?",
        "4096 particles from a Gaussian learn the Sierpinski carpet from 4096 points, one in each "
        "square of level 4 (arXiv 2210.17230).",
        "The carpet has side 10, particles start from N(0, 9 I). A uniform square would have "
        "21.0 % of its points in the holes of the first two levels and 37.6 % in all.",
        ("in_large_holes", "in_holes", "off_square", "w2", "nearest_ratio", "seconds"),
        sierpinski,
    ),
}


def main() -> None:
    """Write every page whose results are there."""
    FOLDER.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        path = RESULTS / f"{name}.json"
        if path.exists():
            text = page_text(name, page, json.loads(path.read_text()))
            (FOLDER / f"{name}.md").write_text(text)


if __name__ == "__main__":
    main()
